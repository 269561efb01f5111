/* What a scan of one content ended with. The same struct comes from an engine, crosses the processes and reaches the
 * person who asked. It owns nothing, so that it can be copied and kept. */
#ifndef SCAN_RESULT_H
#define SCAN_RESULT_H

#include "bounds.h"
#include "ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero is the one that says least, so that a struct that nobody filled is never "clean". */
enum scan_verdict {
	SCAN_ERROR,       /* our own fault: out of memory, a broken process; says nothing about the content */
	SCAN_CLEAN,       /* every stage that is in force saw the whole content, or an allow entry ended it */
	SCAN_INFECTED,    /* something that is known to be malware */
	SCAN_SUSPICIOUS,  /* a heuristic or an ungated rule: told, never acted on by itself */
	SCAN_NOT_SCANNED, /* not (wholly) looked at: `reason` */
	SCAN_VERDICT_COUNT,
};

enum scan_reason {
	SCAN_REASON_NONE,
	SCAN_CRASHED,     /* the process that scanned it died; remembered for this content */
	SCAN_TIMED_OUT,   /* a deadline passed */
	SCAN_LIMITS,      /* nested too deep, too many files, too much when unpacked */
	SCAN_ENCRYPTED,   /* some of it can be read only with a password */
	SCAN_TOO_BIG,     /* more bytes than may be scanned */
	SCAN_NOT_REGULAR, /* a FIFO, device, folder, or a file that a kernel's file system makes up */
	SCAN_NO_ENGINE,   /* an engine that must look is not there, or misses its planted content */
	SCAN_UNREADABLE,  /* reading failed */
	SCAN_CHANGED,     /* written to while it was scanned */
	SCAN_NO_SPACE,    /* no temporary folder, or no space in it: nothing could be unpacked */
	SCAN_FAILED,      /* an engine gave up */
	SCAN_BUSY,        /* the queue was full, or nobody was there to scan */
	SCAN_STOPPED,     /* whoever asked stopped */
	SCAN_REASON_COUNT,
};

/* Whose word made it clean. */
enum scan_allowed {
	SCAN_ALLOWED_NOT,
	SCAN_ALLOWED_ADMINISTRATOR, /* the allow list of this installation */
	SCAN_ALLOWED_SIGNATURES,    /* .fp, .sfp */
	SCAN_ALLOWED_PACKAGE,       /* installed by dpkg or rpm, unaltered */
	SCAN_ALLOWED_COUNT,
};

enum { SCAN_HAS_MD5 = 1, SCAN_HAS_SHA1 = 2, SCAN_HAS_SHA256 = 4 };
enum { SHA1_BYTES = 20 };

struct scan_find {
	char engine[MAX_ENGINE_NAME];
	char name[MAX_MALWARE_NAME]; /* UTF-8, no control characters; as clamscan prints it */
	enum scan_verdict verdict;   /* SCAN_INFECTED or SCAN_SUSPICIOUS */
	uint32_t depth;              /* 0: the content itself; else so many containers deep */
};

struct scan_result {
	enum scan_verdict verdict;
	enum scan_reason reason;             /* SCAN_NOT_SCANNED; also beside a find: what was not looked at */
	char reason_engine[MAX_ENGINE_NAME]; /* which engine the reason is about; "" for none */
	enum scan_allowed allowed_by;
	size_t n_finds; /* the worst first: the first is the one to name */
	struct scan_find finds[MAX_SCAN_FINDS];
	char type[MAX_FILE_TYPE]; /* "pe", "elf", "zip", …; "" unknown */
	int64_t size;
	unsigned digests; /* SCAN_HAS_… */
	uint8_t md5[MD5_BYTES], sha1[SHA1_BYTES], sha256[SHA256_BYTES];
	int64_t generation; /* of the signatures that judged; 0 none */
};

/* "clean", "infected", …; "timed out", …: words for people and for JSON. */
const char *scan_verdict_name(enum scan_verdict v);
const char *scan_reason_name(enum scan_reason r);
const char *scan_allowed_name(enum scan_allowed a);

/* Puts a find where it belongs by its verdict, and raises the result's verdict to it; names are cleaned (control
 * characters become "?"), what is too long is cut, finds beyond the maximum are dropped (the worst stay). */
void scan_result_add(struct scan_result *r, const char *engine, const char *name, enum scan_verdict v, uint32_t depth);

/* Notes that something was not looked at. The first reason stays; a find is never taken back. */
void scan_result_missed(struct scan_result *r, const char *engine, enum scan_reason reason);

/* The one way to SCAN_CLEAN: only a result without find and without reason becomes it. */
void scan_result_settle(struct scan_result *r);

#endif
