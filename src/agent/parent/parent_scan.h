/* khien-scan as the parent has it: its template, started, watched and started again like the link (parent_link.c), the
 * parent's own pool of workers, and what a person and the centre are told of it.
 *
 *   down → loading → up → (dying) → down …        other signatures: a second template loads beside the first, which
 *                                                 serves until the second is up; then it ends with its last job */
#ifndef PARENT_SCAN_H
#define PARENT_SCAN_H

#include "pool.h"
#include "scan_messages.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct parent;
enum { SCAN_MAX_SPAWNS = 16, SCAN_MAX_FDS = 2 + POOL_MAX_FDS };

enum scan_phase {
	SCAN_PHASE_OFF,     /* this installation has no scanner */
	SCAN_PHASE_DOWN,    /* none runs; one is started at start_at_us */
	SCAN_PHASE_LOADING, /* runs, has not said SCAN_LOADED */
	SCAN_PHASE_UP,
	SCAN_PHASE_DYING, /* killed or gone; its exit is not collected yet */
};

struct scan_process {
	enum scan_phase phase;
	pid_t pid;
	struct ipc_channel *channel;
	int64_t started_us, pinged_us, heard_us;
	struct scan_loaded loaded;
};

/* The worker's ends, which are the callee's then; or NULL, and a positive errno. */
typedef void parent_scan_fn(struct parent *p, int64_t tag, const struct pool_worker_ends *w, int why);

struct scan {
	struct scan_process now, next; /* next: other signatures, not yet in force */
	struct pool *pool;
	struct scan_spawn {
		int64_t ticket; /* 0: free */
		parent_scan_fn *done;
		int64_t tag;
	} spawns[SCAN_MAX_SPAWNS];
	struct scan_limits limits;  /* in force */
	struct timespec allow_time; /* of the allow list that the workers have */
	int short_lives;
	int64_t restarts, start_at_us, check_at_us;
	bool other;        /* signatures than before, once they are in force */
	bool looked;       /* a worker of `now` has come up */
	struct pool_up up; /* the last that did; its engines as they were at the last look */
	char trouble[300]; /* why none runs, or why other signatures are not in force: "" */
};

int parent_scan_open(struct parent *p);
void parent_scan_close(struct parent *p);
size_t parent_scan_fill(const struct parent *p, struct pollfd *fds); /* SCAN_MAX_FDS */
void parent_scan_serve(struct parent *p, const struct pollfd *fds, size_t n, int64_t now_us);
void parent_scan_tick(struct parent *p, int64_t now_us);
int64_t parent_scan_next_us(const struct parent *p);
bool parent_scan_gone(struct parent *p, pid_t pid, int status); /* true: it was one of ours */

/* One more worker, for whoever feeds it; the tag is the caller's. `done` is called later, once. -EAGAIN: none can be
 * made now. */
int parent_scan_want(struct parent *p, enum scan_class class, parent_scan_fn *done, int64_t tag);

/* Other signatures are on the disk. 0: clients that wait (WAITS_FOR_SIGNATURES) are told when they are in force. */
int parent_scan_reload(struct parent *p);
int64_t parent_scan_deadline_ms(const struct parent *p); /* of a job */
/* The administrator's allow list may be another one: looks, and tells the workers. */
void parent_scan_allow(struct parent *p);

/* parent_scan_state.c */
bool parent_scan_protects(const struct parent *p);
/* Why it does not, in a few plain words; "" when it does. */
const char *parent_scan_note(const struct parent *p);
void parent_scan_problems(struct parent *p, void (*add)(struct parent *p, const char *text));
void parent_scan_facts(const struct parent *p, void (*fact)(void *arg, const char *name, const char *value), void *arg);

#endif
