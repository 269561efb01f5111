/* The words between khien-agent and khien-scan's template, which loads the engines once and forks workers on the
 * parent's word. Jobs never pass here: pool_messages.h has what workers are told. */
#ifndef SCAN_MESSAGES_H
#define SCAN_MESSAGES_H

#include "pool_messages.h"
#include "scan_limits.h"

enum scan_message {
	/* parent → template */
	SCAN_BEGIN = 1,  /* struct scan_begin; first of all, once → SCAN_LOADED */
	SCAN_PING,       /* i64 n → SCAN_PONG; not while it loads */
	SCAN_SPAWN,      /* i64 ticket, u8 enum scan_class → SCAN_WORKER or SCAN_NO_WORKER */
	SCAN_ALLOW,      /* the administrator's allow list as a descriptor, or none: for workers to come */
	SCAN_LIMITS_NOW, /* struct scan_limits: for workers to come */
	SCAN_PACKAGES,   /* the image of packages as a descriptor, or none: for workers to come */

	/* template → parent */
	SCAN_LOADED = 64, /* struct scan_loaded */
	SCAN_PONG,        /* i64 n */
	SCAN_WORKER,    /* struct scan_worker; descriptors: its channel, its pidfd (not on old kernels), the template's
	                   life */
	SCAN_NO_WORKER, /* i64 ticket, i64 errno, text why */
	SCAN_ENDED, /* i64 pid, i64 exit status or -1, i64 signal or 0: a worker that was handed over has ended badly */
	SCAN_MESSAGE_END,
};

/* With which claim on the computer a worker runs. */
enum scan_class { SCAN_FOREGROUND, SCAN_BACKGROUND, SCAN_CLASS_END };

/* The folder of the generation comes as a descriptor when it says so. */
struct scan_begin {
	bool has_signatures;
	struct scan_limits limits;
	int64_t worker_memory;   /* bytes beyond what is shared */
	int64_t temporary_bytes; /* of a worker's temporary folder */
};

struct scan_loaded {
	struct engine_states engines; /* not yet looked at what is planted: workers do */
	int64_t took_ms;
	uint8_t sandbox[SANDBOX_MECHANISM_COUNT]; /* of the template itself */
	char problem[512];                        /* why nothing could be loaded, "" */
};

struct scan_worker {
	int64_t ticket, pid;
	struct pool_up up;
};

enum { SCAN_MAX_WHY = 512 };

void scan_put_limits(struct buf *m, const struct scan_limits *v);
void scan_get_limits(struct ipc_reader *r, struct scan_limits *ret);
void scan_put_begin(struct buf *m, const struct scan_begin *v);
void scan_get_begin(struct ipc_reader *r, struct scan_begin *ret);
void scan_put_loaded(struct buf *m, const struct scan_loaded *v);
void scan_get_loaded(struct ipc_reader *r, struct scan_loaded *ret);
void scan_put_worker(struct buf *m, const struct scan_worker *v);
void scan_get_worker(struct ipc_reader *r, struct scan_worker *ret);

#endif
