/* What an agent tells: events of a stream. */
#ifndef EVENT_H
#define EVENT_H

#include "bounds.h"
#include "ids.h"

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
	const char *body; /* JSON object in UTF-8 for kinds other than detection; "{}" when there is nothing to say */
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
