/* The words between khien-agent and khien-sweep, which makes one scan and ends. The sweep is as trusted as the parent:
 * both are root, it is a process of its own only so that it may block, be slow and keep out of the way. */
#ifndef SWEEP_MESSAGES_H
#define SWEEP_MESSAGES_H

#include "event.h"
#include "scan_result.h"
#include "task.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct ipc_reader;

enum sweep_message {
	/* parent → sweep */
	SWEEP_BEGIN = 1, /* struct sweep_begin, once, first of all */
	SWEEP_WORKER,    /* i64 pid; descriptors: its channel, its pidfd (not on old kernels), the template's life */
	SWEEP_NO_WORKER, /* i64 errno: answer to SWEEP_WANT_WORKER as well */
	SWEEP_STOP,      /* end with what was done so far */

	/* sweep → parent */
	SWEEP_WANT_WORKER = 64,
	SWEEP_PROGRESS, /* struct sweep_progress, a few a second; the last one before SWEEP_ENDED */
	SWEEP_FOUND,    /* struct sweep_found */
	SWEEP_MISSED,   /* u8 scan_reason, path: something that was not scanned; the first of them only */
	SWEEP_ENDED,    /* u8 scan_end, text why; the sweep exits */
	SWEEP_MESSAGE_END,
};

/* Descriptors above 2 that the sweep is started with. */
enum { SWEEP_CHANNEL = 3 };

struct sweep_progress {
	/* so far, with what the scan had done before it was interrupted */
	int64_t files, bytes, infected, suspicious;
	int64_t not_scanned[SCAN_REASON_COUNT];
	int64_t all_files, all_bytes; /* what there is to do; -1: not counted (yet) */
	uint8_t rest;                 /* enum pace_rest: why it does not go on at the moment */
	size_t position_n;            /* path behind which it can be gone on with; 0: nothing is done yet */
	const void *position;
};

struct sweep_begin {
	enum scan_extent extent; /* paths come with SCAN_CUSTOM alone */
	bool background;         /* keeps out of the way; does not count beforehand */
	bool quarantine, stop_processes, on_battery, removable;
	int64_t cpu_percent, max_file_bytes, file_s;
	const char *state;            /* the agent's folder: holds the quarantine, and is not scanned */
	struct sweep_progress before; /* of the interrupted scan that this one goes on with; else zeros */
	size_t n_paths;
	const char *paths[MAX_SCAN_PATHS]; /* bytes without NUL */
};

struct sweep_found {
	enum scan_verdict verdict;  /* infected or suspicious */
	struct detection detection; /* with action: quarantined (then the quarantine tells the centre), none, failed */
	int32_t stopped;            /* processes that ran from it */
	const char *why;            /* of a failure; "" */
};

enum { SWEEP_MAX_WHY = 512 };

void sweep_put_begin(struct buf *m, const struct sweep_begin *v);
void sweep_get_begin(struct ipc_reader *r, struct sweep_begin *ret);
void sweep_put_progress(struct buf *m, const struct sweep_progress *v);
void sweep_get_progress(struct ipc_reader *r, struct sweep_progress *ret);
void sweep_put_found(struct buf *m, const struct sweep_found *v);
void sweep_get_found(struct ipc_reader *r, struct sweep_found *ret);

#endif
