#include "clock.h"
#include "routes.h"
#include "say.h"
#include "task_store.h"
#include "wire.h"

enum { MAX_NAMED_MACHINES = 1000, STANDARD_TASK_S = 24 * 3600 };

struct task_form {
	char kind[32];
	int64_t node, expires_s, limit, before;
	const json_t *args, *machines;
};
#define TASK_FIELDS                                                                                                    \
	FORM_TEXT_OF(struct task_form, kind, FORM_NEEDED, 1),                                                          \
	    FORM_OF(struct task_form, args, FORM_JSON, FORM_OPTIONAL),                                                 \
	    FORM_I64_OF(struct task_form, expires_s, FORM_OPTIONAL, 10, (int64_t)MAX_TASK_HOURS * 3600)
static const struct form_field node_form[] = {
    TASK_FIELDS, FORM_I64_OF(struct task_form, node, FORM_NEEDED, 1, INT64_MAX)};
static const struct form_field machines_form[] = {
    TASK_FIELDS, FORM_OF(struct task_form, machines, FORM_JSON, FORM_NEEDED)};
static const struct form_field list_query[] = {
    FORM_I64_OF(struct task_form, before, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_I64_OF(struct task_form, limit, FORM_OPTIONAL, 1, MAX_PAGE),
};

/* The arguments as the agent will read them: by the same reader. */
static int read_args(struct call *c, const struct task_form *f, struct arena *a, struct task_wish *w, struct buf *text)
{
	char *came = f->args ? json_dumps(f->args, JSON_COMPACT | JSON_SORT_KEYS) : strdup("{}");
	struct err e = {0};
	int r = came ? wire_get_task_args(a, w->kind, came, strlen(came), &w->args, &e) : -ENOMEM;

	free(came);
	if (r == -ENOMEM)
		return r;
	if (r)
		return call_refuse(c, PROBLEM_INVALID, "args", "%s", e.text);
	wire_put_task_args(text, w->kind, &w->args);
	w->args_text = buf_str(text);
	return text->error;
}

static int64_t end_of(const struct task_form *f, enum task_kind kind)
{
	if (!f->expires_s && task_lasts(kind))
		return TIME_END;
	return clock_real_us() + (f->expires_s ? f->expires_s : STANDARD_TASK_S) * US_PER_S;
}

static int make(struct db *db, struct call *c, struct task_wish *w)
{
	int64_t id, targets;
	struct err e = {0};
	int r = task_create(db, &c->who, c->scope, w, &id, &targets, &e);

	if (r)
		return call_refuse_err(c, r, "", &e);
	return call_json(c, 201, json_pack("{s:I, s:I}", "id", (json_int_t)id, "targets", (json_int_t)targets));
}

static int create(struct db *db, struct call *c, const struct task_form *f, struct task_wish *w)
{
	struct arena a = ARENA_INIT;
	struct buf text = BUF_INIT(MAX_TASK_ARGS);
	int r;

	if (task_kind_find(f->kind, &w->kind))
		return call_refuse(c, PROBLEM_INVALID, "kind", "there is no such task");
	w->expires_real = end_of(f, w->kind);
	r = read_args(c, f, &a, w, &text);
	if (!r)
		r = make(db, c, w);
	buf_release(&text);
	arena_release(&a);
	return r;
}

static int create_for_node(struct db *db, struct call *c)
{
	struct task_form f = {0};
	struct task_wish w = {0};
	int r = CALL_FORM(c, node_form, &f, NULL);

	w.node_id = f.node;
	return r ? r : create(db, c, &f, &w);
}

static int create_for_machines(struct db *db, struct call *c)
{
	const char *uids[MAX_NAMED_MACHINES];
	struct task_form f = {0};
	struct task_wish w = {.machines = uids};
	int r = CALL_FORM(c, machines_form, &f, NULL);

	if (r)
		return r;
	w.n_machines = json_array_size(f.machines);
	if (!w.n_machines || w.n_machines > MAX_NAMED_MACHINES)
		return call_refuse(
		    c, PROBLEM_INVALID, "machines", "a list of 1 to %d machines is expected", MAX_NAMED_MACHINES);
	for (size_t i = 0; i < w.n_machines; i++) {
		uids[i] = json_string_value(json_array_get(f.machines, i));
		if (!uids[i])
			return call_refuse(c, PROBLEM_INVALID, "machines", "a machine is named by the text of its uid");
	}
	return create(db, c, &f, &w);
}

static int add_task(void *arg, const struct task_row *t)
{
	json_t *targets = json_object();

	for (int s = TASK_WAITING; s < TASK_STATE_END; s++)
		json_object_set_new(targets, task_state_name((enum task_state)s), json_integer(t->targets[s]));
	return json_array_append_new(
	           arg, json_pack("{s:I, s:s, s:o, s:s, s:o, s:o, s:o}", "id", (json_int_t)t->id, "kind",
	                    task_kind_name(t->kind), "args", say_json(t->args), "actor", t->actor, "created_at",
	                    say_instant(t->created_at), "expires_at", say_instant(t->expires_real), "targets", targets))
	           ? -ENOMEM
	           : 0;
}

static int list(struct db *db, struct call *c)
{
	struct task_form q = {.limit = STANDARD_PAGE};
	json_t *all = json_array();
	int r = CALL_QUERY(c, list_query, &q, NULL);

	if (!r)
		r = task_list(db, c->scope, q.before, q.limit, add_task, all);
	if (!r)
		return call_json(c, 200, json_pack("{s:o}", "tasks", all));
	json_decref(all);
	return r;
}

static int add_target(void *arg, const struct task_target_row *t)
{
	return json_array_append_new(
	           arg, json_pack("{s:s, s:o, s:I, s:s, s:o, s:o, s:o}", "machine", t->machine, "name",
	                    say_text(t->machine_name), "node", (json_int_t)t->node_id, "state",
	                    task_state_name(t->state), "delivered_at", say_instant(t->delivered_at), "done_at",
	                    say_instant(t->done_at), "result", say_json(t->result)))
	           ? -ENOMEM
	           : 0;
}

static int targets(struct db *db, struct call *c)
{
	json_t *all = json_array();
	int r = task_targets(db, c->scope, c->object, add_target, all);

	if (!r)
		return call_json(c, 200, json_pack("{s:o}", "targets", all));
	json_decref(all);
	return r;
}

static int cancel(struct db *db, struct call *c)
{
	int64_t n = 0;
	int r = task_cancel(db, &c->who, c->scope, c->object, &n);

	return r ? r : call_json(c, 200, json_pack("{s:I}", "cancelled", (json_int_t)n));
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/tasks", MAY_READ_TASKS, AT_ANYWHERE, 0, list),
    ROUTE("POST", "/api/v1/tasks", MAY_TASK, AT_BODY_NODE, ROUTE_WRITES | ROUTE_OWN_COMMIT, create_for_node),
    ROUTE("POST", "/api/v1/tasks/for-machines", MAY_TASK, AT_ANYWHERE, ROUTE_WRITES | ROUTE_OWN_COMMIT,
        create_for_machines),
    ROUTE("GET", "/api/v1/tasks/{task}/targets", MAY_READ_TASKS, AT_TASK, 0, targets),
    ROUTE("POST", "/api/v1/tasks/{task}/cancel", MAY_TASK, AT_TASK, ROUTE_WRITES | ROUTE_OWN_COMMIT, cancel),
};
const struct route_table task_table = ROUTE_TABLE(routes);
