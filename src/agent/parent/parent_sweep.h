/* Scans on demand, by task and by schedule. A scan that somebody waits for and one that nobody waits for may run beside
 * each other; of either kind one at a time. What the centre or the clock asked for is written down before it is
 * promised, goes on where it was after a restart, and ends with an account that reaches the centre. */
#ifndef PARENT_SWEEP_H
#define PARENT_SWEEP_H

#include "event.h"
#include "ipc_channel.h"
#include "scan_messages.h"
#include "sweep_messages.h"
#include "task.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct parent;
struct client;

enum { MAX_QUEUED_SCANS = 8 };

/* One scan that was asked for. The texts are its own. */
struct sweep_job {
	int64_t number; /* rises; 0: none */
	enum scan_extent extent;
	int64_t task_id;    /* 0: no task */
	int64_t started_us; /* 0: not begun */
	size_t n_paths;
	char *paths[MAX_SCAN_PATHS];
	struct sweep_progress done; /* its position is the text below */
	char *position;             /* NULL: from the beginning */
	bool report_only;
	enum scan_end end; /* 0: not ended; else the account is to be told */
	uint8_t event_id[8];
	char why[SWEEP_MAX_WHY];
};

/* The process that makes it. */
struct sweep_run {
	pid_t pid; /* 0: none */
	struct ipc_channel *channel;
	struct sweep_job *job;
	int64_t ticket;         /* of the client that watches; 0: none */
	int64_t started_us;     /* monotonic */
	int64_t start_at_us;    /* not before: after one that fell over */
	int falls;              /* one after the other, without getting further */
	bool told_end, stopped; /* it has said how it ended; it was asked to stop */
};

struct sweeps {
	struct sweep_run runs[SCAN_CLASS_END];
	struct sweep_job queue[MAX_QUEUED_SCANS]; /* background: the first is under way, or the next */
	size_t n_queue;
	struct sweep_job foreground; /* what a person waits for, or has interrupted (end == SCAN_INTERRUPTED) */
	int64_t scheduled_us;        /* up to when the schedule was looked at; real time */
	int64_t next_number, save_at_us;
};

/* Reads what is written down. A broken file is put aside and said: scans are asked for anew. */
int parent_sweep_open(struct parent *p);
void parent_sweep_release(struct parent *p); /* ends the processes, writes down how far they are */

/* parent_control.c has a person who waits. Refuses by itself. */
void parent_sweep_ask(struct parent *p, struct client *c, struct ipc_reader *r);
void parent_sweep_left(struct parent *p, int64_t ticket); /* the person has gone: the scan is interrupted */

/* The task's executor. */
struct task_reply;
void parent_sweep_task(struct parent *p, const struct task *t, const struct task_args *a, struct task_reply *reply);

/* The loop. */
size_t parent_sweep_fill(const struct parent *p, struct pollfd fds[SCAN_CLASS_END]);
void parent_sweep_serve(struct parent *p, const struct pollfd *fds);
void parent_sweep_tick(struct parent *p, int64_t now_us);
int64_t parent_sweep_next_us(const struct parent *p);
bool parent_sweep_gone(struct parent *p, pid_t pid, int status); /* true: it was one of ours */

/* scan_jobs.c: what is written down. */
void sweep_job_clear(struct sweep_job *j);
int scan_jobs_save(int folder, const struct sweeps *s);
int scan_jobs_load(int folder, struct sweeps *s); /* -ENOENT; -EBADMSG */

/* scan_schedule.c: the latest moment at or before now_us at which the schedule wanted a scan, in local time; 0: it
 * wants none. spread_us is added to each, so that the computers of a building do not begin at once. */
int64_t scan_schedule_last(int64_t now_us, int weekday, int hour, int64_t spread_us);

#endif
