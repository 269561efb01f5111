/* Machines: the list, one of them, what people do to it. */
#include "cert.h"
#include "commit.h"
#include "day.h"
#include "identity.h"
#include "machine.h"
#include "routes.h"
#include "say.h"
#include "str.h"
#include "text.h"

#include "clock.h"

static const char *const basis_names[] = {
    [PLACE_RULE] = "rule", [PLACE_OVERRULED] = "overruled", [PLACE_TOKEN] = "token", [PLACE_PROVINCE] = "none"};
static const char *const state_names[] = {[MACHINES_INSTALLED] = "installed",
    [MACHINES_ACTIVE] = "active",
    [MACHINES_SILENT] = "silent",
    [MACHINES_PROTECTED] = "protected",
    [MACHINES_GONE] = "gone",
    [MACHINES_ANY] = "any"};
static const char *const install_names[] = {[INSTALL_VALID] = "valid",
    [INSTALL_REVOKED] = "revoked",
    [INSTALL_SUPERSEDED] = "superseded",
    [INSTALL_REFUSED] = "refused"};

struct list_query {
	int64_t node, limit;
	bool node_only;
	char state[16], search[MAX_HOST_NAME + 1], cursor[MAX_CURSOR];
};
static const struct form_field list_query[] = {
    FORM_I64_OF(struct list_query, node, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_OF(struct list_query, node_only, FORM_BOOL, FORM_OPTIONAL),
    FORM_TEXT_OF(struct list_query, state, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct list_query, search, FORM_OPTIONAL, 0),
    FORM_TEXT_OF(struct list_query, cursor, FORM_OPTIONAL, 0),
    FORM_I64_OF(struct list_query, limit, FORM_OPTIONAL, 1, MAX_PAGE),
};

static json_t *say_machine(const struct machine_row *m)
{
	return json_pack("{s:s, s:o, s:b, s:s, s:o, s:I, s:s, s:o, s:s, s:o, s:o, s:b, s:b, s:o, s:o, s:I}", "uid",
	    m->uid, "name", say_text(m->name), "installed", m->installed, "presence_reason",
	    m->presence_reason ? m->presence_reason : "", "presence_since", say_instant(m->presence_since), "node",
	    (json_int_t)m->node_id, "basis", basis_names[m->basis], "rule",
	    m->rule_id ? json_integer(m->rule_id) : json_null(), "place_reason", m->place_reason ? m->place_reason : "",
	    "last_seen", say_instant(m->last_seen), "last_day", say_day(m->last_day), "active", m->active, "protected",
	    m->protected_now, "agent_version", say_text(m->agent_version), "address", say_text(m->address),
	    "policy_version", (json_int_t)m->policy_version);
}

static int read_list_query(
    struct call *c, struct list_query *f, struct machine_query *q, char *after_name, char *after_uid)
{
	int r = CALL_QUERY(c, list_query, f, NULL);

	if (r)
		return r;
	q->node_id = f->node;
	q->node_only = f->node_only;
	q->search = f->search;
	q->limit = (size_t)f->limit;
	q->state = MACHINES_INSTALLED;
	for (int s = MACHINES_INSTALLED; s <= MACHINES_ANY; s++)
		if (str_eq(f->state, state_names[s]))
			q->state = (enum machine_filter_state)s;
	if (f->state[0] && !str_eq(f->state, state_names[q->state]))
		return call_refuse(c, PROBLEM_INVALID, "state", "installed, active, silent, protected, gone or any");
	if (read_cursor(f->cursor, after_name, MAX_HOST_NAME * 4 + 1, after_uid, MACHINE_UID_TEXT))
		return call_refuse(c, PROBLEM_INVALID, "cursor", "this is no cursor of this list");
	q->after_name_fold = f->cursor[0] ? after_name : NULL;
	q->after_uid = f->cursor[0] ? after_uid : NULL;
	return 0;
}

static int list(struct db *db, struct call *c)
{
	char after_name[MAX_HOST_NAME * 4 + 1], after_uid[MACHINE_UID_TEXT];
	struct list_query f = {.limit = STANDARD_PAGE};
	struct machine_query q = {0};
	struct machine_page page = {0};
	json_t *all;
	int r = read_list_query(c, &f, &q, after_name, after_uid);

	if (!r)
		r = machine_list(db, c->scope, &q, &page);
	if (r)
		return r;
	all = json_array();
	for (size_t i = 0; i < page.n; i++)
		json_array_append_new(all, say_machine(&page.rows[i]));
	r = call_json(c, 200,
	    json_pack("{s:I, s:o, s:o}", "total", (json_int_t)page.total, "machines", all, "next",
	        say_cursor(page.next_name_fold, page.next_uid)));
	machine_page_release(&page);
	return r;
}

static int get(struct db *db, struct call *c)
{
	struct machine_row m = {0};
	char *state = NULL;
	int64_t received = 0;
	json_t *o;
	int r = machine_get(db, c->scope, call_param(c, "machine"), &m);

	if (r)
		return r;
	r = db_row(db, "select state, received_at from machine_state where machine_id = $1", "i", m.machine_id, "ti",
	    &state, &received);
	o = !r || r == -ENOENT ? say_machine(&m) : NULL;
	machine_row_release(&m);
	if (o) {
		r = json_object_set_new(o, "state", say_json(state));
		r |= json_object_set_new(o, "state_received", say_instant(received));
	}
	free(state);
	return o ? call_json(c, 200, o) : r;
}

static json_t *say_history(const struct machine_history *h)
{
	json_t *o = json_pack("{s:s, s:I, s:o, s:o, s:o}", "kind", h->kind, "rev", (json_int_t)h->rev, "recorded_at",
	    say_instant(h->recorded_at), "valid_from", say_instant(h->valid_from), "valid_to",
	    say_instant(h->valid_to));

	if (str_eq(h->kind, "place"))
		json_object_set_new(o, "node", json_integer(h->node_id));
	if (str_eq(h->kind, "presence"))
		json_object_set_new(o, "installed", json_boolean(h->installed));
	json_object_set_new(o, str_eq(h->kind, "name") ? "name" : "reason", say_text(h->text));
	return o;
}

static int add_history(void *arg, const struct machine_history *h)
{
	return json_array_append_new(arg, say_history(h)) ? -ENOMEM : 0;
}

static int add_decision(void *arg, const struct decision_row *d)
{
	return json_array_append_new(arg, json_pack("{s:I, s:o, s:s, s:o, s:s, s:o, s:i}", "rev", (json_int_t)d->rev,
	                                      "recorded_at", say_instant(d->recorded_at), "machine", d->machine,
	                                      "other", *d->other ? json_string(d->other) : json_null(), "kind", d->kind,
	                                      "detail", say_json(d->detail), "apart", d->apart))
	           ? -ENOMEM
	           : 0;
}

static int add_certificate(void *arg, const struct cert_row *k)
{
	return json_array_append_new(arg, json_pack("{s:s, s:o, s:o, s:s, s:b}", "serial", k->serial, "not_before",
	                                      say_instant(k->not_before), "not_after", say_instant(k->not_after),
	                                      "status", install_names[k->status], "current", k->current))
	           ? -ENOMEM
	           : 0;
}

static int add_clone(void *arg, const struct clone_row *k)
{
	return json_array_append_new(
	           arg, json_pack("{s:I, s:s, s:o, s:o, s:o, s:I}", "id", (json_int_t)k->id, "machine", k->machine,
	                    "address", say_text(k->address), "seen_at", say_instant(k->seen_at), "state",
	                    say_json(k->state), "rev", (json_int_t)k->rev))
	           ? -ENOMEM
	           : 0;
}

/* Ends a list that a walk of the fleet's room filled. */
static int end_list(struct call *c, int r, const char *name, json_t *all)
{
	if (!r)
		return call_json(c, 200, json_pack("{s:o}", name, all));
	json_decref(all);
	return r;
}

static int history(struct db *db, struct call *c)
{
	json_t *all = json_array();

	return end_list(
	    c, machine_history(db, c->scope, call_param(c, "machine"), add_history, all), "statements", all);
}

static int decisions(struct db *db, struct call *c)
{
	json_t *all = json_array();

	return end_list(c, decision_list(db, c->scope, call_param(c, "machine"), add_decision, all), "decisions", all);
}

static int certificates(struct db *db, struct call *c)
{
	json_t *all = json_array();

	return end_list(
	    c, cert_list(db, c->scope, call_param(c, "machine"), add_certificate, all), "certificates", all);
}

static int clones(struct db *db, struct call *c)
{
	json_t *all = json_array();

	return end_list(c, clone_list(db, c->scope, add_clone, all), "clones", all);
}

/* A person's word about where a machine hangs. */
struct place_form {
	int64_t node, from, until;
	char reason[MAX_REASON + 1];
};
static const struct form_field overrule_form[] = {
    FORM_I64_OF(struct place_form, node, FORM_NEEDED, 1, INT64_MAX),
    FORM_TEXT_OF(struct place_form, reason, FORM_NEEDED, 1),
};
static const struct form_field correct_form[] = {
    FORM_I64_OF(struct place_form, node, FORM_NEEDED, 1, INT64_MAX),
    FORM_TEXT_OF(struct place_form, reason, FORM_NEEDED, 1),
    FORM_OF(struct place_form, from, FORM_FROM, FORM_NEEDED),
    FORM_OF(struct place_form, until, FORM_FROM, FORM_NEEDED),
};
static const struct form_field reason_form[] = {
    FORM_TEXT_OF(struct place_form, reason, FORM_NEEDED, 1),
};

static int end_place(struct db *db, struct call *c, const char *action, json_t *detail)
{
	int r = store_beat(db);

	if (r)
		json_decref(detail);
	else
		r = commit_entry(c, action, c->node, detail, "machine:%s", call_param(c, "machine"));
	c->answer.status = 204;
	return r;
}

static int overrule(struct db *db, struct call *c)
{
	struct place_form f = {0};
	struct err e = {0};
	int r = CALL_FORM(c, overrule_form, &f, NULL);

	if (!r)
		r = access_require(db, c, f.node);
	if (r)
		return r;
	r = machine_overrule(db, &c->ledger, c->object, f.node, f.reason, &e);
	if (r)
		return call_refuse_err(c, r, "node", &e);
	return end_place(
	    db, c, "machine.overrule", json_pack("{s:I, s:s}", "node", (json_int_t)f.node, "reason", f.reason));
}

static int correct(struct db *db, struct call *c)
{
	struct place_form f = {0};
	struct err e = {0};
	int r = CALL_FORM(c, correct_form, &f, NULL);

	if (!r)
		r = access_require(db, c, f.node);
	if (r)
		return r;
	r = machine_correct_place(db, &c->ledger, c->object, f.from, f.until, f.node, f.reason, &e);
	if (r)
		return call_refuse_err(c, r, "", &e);
	return end_place(db, c, "machine.correct-place",
	    json_pack("{s:I, s:s, s:o, s:o}", "node", (json_int_t)f.node, "reason", f.reason, "valid_from",
	        say_instant(f.from), "valid_to", say_instant(f.until)));
}

static int lift(struct db *db, struct call *c)
{
	struct err e = {0};
	int r = machine_lift(db, &c->ledger, c->object, &e);

	return r ? call_refuse_err(c, r, "", &e) : end_place(db, c, "machine.lift", say_object());
}

static int retire(struct db *db, struct call *c)
{
	struct place_form f = {0};
	int r = CALL_FORM(c, reason_form, &f, NULL);

	c->answer.status = 204;
	return r ? r : identity_retire(db, &c->who, c->scope, call_param(c, "machine"), f.reason);
}

static int revoke(struct db *db, struct call *c)
{
	struct place_form f = {0};
	int r = CALL_FORM(c, reason_form, &f, NULL);

	c->answer.status = 204;
	return r ? r : cert_revoke(db, &c->who, c->scope, call_param(c, "machine"), f.reason);
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/machines", MAY_READ_MACHINES, AT_QUERY_NODE, 0, list),
    ROUTE("GET", "/api/v1/machines/{machine}", MAY_READ_MACHINES, AT_MACHINE, 0, get),
    ROUTE("GET", "/api/v1/machines/{machine}/history", MAY_READ_MACHINES, AT_MACHINE, 0, history),
    ROUTE("GET", "/api/v1/machines/{machine}/decisions", MAY_READ_MACHINES, AT_MACHINE, 0, decisions),
    ROUTE("GET", "/api/v1/machines/{machine}/certificates", MAY_READ_MACHINES, AT_MACHINE, 0, certificates),
    ROUTE("PUT", "/api/v1/machines/{machine}/place", MAY_PLACE_MACHINES, AT_MACHINE, ROUTE_WRITES, overrule),
    ROUTE("DELETE", "/api/v1/machines/{machine}/place", MAY_PLACE_MACHINES, AT_MACHINE, ROUTE_WRITES, lift),
    ROUTE("POST", "/api/v1/machines/{machine}/place/correct", MAY_PLACE_MACHINES, AT_MACHINE, ROUTE_WRITES, correct),
    ROUTE("POST", "/api/v1/machines/{machine}/retire", MAY_RETIRE_MACHINES, AT_MACHINE, ROUTE_WRITES | ROUTE_OWN_COMMIT,
        retire),
    ROUTE("POST", "/api/v1/machines/{machine}/revoke", MAY_RETIRE_MACHINES, AT_MACHINE, ROUTE_WRITES | ROUTE_OWN_COMMIT,
        revoke),
    ROUTE("GET", "/api/v1/identity-decisions", MAY_READ_MACHINES, AT_ANYWHERE, 0, decisions),
    ROUTE("GET", "/api/v1/clones", MAY_READ_MACHINES, AT_ANYWHERE, 0, clones),
};
const struct route_table machine_table = ROUTE_TABLE(routes);
