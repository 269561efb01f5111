/* The store: one writer thread that commits in groups, readers beside it, queues with an end.
 *
 * What must hold:
 *  1. No store call on an event thread: jobs are functions that run on the store's own threads.
 *  2. A write job's `done` is called only after the commit that holds it is durable, or with the reason why it is not.
 *  3. A job that fails is undone alone (savepoint); the others of its group stand. A commit that fails fails the group.
 *  4. A full queue refuses at once with -EAGAIN (the caller answers 503 and Retry-After); nothing accepted is dropped.
 *  5. No decision rests on this process's memory: several servers may write to one PostgreSQL. */
#ifndef STORE_H
#define STORE_H

#include "db.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

struct store_config {
	const char *where; /* db_open's */
	int readers;       /* threads; 2 is right for two cores */
	int queue;         /* jobs waiting at most, each for writer and readers */
	int group;         /* jobs in one transaction at most */
};

/* A store is born once, with its province (node 1 and its first fact) and its kind: one created as a simulation is so
 * for ever. One transaction; -EEXIST: there is one already. */
struct store_birth {
	const char *province;      /* in NFC */
	const char *province_fold; /* its text_fold, which this room cannot compute */
	int64_t simulation_us;     /* 0: a real store. Else a simulation, and its business clock starts there */
};
int store_create(const char *where, const struct store_birth *birth, struct err *e);

/* Opens an existing store (-ENOENT: none was created there) and brings it to this program's schema: numbered
 * migrations, each in one transaction. -EPROTO: the store is newer than this program. */
int store_open(struct store **ret, const struct store_config *c, struct err *e);
/* Runs what is queued, then ends the threads. */
void store_close(struct store *s);

/* `run` does its work on db, inside a transaction; 0 or a negative errno, which undoes it. It may be called again from
 * the beginning (the group is run anew when one of its jobs fails or the database asks for it), so what it leaves in
 * arg it overwrites. After an error of db it can only return it. `done(arg, r)` follows, always, exactly once, on a
 * thread of the store: it must not block. After a commit whose answer was lost (-ECONNRESET) the work may stand or not.
 */
typedef int (*store_run)(struct db *db, void *arg);
typedef void (*store_done)(void *arg, int r);
int store_write(struct store *s, store_run run, store_done done, void *arg);
int store_read(struct store *s, store_run run, store_done done, void *arg);
/* The same, waiting: for programs without an event loop and for start-up. Never on a thread of the store. */
int store_write_now(struct store *s, store_run run, void *arg);
int store_read_now(struct store *s, store_run run, void *arg);

/* The pulse: a number in the store that rises with every commit that another process must hear of (a task, a policy, a
 * revocation, a moved clock). Watched by one thread of the store, every `STORE_PULSE_MS`; `wake` is called on it. */
enum { STORE_PULSE_MS = 200 };
void store_on_pulse(struct store *s, void (*wake)(void *arg, int64_t pulse), void *arg);
int store_beat(struct db *db); /* inside a write job: raises the pulse in this transaction */

/* In a simulation every transaction begins by reading the store's simulated instant into clock_business_us, so that all
 * processes agree. Inside a write job: moves it and beats. -EPERM: not a simulation, or not forward. */
int store_move_clock(struct db *db, int64_t to_us);
bool store_is_simulation(struct store *s);
void store_epoch(struct store *s, char dst[33]); /* born with the database, changed by a restore */

struct store_stats {
	int64_t commits, jobs, failed, refused, waiting;
	int64_t commit_us; /* sum over commits */
};
void store_get_stats(struct store *s, struct store_stats *ret);

#endif
