/* What people are shown of identity: decisions, and clones that have not enrolled yet. */
#include "identity.h"

#include "clock.h"
#include "machine.h"

#define NODE_OF(machine)                                                                                               \
	"(select p.node_id from place_fact p where p.machine_id = " machine                                            \
	" and p.valid_from <= $1 and $1 < p.valid_to order by p.rev desc limit 1)"

static bool covered(struct db_rows *rows, int column, const struct scope *scope, const struct tree *t)
{
	return scope_covers(scope, t, db_null(rows, column) ? NODE_PROVINCE : db_i64(rows, column));
}

static int tell_decision(
    struct db_rows *rows, const char *uid, int (*fn)(void *arg, const struct decision_row *d), void *arg)
{
	const struct decision_row row = {
	    .rev = db_i64(rows, 0),
	    .recorded_at = db_i64(rows, 1),
	    .machine = db_text(rows, 2),
	    .other = db_text(rows, 3),
	    .kind = db_text(rows, 4),
	    .apart = (int)db_i64(rows, 5),
	    .detail = db_text(rows, 6),
	};
	if (uid && strcmp(uid, row.machine) != 0 && strcmp(uid, row.other) != 0)
		return 0;
	return fn(arg, &row);
}

static int list_decisions(struct db *db, const struct scope *scope, const struct tree *t, const char *uid,
    int64_t machine_id, int (*fn)(void *arg, const struct decision_row *d), void *arg)
{
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select d.rev, a.recorded_at, m.uid, o.uid, d.kind, d.apart, d.detail, " NODE_OF(
	        "d.machine_id") " from identity_decision d join audit a on a.rev = d.rev join machine m on m.id = "
	                        "d.machine_id"
	                        " left join machine o on o.id = d.other_id where $2 = 0 or d.machine_id = $2 or "
	                        "d.other_id = $2 order by d.id desc",
	    "ii", clock_business_us(), machine_id);
	while (r == 0 && db_next(rows))
		if (covered(rows, 7, scope, t))
			r = tell_decision(rows, uid, fn, arg);
	int done = db_done(rows);
	return r ? r : done;
}

int decision_list(struct db *db, const struct scope *scope, const char *uid,
    int (*fn)(void *arg, const struct decision_row *d), void *arg)
{
	struct machine_row m = {0};
	struct tree *t;
	int r = uid ? machine_get(db, scope, uid, &m) : 0;
	if (r)
		return r;
	r = tree_load_now(db, &t);
	if (r == 0) {
		r = list_decisions(db, scope, t, uid, m.machine_id, fn, arg);
		tree_free(t);
	}
	machine_row_release(&m);
	return r;
}

int clone_list(struct db *db, const struct scope *scope, int (*fn)(void *arg, const struct clone_row *c), void *arg)
{
	struct db_rows *rows;
	struct tree *t;
	int r = tree_load_now(db, &t);
	if (r)
		return r;
	r = db_query(db, &rows,
	    "select c.id, c.seen_at, c.rev, m.uid, c.address, c.state, " NODE_OF(
	        "c.machine_id") " from clone c join machine m on m.id = c.machine_id where c.enrolled_as = 0 order by "
	                        "c.id desc",
	    "i", clock_business_us());
	while (r == 0 && db_next(rows)) {
		const struct clone_row row = {
		    .id = db_i64(rows, 0),
		    .seen_at = db_i64(rows, 1),
		    .rev = db_i64(rows, 2),
		    .machine = db_text(rows, 3),
		    .address = db_text(rows, 4),
		    .state = db_text(rows, 5),
		};
		if (covered(rows, 6, scope, t))
			r = fn(arg, &row);
	}
	int done = db_done(rows);
	tree_free(t);
	return r ? r : done;
}
