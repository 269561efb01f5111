/* What an agent tells: events of a stream. */
#ifndef EVENT_H
#define EVENT_H

#include "bounds.h"
#include "ids.h"
#include "task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A path as the system has it: bytes on Linux, UTF-16 units (little-endian) on Windows, and a form for people in which
 * what is no text is escaped. The raw form alone names the file. Owned by whoever owns the struct around it. */
enum path_form { PATH_BYTES = 1, PATH_UTF16 = 2 };
struct os_path {
	enum path_form form;
	size_t n; /* bytes of raw */
	const void *raw;
	const char *display; /* UTF-8 */
};

enum event_kind {
	EVENT_DETECTION = 1,
	EVENT_TASK_RESULT = 2,
	EVENT_STARTED = 3,        /* the agent began to run */
	EVENT_EVENTS_MISSING = 4, /* a stretch of the stream that nobody has any more; written by the centre */
	EVENT_QUARANTINE = 5,     /* something left the quarantine, or would not */
	EVENT_SCAN = 6,           /* a scan on demand or by schedule has ended: its account */
	EVENT_KIND_END
};

enum device_type { DEVICE_UNKNOWN, DEVICE_FIXED, DEVICE_REMOVABLE, DEVICE_NETWORK, DEVICE_OPTICAL, DEVICE_MEMORY };
enum detection_action {
	ACTION_NONE,
	ACTION_BLOCKED,
	ACTION_QUARANTINED,
	ACTION_DELETED,
	ACTION_RESTORED,
	ACTION_FAILED
};

struct detection {
	const char *engine; /* "clamav", "image", …; at most 64 bytes */
	const char *name;   /* the malware's name, at most MAX_TEXT bytes */
	const char *type;   /* "trojan", "test", …; at most 64 bytes; "" unknown */
	struct os_path path;
	bool has_md5, has_sha256;
	uint8_t md5[MD5_BYTES], sha256[SHA256_BYTES];
	enum device_type device;
	enum detection_action action;
	bool has_item; /* ACTION_QUARANTINED: under which name it stands in the machine's quarantine */
	id16 item;
};

/* What the centre knows of a machine's quarantine: a detection with an item came in, one of these tells how it went on.
 */
enum quarantine_change {
	QUARANTINE_RESTORED = 1, /* it is where it was, or at `path` */
	QUARANTINE_DELETED,
	QUARANTINE_FAILED, /* to be restored or deleted: it stands where it stood, `why` */
	QUARANTINE_CHANGE_END
};
struct quarantine_event {
	enum quarantine_change change;
	id16 item;
	uint8_t sha256[SHA256_BYTES];
	const char *name;    /* the malware's, at most MAX_TEXT bytes */
	struct os_path path; /* where it was found; RESTORED: where it is now */
	const char *why;     /* at most MAX_TEXT bytes; "" nothing to say */
	int64_t task_id;     /* of the task that asked for it; 0: none did */
};

enum scan_end { SCAN_ENDED_WELL = 1, SCAN_INTERRUPTED, SCAN_ENDED_BADLY, SCAN_END_END };
struct scan_event {
	enum scan_extent extent;
	enum scan_end end;
	int64_t task_id;                                   /* 0: asked on the computer, or by schedule */
	int64_t started_us;                                /* it ended when the event was born */
	int64_t files, bytes, known, infected, suspicious; /* known: among files, not read again because unchanged */
	size_t n_reasons;
	struct {
		const char *reason; /* at most MAX_SHORT_TEXT bytes: "encrypted", "too-big", … */
		int64_t files;
	} not_scanned[MAX_SCAN_REASONS];
	const char *why; /* FAILED, INTERRUPTED: at most MAX_TEXT bytes; else "" */
};

/* Where an event stood first, before its agent opened one or more new streams; seq 0: it stands there still. */
struct event_was {
	id16 stream;
	int64_t seq;
};

struct event {
	int64_t seq;   /* 1, 2, 3 … in its stream */
	uint8_t id[8]; /* random, born with the event */
	int64_t at_us; /* the agent's clock; what the centre makes of it is the centre's affair */
	enum event_kind kind;
	struct detection detection; /* EVENT_DETECTION */
	int64_t task_id;            /* EVENT_TASK_RESULT */
	bool task_ok;               /* EVENT_TASK_RESULT: the body's "ok" */
	bool task_started; /* EVENT_TASK_RESULT: the body's "started": the end is told by an event of its own */
	struct quarantine_event quarantine; /* EVENT_QUARANTINE */
	struct scan_event scan;             /* EVENT_SCAN */
	/* JSON object in UTF-8: of EVENT_TASK_RESULT and EVENT_STARTED; "{}" when there is nothing to say.
	 * wire_get_events gives it of EVENT_QUARANTINE and EVENT_SCAN as well, for the store; whoever makes such an
	 * event leaves it. */
	const char *body;
	struct event_was was;
};

/* One call of POST /agent/v1/events; events[i].seq == first + i. */
struct event_batch {
	id16 stream;
	int64_t first;
	uint8_t prev_id[8]; /* zeros before the first event of a stream */
	int64_t floor;      /* the lowest number that the agent still keeps */
	id16 branch;
	size_t n;
	const struct event *events;
};

#endif
