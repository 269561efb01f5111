#include "clock.h"
#include "commit.h"
#include "policy_store.h"
#include "routes.h"
#include "say.h"
#include "str.h"

#include <inttypes.h>

struct policy_form {
	struct when when;
	int64_t value, from, until;
	bool locked;
};
static const struct form_field when_query[] = {WHEN_FIELDS(struct policy_form, when)};
static const struct form_field set_form[] = {
    FORM_I64_OF(struct policy_form, value, FORM_NEEDED, INT64_MIN, INT64_MAX),
    FORM_OF(struct policy_form, locked, FORM_BOOL, FORM_OPTIONAL),
    FORM_OF(struct policy_form, from, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct policy_form, until, FORM_FROM, FORM_OPTIONAL),
};
static const struct form_field clear_query[] = {
    FORM_OF(struct policy_form, from, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct policy_form, until, FORM_FROM, FORM_OPTIONAL),
};

static json_t *say_policy(const struct policy *p)
{
	json_t *all = json_array();

	for (int s = 0; s < SETTING_COUNT; s++)
		json_array_append_new(all, json_pack("{s:s, s:I, s:o, s:b}", "name", setting_defs[s].name, "value",
		                               (json_int_t)p->set[s].value, "from_node",
		                               p->set[s].from_node ? json_integer(p->set[s].from_node) : json_null(),
		                               "locked", p->set[s].locked));
	return all;
}

static int add_statement(void *arg, const struct policy_statement *s, int64_t rev)
{
	return json_array_append_new(arg,
	           json_pack("{s:I, s:s, s:I, s:b, s:o, s:o, s:I}", "node", (json_int_t)s->node_id, "name",
	               setting_defs[s->setting].name, "value", (json_int_t)s->value, "locked", s->locked, "valid_from",
	               say_instant(s->valid_from), "valid_to", say_instant(s->valid_to), "rev", (json_int_t)rev))
	           ? -ENOMEM
	           : 0;
}

/* The values in effect for a node, each with the node that it comes from. */
static int effective(struct db *db, struct call *c)
{
	struct policy_form q = {.when = WHEN_NOW};
	struct policy_table *table = NULL;
	char hash[POLICY_HASH_TEXT];
	struct tree *t = NULL;
	struct policy p;
	struct as_of at;
	int r = CALL_QUERY(c, when_query, &q, NULL);

	if (!r)
		r = say_moment_tree(db, c, &q.when, &at, &t);
	if (!r)
		r = policy_table_load(db, &at, t, &table);
	if (!r) {
		policy_effective(table, c->node, &p);
		policy_hash(&p, hash);
		r = call_json(c, 200,
		    json_pack("{s:I, s:o, s:I, s:s, s:o}", "node", (json_int_t)c->node, "as_of", say_instant(at.at),
		        "version", (json_int_t)p.version, "hash", hash, "settings", say_policy(&p)));
	}
	policy_table_free(table);
	tree_free(t);
	return r;
}

static int statements(struct db *db, struct call *c)
{
	struct policy_form q = {.when = WHEN_NOW};
	json_t *all = json_array();
	struct tree *t = NULL;
	struct as_of at;
	int r = CALL_QUERY(c, when_query, &q, NULL);

	if (!r)
		r = say_moment_tree(db, c, &q.when, &at, &t);
	if (!r)
		r = policy_statements(db, c->scope, t, &at, add_statement, all);
	tree_free(t);
	if (!r)
		return call_json(c, 200, json_pack("{s:o, s:o}", "as_of", say_instant(at.at), "statements", all));
	json_decref(all);
	return r;
}

/* All that was ever said about a node's settings; the rule has seen to it that the node is the caller's. */
static int history(struct db *db, struct call *c)
{
	json_t *all = json_array();
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select p.rev, a.recorded_at, a.actor, p.name, p.value, p.locked, p.present, p.valid_from, p.valid_to from "
	    "policy_fact p"
	    " join audit a on a.rev = p.rev where p.node_id = $1 order by p.rev, p.name",
	    "i", c->node);

	while (!r && db_next(rows))
		json_array_append_new(
		    all, json_pack("{s:I, s:o, s:s, s:s, s:I, s:b, s:b, s:o, s:o}", "rev", (json_int_t)db_i64(rows, 0),
		             "recorded_at", say_instant(db_i64(rows, 1)), "actor", db_text(rows, 2), "name",
		             db_text(rows, 3), "value", (json_int_t)db_i64(rows, 4), "locked", db_i64(rows, 5) != 0,
		             "present", db_i64(rows, 6) != 0, "valid_from", say_instant(db_i64(rows, 7)), "valid_to",
		             say_instant(db_i64(rows, 8))));
	if (!r)
		r = db_done(rows);
	if (!r)
		return call_json(c, 200, json_pack("{s:o}", "statements", all));
	json_decref(all);
	return r;
}

static int state(struct db *db, struct call *c, const struct policy_form *f, bool present)
{
	struct policy_statement s = {.node_id = c->node,
	    .valid_from = f->from ? f->from : c->ledger.recorded_at,
	    .valid_to = f->until ? f->until : TIME_END,
	    .present = present,
	    .value = f->value,
	    .locked = f->locked};
	struct err e = {0};
	int r = setting_find(call_param(c, "setting"), &s.setting);

	if (r)
		return r;
	r = policy_state(db, &c->ledger, &s, &e);
	if (r == -EPERM)
		return call_refuse(c, PROBLEM_CONFLICT, "", "%s", e.text);
	if (!r)
		r = store_beat(db);
	if (r)
		return call_refuse_err(c, r, r == -ERANGE ? "value" : "", &e);
	r = commit_entry(c, present ? "policy.set" : "policy.clear", c->node,
	    json_pack("{s:s, s:I, s:b, s:o, s:o}", "name", setting_defs[s.setting].name, "value", (json_int_t)s.value,
	        "locked", s.locked, "valid_from", say_instant(s.valid_from), "valid_to", say_instant(s.valid_to)),
	    "unit:%" PRId64, c->node);
	return r ? r : call_json(c, 200, json_pack("{s:I}", "rev", (json_int_t)c->ledger.rev));
}

static int set(struct db *db, struct call *c)
{
	struct policy_form f = {0};
	int r = CALL_FORM(c, set_form, &f, NULL);

	return r ? r : state(db, c, &f, true);
}

static int clear(struct db *db, struct call *c)
{
	enum setting_id id;
	struct policy_form f = {0};
	int r = CALL_QUERY(c, clear_query, &f, NULL);

	if (!r)
		r = setting_find(call_param(c, "setting"), &id);
	if (!r)
		f.value = setting_defs[id].standard;
	return r ? r : state(db, c, &f, false);
}

static int settings(struct db *db, struct call *c)
{
	json_t *all = json_array();

	(void)db;
	for (int s = 0; s < SETTING_COUNT; s++)
		json_array_append_new(
		    all, json_pack("{s:s, s:I, s:I, s:I, s:s, s:b, s:b}", "name", setting_defs[s].name, "min",
		             (json_int_t)setting_defs[s].min, "max", (json_int_t)setting_defs[s].max, "standard",
		             (json_int_t)setting_defs[s].standard, "unit", setting_defs[s].unit, "for_agent",
		             (setting_defs[s].audience & FOR_AGENT) != 0, "for_centre",
		             (setting_defs[s].audience & FOR_CENTRE) != 0));
	return call_json(c, 200, json_pack("{s:o}", "settings", all));
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/policy/settings", MAY_READ_POLICY, AT_ANYWHERE, 0, settings),
    ROUTE("GET", "/api/v1/policy/statements", MAY_READ_POLICY, AT_ANYWHERE, 0, statements),
    ROUTE("GET", "/api/v1/units/{node}/policy", MAY_READ_POLICY, AT_NODE, 0, effective),
    ROUTE("GET", "/api/v1/units/{node}/policy/history", MAY_READ_POLICY, AT_NODE, 0, history),
    ROUTE("PUT", "/api/v1/units/{node}/policy/{setting}", MAY_CHANGE_POLICY, AT_NODE, ROUTE_WRITES, set),
    ROUTE("DELETE", "/api/v1/units/{node}/policy/{setting}", MAY_CHANGE_POLICY, AT_NODE, ROUTE_WRITES, clear),
};
const struct route_table policy_routes_table = ROUTE_TABLE(routes);
