#include "clock.h"
#include "machine.h"
#include "task_store.h"

/* Counts by state what is in scope; by node first, so that a scope is asked a few times and not for each machine. */
static int count_targets(struct db *db, const struct scope *scope, const struct tree *t, struct task_row *task)
{
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select state, node_id, count(*) from (select t.state as state, (select p.node_id from place_fact p"
	    " where p.machine_id = t.machine_id and p.valid_from <= $2 and $2 < p.valid_to order by p.rev desc limit "
	    "1) as node_id"
	    " from task_target t where t.task_id = $1) d group by state, node_id",
	    "ii", task->id, clock_business_us());
	while (r == 0 && db_next(rows)) {
		int64_t state = db_i64(rows, 0);
		int64_t node_id = db_null(rows, 1) ? NODE_PROVINCE : db_i64(rows, 1);
		if (state == TASK_WAITING && task->expires_real <= clock_real_us())
			state = TASK_EXPIRED;
		if (state >= TASK_WAITING && state < TASK_STATE_END && scope_covers(scope, t, node_id))
			task->targets[state] += db_i64(rows, 2);
	}
	int done = db_done(rows);
	return r ? r : done;
}

static bool any(const struct task_row *t)
{
	int64_t n = 0;
	for (int s = TASK_WAITING; s < TASK_STATE_END; s++)
		n += t->targets[s];
	return n > 0;
}

int task_list(struct db *db, const struct scope *scope, int64_t before_id, int64_t limit,
    int (*fn)(void *arg, const struct task_row *t), void *arg)
{
	struct db_rows *rows;
	struct tree *t;
	int64_t told = 0;
	int r = tree_load_now(db, &t);
	if (r)
		return r;
	r = db_query(db, &rows,
	    "select id, kind, args, actor, created_at, expires_real, node_id, sha256 from task where id < $1 order by "
	    "id desc",
	    "i", before_id ? before_id : INT64_MAX);
	while (r == 0 && told < limit && db_next(rows)) {
		struct task_row row = {.id = db_i64(rows, 0),
		    .kind = (enum task_kind)db_i64(rows, 1),
		    .args = db_text(rows, 2),
		    .actor = db_text(rows, 3),
		    .created_at = db_i64(rows, 4),
		    .expires_real = db_i64(rows, 5)};
		r = count_targets(db, scope, t, &row);
		bool standing = !db_null(rows, 7) && scope_covers(scope, t, db_i64(rows, 6));
		if (r == 0 && (standing || any(&row))) {
			told++;
			r = fn(arg, &row);
		}
	}
	int done = db_done(rows);
	tree_free(t);
	return r ? r : done;
}
