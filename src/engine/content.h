/* One content under scan: its bytes, its size, its digests. Small ones are read once into memory, so that every engine
 * sees the same bytes whatever a writer does meanwhile; nothing is mapped, because a file that shrinks under a map
 * kills its reader. */
#ifndef CONTENT_H
#define CONTENT_H

#include "scan_result.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Kinds that the first bytes tell, for choosing rules: cheap, and never a reason not to look. */
enum content_type {
	CONTENT_OTHER,
	CONTENT_PE,
	CONTENT_ELF,
	CONTENT_SCRIPT, /* "#!" */
	CONTENT_OFFICE, /* OLE2, RTF */
	CONTENT_PDF,
	CONTENT_ARCHIVE, /* zip (office documents as well), 7z, rar, gzip, … */
	CONTENT_TEXT,
	CONTENT_TYPE_COUNT,
};

struct scan_content {
	int fd;               /* -1: only bytes */
	const uint8_t *bytes; /* NULL: larger than CONTENT_IN_MEMORY, read it by pread on fd */
	int64_t size;
	uint32_t depth;  /* 0: what the job was about */
	bool normalised; /* made by an unpacker, stands nowhere in this form: digests say nothing about it */
	enum content_type type;
	unsigned digests; /* SCAN_HAS_… */
	uint8_t md5[MD5_BYTES], sha1[SHA1_BYTES], sha256[SHA256_BYTES];
	struct stat at_open; /* depth 0 */
};

enum { CONTENT_IN_MEMORY = 16 << 20 };

/* Memory for contents of one worker: kept between jobs up to a bound, so that a small file costs no page faults. */
struct content_memory {
	uint8_t *p;
	size_t n;
};
void content_memory_release(struct content_memory *m);

/* Looks at the descriptor (regular file, size, file system) and reads it. SCAN_REASON_NONE, or why it cannot be
 * scanned; c->size is set in either case when it is known. `c` borrows from `m` until the next call. */
enum scan_reason content_open(struct scan_content *c, struct content_memory *m, int fd, int64_t max_bytes);

/* A content that is bytes already. */
void content_of_bytes(struct scan_content *c, const void *p, size_t n, uint32_t depth);

/* Computes those of `wanted` that are not there yet, in one pass. 0, -EIO, -ESTALE (fewer bytes than size). */
int content_digest(struct scan_content *c, unsigned wanted);

/* Reads n bytes at an offset: how many there were, or a negative errno. */
int64_t content_read(const struct scan_content *c, int64_t at, void *p, size_t n);

/* True when the file was written to, truncated or replaced since content_open. */
bool content_changed(const struct scan_content *c);

const char *content_type_name(enum content_type t); /* "pe" */

#endif
