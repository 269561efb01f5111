/* Tasks: made for machines, handed out by syncs, answered by events. */
#ifndef TASK_STORE_H
#define TASK_STORE_H

#include "db.h"
#include "err.h"
#include "ledger.h"
#include "scope.h"
#include "task.h"

enum { MAX_TASK_TARGETS = 100000, MAX_TASK_HOURS = 24 * 366 };

struct task_wish {
	enum task_kind kind;
	struct task_args args;
	const char *args_text; /* the same as JSON object; "{}" */
	int64_t expires_real;  /* in the future, at most MAX_TASK_HOURS ahead, or what task_lasts says */
	/* All installed machines that hang here or below now; 0: those named. A task for a content in quarantine: the
	 * machines there on which it stands, and those that tell later that it stood there before the task was made. */
	int64_t node_id;
	size_t n_machines;
	const char *const *machines; /* uids; a machine out of scope is -ENOENT */
};
/* A task about what stands in quarantine has no need of an end: it is about a thing that stays until the machine comes,
 * be that after a summer, and does nothing where the thing is gone. */
bool task_lasts(enum task_kind k);
/* One ledger commit; beats the pulse. -EINVAL, -ENOENT (also: no machine at all), -ENOSPC. */
int task_create(struct db *db, const struct ledger_who *who, const struct scope *scope, const struct task_wish *w,
    int64_t *ret_id, int64_t *ret_targets, struct err *e);
/* For events: one more machine. *ret_added (may be NULL) is raised when it was not there yet. */
int task_add_target(struct db *db, int64_t task_id, int64_t machine_id, int64_t beat, int64_t *ret_added);
/* Targets that have not answered become cancelled. -ENOENT: none of its machines is in scope; *ret_n: how many there
 * were. Only the targets in scope; with its whole node in scope nobody joins it later either. */
int task_cancel(struct db *db, const struct ledger_who *who, const struct scope *scope, int64_t id, int64_t *ret_n);

struct task_target_row {
	const char *machine, *machine_name;
	int64_t node_id;
	enum task_state state;         /* a waiting one whose time is over reads as expired */
	int64_t delivered_at, done_at; /* business time; 0: not yet */
	const char *result;            /* JSON */
};
struct task_row {
	int64_t id, created_at, expires_real;
	enum task_kind kind;
	const char *args, *actor;
	int64_t targets[TASK_STATE_END]; /* by state, of machines in scope */
};
/* Newest first, those with a machine in scope; before_id 0: from the newest. */
int task_list(struct db *db, const struct scope *scope, int64_t before_id, int64_t limit,
    int (*fn)(void *arg, const struct task_row *t), void *arg);
int task_targets(struct db *db, const struct scope *scope, int64_t id,
    int (*fn)(void *arg, const struct task_target_row *t), void *arg); /* -ENOENT */

#endif
