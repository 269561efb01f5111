#include "clock.h"
#include "commit.h"
#include "naming.h"
#include "routes.h"
#include "say.h"

#include <inttypes.h>

enum { MAX_TRIED_NAMES = 1000, MAX_TOLD_MOVES = 1000, MAX_PRIORITY = 1000000 };

struct rule_form {
	struct when when;
	int64_t rule, priority, node;
	char pattern[MAX_PATTERN + 1], note[MAX_TEXT + 1];
	bool remove;
	const json_t *names;
};
#define RULE_FIELDS                                                                                                    \
	FORM_I64_OF(struct rule_form, priority, FORM_NEEDED, 0, MAX_PRIORITY),                                         \
	    FORM_TEXT_OF(struct rule_form, pattern, FORM_NEEDED, 1),                                                   \
	    FORM_I64_OF(struct rule_form, node, FORM_OPTIONAL, 1, INT64_MAX),                                          \
	    FORM_TEXT_OF(struct rule_form, note, FORM_OPTIONAL, 0)
static const struct form_field rule_form[] = {RULE_FIELDS};
static const struct form_field try_form[] = {
    RULE_FIELDS,
    FORM_I64_OF(struct rule_form, rule, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_OF(struct rule_form, remove, FORM_BOOL, FORM_OPTIONAL),
    FORM_OF(struct rule_form, names, FORM_JSON, FORM_OPTIONAL),
};
static const struct form_field when_query[] = {WHEN_FIELDS(struct rule_form, when)};

static struct naming_rule rule_of(const struct rule_form *f, int64_t id)
{
	return (struct naming_rule){
	    .rule_id = id, .priority = f->priority, .pattern = f->pattern, .node_id = f->node, .note = f->note};
}

static json_t *say_rule(const struct naming_rule *n)
{
	return json_pack("{s:I, s:I, s:s, s:o, s:s, s:I}", "id", (json_int_t)n->rule_id, "priority",
	    (json_int_t)n->priority, "pattern", n->pattern, "node", n->node_id ? json_integer(n->node_id) : json_null(),
	    "note", n->note, "rev", (json_int_t)n->rev);
}

static int list(struct db *db, struct call *c)
{
	struct rule_form q = {.when = WHEN_NOW};
	struct naming *n = NULL;
	struct as_of at;
	json_t *all;
	int r = CALL_QUERY(c, when_query, &q, NULL);

	if (!r)
		r = say_moment(db, c, &q.when, &at);
	if (!r)
		r = naming_load(db, &at, &n);
	if (r)
		return r;
	all = json_array();
	for (size_t i = 0; i < naming_count(n); i++)
		json_array_append_new(all, say_rule(naming_rule_at(n, i)));
	naming_free(n);
	return call_json(c, 200, json_pack("{s:o, s:o}", "as_of", say_instant(at.at), "rules", all));
}

static int add_move(void *arg, const struct naming_move *m)
{
	json_t *all = arg;

	if (json_array_size(all) >= MAX_TOLD_MOVES)
		return 0;
	return json_array_append_new(
	           all, json_pack("{s:o, s:o, s:I, s:I, s:s}", "machine", *m->uid ? json_string(m->uid) : json_null(),
	                    "name", say_text(m->name), "from_node", (json_int_t)m->from_node, "to_node",
	                    (json_int_t)m->to_node, "reason", m->reason))
	           ? -ENOMEM
	           : 0;
}

static int read_names(struct call *c, const json_t *list_of_names, const char *ret[MAX_TRIED_NAMES], size_t *ret_n)
{
	size_t n = json_array_size(list_of_names);

	if (list_of_names && (!json_is_array(list_of_names) || n > MAX_TRIED_NAMES))
		return call_refuse(
		    c, PROBLEM_INVALID, "names", "a list of at most %d names is expected", MAX_TRIED_NAMES);
	for (size_t i = 0; i < n; i++) {
		ret[i] = json_string_value(json_array_get(list_of_names, i));
		if (!ret[i] || strlen(ret[i]) > MAX_HOST_NAME)
			return call_refuse(
			    c, PROBLEM_INVALID, "names", "a name is a text of at most %d bytes", MAX_HOST_NAME);
	}
	*ret_n = n;
	return 0;
}

static int try(struct db *db, struct call *c)
{
	const char *names[MAX_TRIED_NAMES];
	struct rule_form f = {0};
	struct naming_rule rule;
	struct naming_trial trial = {.rule = &rule, .names = names, .fn = add_move};
	int64_t tried = 0, moved = 0;
	struct err e = {0};
	int r = CALL_FORM(c, try_form, &f, NULL);

	if (!r)
		r = read_names(c, f.names, names, &trial.n_names);
	if (r)
		return r;
	rule = rule_of(&f, f.rule);
	trial.remove = f.remove;
	trial.arg = json_array();
	r = naming_try(db, c->scope, &trial, &tried, &moved, &e);
	if (!r)
		return call_json(c, 200,
		    json_pack(
		        "{s:I, s:I, s:o}", "tried", (json_int_t)tried, "moved", (json_int_t)moved, "moves", trial.arg));
	json_decref(trial.arg);
	return call_refuse_err(c, r, "", &e);
}

static int end_rule(struct db *db, struct call *c, const struct naming_rule *rule, bool remove)
{
	int64_t id = rule->rule_id, moved = 0;
	struct err e = {0};
	int r = naming_state(db, &c->ledger, rule, remove, &id, &moved, &e);

	if (!r)
		r = store_beat(db);
	if (r)
		return call_refuse_err(c, r, r == -EINVAL ? "pattern" : "", &e);
	r = commit_entry(c, remove ? "naming.remove" : "naming.state", NODE_PROVINCE,
	    json_pack("{s:I, s:s, s:I, s:s, s:I}", "priority", (json_int_t)rule->priority, "pattern", rule->pattern,
	        "node", (json_int_t)rule->node_id, "note", rule->note, "machines_moved", (json_int_t)moved),
	    "naming-rule:%" PRId64, id);
	return r ? r
	         : call_json(c, rule->rule_id ? 200 : 201,
	               json_pack("{s:I, s:I, s:I}", "id", (json_int_t)id, "machines_moved", (json_int_t)moved, "rev",
	                   (json_int_t)c->ledger.rev));
}

static int state(struct db *db, struct call *c, int64_t id)
{
	struct rule_form f = {0};
	struct naming_rule rule;
	int r = CALL_FORM(c, rule_form, &f, NULL);

	if (r)
		return r;
	rule = rule_of(&f, id);
	return end_rule(db, c, &rule, false);
}

static int create(struct db *db, struct call *c)
{
	return state(db, c, 0);
}

static int change(struct db *db, struct call *c)
{
	int64_t id;
	int r = call_param_id(c, "rule", &id);

	return r ? r : state(db, c, id);
}

static int remove_rule(struct db *db, struct call *c)
{
	struct as_of at = {c->ledger.recorded_at, INT64_MAX, TIME_END};
	struct naming *n = NULL;
	int64_t id;
	int r = call_param_id(c, "rule", &id);

	if (!r)
		r = naming_load(db, &at, &n);
	if (r)
		return r;
	r = -ENOENT;
	for (size_t i = 0; i < naming_count(n) && r == -ENOENT; i++)
		if (naming_rule_at(n, i)->rule_id == id)
			r = end_rule(db, c, naming_rule_at(n, i), true);
	naming_free(n);
	return r;
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/naming-rules", MAY_READ_UNITS, AT_ANYWHERE, 0, list),
    ROUTE("POST", "/api/v1/naming-rules/try", MAY_CHANGE_NAMING, AT_PROVINCE, 0, try),
    ROUTE("POST", "/api/v1/naming-rules", MAY_CHANGE_NAMING, AT_PROVINCE, ROUTE_WRITES, create),
    ROUTE("PUT", "/api/v1/naming-rules/{rule}", MAY_CHANGE_NAMING, AT_PROVINCE, ROUTE_WRITES, change),
    ROUTE("DELETE", "/api/v1/naming-rules/{rule}", MAY_CHANGE_NAMING, AT_PROVINCE, ROUTE_WRITES, remove_rule),
};
const struct route_table naming_table = ROUTE_TABLE(routes);
