#include "task_store.h"

#include "clock.h"
#include "detail.h"
#include "identity_int.h"
#include "machine.h"
#include "quarantine_store.h"
#include "store.h"

bool task_lasts(enum task_kind k)
{
	return task_takes(k) == TASK_TAKES_QUARANTINE;
}

/* Of a content, wherever it stands below a node. */
static bool is_standing(const struct task_wish *w)
{
	return w->node_id && task_takes(w->kind) == TASK_TAKES_QUARANTINE && !w->args.quarantine.by_item;
}

static int check_wish(const struct task_wish *w, struct err *e)
{
	int64_t now = clock_real_us();
	const char *fault = task_args_fault(w->kind, &w->args);
	if (fault)
		return err_set(e, -EINVAL, "args: %s", fault);
	if (w->args_text[0] != '{' || strlen(w->args_text) > MAX_TASK_ARGS)
		return err_set(e, -EINVAL, "args: a JSON object of at most %d bytes", MAX_TASK_ARGS);
	if (w->expires_real <= now)
		return err_set(e, -EINVAL, "expires: lies in the past");
	if (!task_lasts(w->kind) && w->expires_real > now + (int64_t)MAX_TASK_HOURS * 3600 * US_PER_S)
		return err_set(e, -EINVAL, "expires: more than %d hours ahead", MAX_TASK_HOURS);
	if (!w->node_id == !w->n_machines)
		return err_set(e, -EINVAL, "targets: either a node or machines");
	if (w->n_machines > MAX_TASK_TARGETS)
		return err_set(e, -ENOSPC, "targets: more than %d machines", MAX_TASK_TARGETS);
	return 0;
}

struct creation {
	struct db *db;
	int64_t id, beat, targets;
};

int task_add_target(struct db *db, int64_t task_id, int64_t machine_id, int64_t beat, int64_t *ret_added)
{
	int64_t added = 0;
	int r = db_exec(db, &added,
	    "insert into task_target(task_id, machine_id, state, changed_beat, delivered_at, done_at, result)"
	    " values ($1, $2, $3, $4, 0, 0, '') on conflict(machine_id, task_id) do nothing",
	    "iiii", task_id, machine_id, (int64_t)TASK_WAITING, beat);
	if (r == 0 && ret_added)
		*ret_added += added;
	return r;
}

static int add_target(struct creation *c, int64_t machine_id)
{
	return task_add_target(c->db, c->id, machine_id, c->beat, &c->targets);
}

static int add_named(struct creation *c, const struct scope *scope, const struct task_wish *w, struct err *e)
{
	int r = 0;
	for (size_t i = 0; i < w->n_machines && r == 0; i++) {
		struct machine_row m = {0};
		r = machine_get(c->db, scope, w->machines[i], &m);
		if (r == -ENOENT)
			return err_set(e, r, "machine %s: there is none", w->machines[i]);
		if (r == 0)
			r = add_target(c, m.machine_id);
		machine_row_release(&m);
	}
	return r;
}

static int add_page(struct creation *c, const struct scope *scope, struct machine_query *q, char *after_name,
    char *after_uid, bool *ret_more)
{
	struct machine_page page = {0};
	int r = machine_list(c->db, scope, q, &page);
	if (r)
		return r;
	for (size_t i = 0; i < page.n && r == 0; i++)
		r = add_target(c, page.rows[i].machine_id);
	memcpy(after_name, page.next_name_fold, sizeof page.next_name_fold);
	memcpy(after_uid, page.next_uid, sizeof page.next_uid);
	*ret_more = page.next_uid[0] != 0;
	machine_page_release(&page);
	return r;
}

static int add_below(struct creation *c, const struct scope *scope, const struct task_wish *w, struct err *e)
{
	char name[sizeof((struct machine_page *)0)->next_name_fold], uid[MACHINE_UID_TEXT];
	struct machine_query q = {.node_id = w->node_id, .state = MACHINES_INSTALLED, .limit = 1000};
	bool more;
	int r;
	do {
		r = add_page(c, scope, &q, name, uid, &more);
		q.after_name_fold = name;
		q.after_uid = uid;
	} while (r == 0 && more);
	if (r == 0 && c->targets > MAX_TASK_TARGETS)
		r = err_set(e, -ENOSPC, "targets: more than %d machines", MAX_TASK_TARGETS);
	return r;
}

/* An item more than once on one machine is one target. */
static int add_where_it_stands(struct creation *c, const struct scope *scope, const struct task_wish *w, struct err *e)
{
	struct db_rows *rows;
	struct tree *t;
	int r = tree_load_now(c->db, &t);
	if (r)
		return r;
	if (!tree_node(t, w->node_id))
		r = err_set(e, -ENOENT, "there is no such node");
	rows = NULL;
	if (r == 0)
		r = db_query(c->db, &rows,
		    "select distinct q.machine_id, (select p.node_id from place_fact p where p.machine_id = "
		    "q.machine_id"
		    " and p.valid_from <= $3 and $3 < p.valid_to order by p.rev desc limit 1)"
		    " from quarantine_item q where q.sha256 = $1 and q.state = $2",
		    "bii", w->args.quarantine.sha256, (size_t)SHA256_BYTES, (int64_t)ITEM_STANDS, clock_business_us());
	while (r == 0 && db_next(rows)) {
		int64_t node_id = db_null(rows, 1) ? NODE_PROVINCE : db_i64(rows, 1);
		const struct node *n = tree_node(t, node_id);
		if (n && tree_below(n, w->node_id) && scope_covers(scope, t, node_id))
			r = add_target(c, db_i64(rows, 0));
	}
	int done = db_done(rows);
	tree_free(t);
	return r ? r : done;
}

static int add_targets(struct creation *c, const struct scope *scope, const struct task_wish *w, struct err *e)
{
	if (is_standing(w))
		return add_where_it_stands(c, scope, w, e); /* none may stand there yet */
	int r = w->node_id ? add_below(c, scope, w, e) : add_named(c, scope, w, e);
	if (r == 0 && c->targets == 0)
		r = err_set(e, -ENOENT, "targets: no machine is installed there");
	return r;
}

static int end_entry(struct db *db, const struct ledger_entry *l, const struct ledger_who *who, const char *action,
    int64_t id, int64_t node_id, struct detail *d)
{
	char object[32];
	snprintf(object, sizeof object, "task:%lld", (long long)id);
	const char *text = detail_close(d);
	return text ? ledger_end(db, l, who, action, object, node_id, text) : detail_error(d);
}

int task_create(struct db *db, const struct ledger_who *who, const struct scope *scope, const struct task_wish *w,
    int64_t *ret_id, int64_t *ret_targets, struct err *e)
{
	struct creation c = {.db = db};
	struct detail d = DETAIL_INIT;
	struct ledger_entry l;
	int r = check_wish(w, e);
	if (r)
		return r;
	r = ledger_begin(db, &l);
	if (r == 0)
		r = store_beat(db);
	if (r == 0)
		r = pulse_now(db, &c.beat);
	if (r == 0)
		r = db_row(db,
		    "insert into task(rev, kind, args, actor, created_at, expires_real, cancelled, node_id, sha256, "
		    "created_real) values ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9) returning id",
		    "iittiiibi", l.rev, (int64_t)w->kind, w->args_text, who->actor, l.recorded_at, w->expires_real,
		    w->node_id, is_standing(w) ? w->args.quarantine.sha256 : NULL, (size_t)SHA256_BYTES,
		    clock_real_us(), "i", &c.id);
	if (r == 0)
		r = add_targets(&c, scope, w, e);
	detail_raw(&d, "args", w->args_text);
	detail_int(&d, "expires_us", w->expires_real);
	detail_text(&d, "kind", task_kind_name(w->kind));
	detail_int(&d, "targets", c.targets);
	if (r == 0)
		r = end_entry(db, &l, who, "task.create", c.id, w->node_id ? w->node_id : NODE_PROVINCE, &d);
	detail_release(&d);
	if (r)
		return r;
	*ret_id = c.id;
	*ret_targets = c.targets;
	return 0;
}

static const char targets_sql[] =
    "select t.machine_id, m.uid, t.state, t.delivered_at, t.done_at, t.result, k.expires_real,"
    " (select p.node_id from place_fact p where p.machine_id = t.machine_id and p.valid_from <= $2 and $2 < p.valid_to"
    " order by p.rev desc limit 1),"
    " (select n.name from name_fact n where n.machine_id = t.machine_id and n.valid_from <= $2 and $2 < n.valid_to"
    " order by n.rev desc limit 1)"
    " from task_target t join task k on k.id = t.task_id join machine m on m.id = t.machine_id where t.task_id = $1"
    " order by t.machine_id";

/* Both of them for one target in scope. */
struct visit {
	int (*each)(void *arg, int64_t machine_id, const struct task_target_row *t);
	void *arg;
	int64_t n;
};

static int visit_row(struct db_rows *rows, const struct scope *scope, const struct tree *t, struct visit *v)
{
	struct task_target_row row = {
	    .machine = db_text(rows, 1),
	    .machine_name = db_text(rows, 8),
	    .node_id = db_null(rows, 7) ? NODE_PROVINCE : db_i64(rows, 7),
	    .state = (enum task_state)db_i64(rows, 2),
	    .delivered_at = db_i64(rows, 3),
	    .done_at = db_i64(rows, 4),
	    .result = db_text(rows, 5),
	};
	if (row.state == TASK_WAITING && db_i64(rows, 6) <= clock_real_us())
		row.state = TASK_EXPIRED;
	if (!scope_covers(scope, t, row.node_id))
		return 0;
	v->n++;
	return v->each(v->arg, db_i64(rows, 0), &row);
}

static int visit_targets(struct db *db, const struct scope *scope, int64_t id, struct visit *v)
{
	struct db_rows *rows;
	struct tree *t;
	int r = tree_load_now(db, &t);
	if (r)
		return r;
	r = db_query(db, &rows, targets_sql, "ii", id, clock_business_us());
	while (r == 0 && db_next(rows))
		r = visit_row(rows, scope, t, v);
	int done = db_done(rows);
	tree_free(t);
	r = r ? r : done;
	return r || v->n ? r : -ENOENT;
}

struct telling {
	int (*fn)(void *arg, const struct task_target_row *t);
	void *arg;
};

static int tell_target(void *arg, int64_t machine_id, const struct task_target_row *t)
{
	struct telling *to = arg;
	(void)machine_id;
	return to->fn(to->arg, t);
}

int task_targets(struct db *db, const struct scope *scope, int64_t id,
    int (*fn)(void *arg, const struct task_target_row *t), void *arg)
{
	struct telling to = {fn, arg};
	struct visit v = {.each = tell_target, .arg = &to};
	return visit_targets(db, scope, id, &v);
}

struct cancelling {
	struct db *db;
	int64_t id, at, n;
};

static int cancel_target(void *arg, int64_t machine_id, const struct task_target_row *t)
{
	struct cancelling *c = arg;
	if (t->state != TASK_WAITING && t->state != TASK_DELIVERED)
		return 0;
	c->n++;
	return db_exec(c->db, NULL,
	    "update task_target set state = $3, done_at = $4 where task_id = $1 and machine_id = $2", "iiii", c->id,
	    machine_id, (int64_t)TASK_CANCELLED, c->at);
}

/* A standing task whose whole node is in scope ends as such. */
static int end_standing(struct db *db, const struct scope *scope, int64_t id, int64_t *ret_ended)
{
	int64_t node_id;
	struct tree *t;
	int r = db_row(db, "select node_id from task where id = $1 and sha256 is not null and cancelled = 0", "i", id,
	    "i", &node_id);
	if (r)
		return r == -ENOENT ? 0 : r;
	r = tree_load_now(db, &t);
	if (r)
		return r;
	if (scope_covers(scope, t, node_id))
		r = db_exec(db, ret_ended, "update task set cancelled = 1 where id = $1", "i", id);
	tree_free(t);
	return r;
}

int task_cancel(struct db *db, const struct ledger_who *who, const struct scope *scope, int64_t id, int64_t *ret_n)
{
	struct ledger_entry l;
	struct cancelling c = {.db = db, .id = id, .at = clock_business_us()};
	struct visit v = {.each = cancel_target, .arg = &c};
	struct detail d = DETAIL_INIT;
	int64_t ended = 0;
	int r = end_standing(db, scope, id, &ended);
	if (r == 0)
		r = visit_targets(db, scope, id, &v);
	if (r == -ENOENT && ended)
		r = 0;
	if (r == 0 && (c.n || ended)) {
		r = ledger_begin(db, &l);
		detail_int(&d, "targets", c.n);
		if (r == 0)
			r = end_entry(db, &l, who, "task.cancel", id, NODE_PROVINCE, &d);
	}
	if (r == 0)
		*ret_n = c.n;
	detail_release(&d);
	return r;
}
