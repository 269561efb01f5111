/* Scanning as a service of other processes: hands contents to jailed workers and brings their results back. For
 * khien-agent and khien-sweep, which have a poll loop of their own.
 *
 * A worker has one job at a time, so that its death says which content it died of. What a content did to a worker is
 * remembered, by its SHA-256 when the worker had told it and by the file's identity and times: it is SCAN_NOT_SCANNED
 * from then on, for every worker, until the signatures change. A worker that ended because its template did is nobody's
 * fault: its job is asked once more.
 *
 *          want_worker                 job                    result
 *   (none) ───────────→ (asked for) → idle ────────────→ busy ──────→ idle …
 *                                       │ idle for long    │ deadline: killed; death: remembered
 *                                       └────→ closed ←────┘ */
#ifndef POOL_H
#define POOL_H

#include "engine_state.h"
#include "scan_result.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pool;

/* What the template made: descriptors are -1 when there is none. */
struct pool_worker_ends {
	int channel;
	int pidfd; /* kernels before 5.3: -1, then the pid is used */
	int life;  /* hangs up when the template is gone */
	pid_t pid;
};

enum pool_event_kind {
	POOL_WORKER_CRASHED,  /* it died of a content */
	POOL_WORKER_LATE,     /* it was killed over a content */
	POOL_WORKER_NONSENSE, /* it said what no worker says, and was killed */
	POOL_TEMPLATE_GONE,   /* its job is asked again */
};

struct pool_event {
	enum pool_event_kind kind;
	pid_t pid;
	bool has_sha256;
	uint8_t sha256[SHA256_BYTES]; /* of the content, when it is known */
};

struct pool_config {
	size_t max_workers, min_workers; /* the latter are kept though idle */
	size_t max_queue;                /* jobs that wait for a worker */
	int64_t deadline_ms;             /* of a job, from when a worker has it */
	int64_t patience_ms;             /* of a job that no worker takes: then SCAN_BUSY */
	int64_t idle_ms;                 /* a worker above the minimum without work */
	int64_t age_ms; /* a worker is replaced then: what its libraries lost is given back; 0: never */
	/* Asks for one more worker, which is answered by pool_add_worker or pool_no_worker, later. Negative: it cannot
	 * be asked for now; it is tried again. */
	int (*want_worker)(void *arg);
	void (*happened)(void *arg, const struct pool_event *e); /* NULL: nobody is told */
	void *arg;
};

struct scan_job {
	int fd;              /* the content: stays the caller's, and open until `done` or pool_cancel */
	int64_t deadline_ms; /* 0: the pool's */
	void (*done)(void *arg, const struct scan_result *r); /* never from within pool_submit */
	void *arg;
};

struct pool_stats {
	size_t workers, busy, waiting, asked_for;
	size_t remembered;                   /* contents that are not looked at any more */
	int64_t jobs, crashes, lates, again; /* since the pool was made; again: asked of a second worker */
	int last_refusal;                    /* negative errno: why there was no worker, 0 when the last was given */
};

/* max_workers: at most POOL_MAX_WORKERS. */
enum { POOL_MAX_WORKERS = 64, POOL_MAX_FDS = POOL_MAX_WORKERS };
int pool_new(const struct pool_config *config, struct pool **ret);
void pool_free(struct pool *p); /* closes the workers, which ends them; no `done` is called */

/* Takes the descriptors over, also on failure. */
int pool_add_worker(struct pool *p, const struct pool_worker_ends *w);
void pool_no_worker(struct pool *p, int why);

/* -EAGAIN: the queue is full (nothing was taken); -ENOMEM; -EBADF. */
int pool_submit(struct pool *p, const struct scan_job *job);
/* Forgets the jobs with this arg without `done`; one that a worker has is scanned to its end for nobody. */
void pool_cancel(struct pool *p, const void *arg);

/* Has an idle worker, or the next one, look at what is planted. states NULL: it could not. -EALREADY: one is going on.
 */
int pool_check(struct pool *p, void (*done)(void *arg, const struct engine_states *states), void *arg);

/* What workers are made from is another: those that are there are closed when their job is done. */
void pool_renew(struct pool *p);
/* Other signatures: what ended a worker is tried again. */
void pool_forget(struct pool *p);

/* The administrator's allow list has changed: tells the workers (those to come have it from the template). The
 * descriptor stays the caller's; -1: there is none any more. */
void pool_set_allow(struct pool *p, int fd);

/* The poll loop: at most POOL_MAX_FDS into fds; then pool_serve with what poll said, at the latest at
 * pool_next_us (clock_mono_us). */
size_t pool_fill(const struct pool *p, struct pollfd *fds);
void pool_serve(struct pool *p, const struct pollfd *fds, size_t n, int64_t now_us);
int64_t pool_next_us(const struct pool *p);

void pool_get_stats(const struct pool *p, struct pool_stats *ret);

#endif
