#include "allow_store.h"
#include "clock.h"
#include "commit.h"
#include "routes.h"
#include "say.h"
#include "str.h"

#include <inttypes.h>

struct allow_form {
	struct when when;
	int64_t until;
	char sha256[2 * SHA256_BYTES + 1], reason[MAX_ALLOW_REASON + 1], document[MAX_TEXT + 1];
	int32_t document_day;
};
static const struct form_field list_query[] = {
    WHEN_FIELDS(struct allow_form, when),
    FORM_TEXT_OF(struct allow_form, sha256, FORM_OPTIONAL, 1),
};
static const struct form_field add_form[] = {
    FORM_TEXT_OF(struct allow_form, sha256, FORM_NEEDED, 1),
    FORM_TEXT_OF(struct allow_form, reason, FORM_NEEDED, 1),
    FORM_OF(struct allow_form, until, FORM_UNTIL, FORM_OPTIONAL),
    FORM_TEXT_OF(struct allow_form, document, FORM_OPTIONAL, 0),
    FORM_OF(struct allow_form, document_day, FORM_DAY, FORM_OPTIONAL),
};
static const struct form_field remove_query[] = {
    FORM_TEXT_OF(struct allow_form, reason, FORM_NEEDED, 1),
};

static int add_row(void *arg, const struct allow_row *a)
{
	char sha256[2 * SHA256_BYTES + 1];

	hex_encode(sha256, a->s.sha256, SHA256_BYTES);
	return json_array_append_new(arg,
	           json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "sha256", sha256, "node",
	               (json_int_t)a->node_id, "machine", say_text(a->machine), "machine_name",
	               say_text(a->machine_name), "reason", say_text(a->s.reason), "valid_from",
	               say_instant(a->s.valid_from), "valid_to", say_instant(a->s.valid_to), "document",
	               say_text(a->s.document), "document_day", say_day(a->s.document_day), "rev", (json_int_t)a->rev))
	           ? -ENOMEM
	           : 0;
}

static int list(struct db *db, struct call *c)
{
	struct allow_form q = {.when = WHEN_NOW};
	uint8_t room[SHA256_BYTES];
	const uint8_t *sha256 = NULL;
	json_t *all = json_array();
	struct as_of at;
	int r = CALL_QUERY(c, list_query, &q, NULL);

	if (!r)
		r = read_sha256(c, q.sha256, room, &sha256);
	if (!r)
		r = say_moment(db, c, &q.when, &at);
	if (!r)
		r = allow_rows(db, c->scope, &at, sha256, add_row, all);
	if (!r)
		return call_json(c, 200, json_pack("{s:o, s:o}", "as_of", say_instant(at.at), "allowances", all));
	json_decref(all);
	return r;
}

static int entry(struct call *c, const struct allow_statement *s, const char *sha256)
{
	json_t *detail = json_pack("{s:s, s:s, s:s, s:o, s:o}", "document", s->document, "reason", s->reason, "sha256",
	    sha256, "valid_from", say_instant(s->valid_from), "valid_to", say_instant(s->valid_to));
	const char *action = s->present ? "allow.set" : "allow.clear";

	if (s->machine_id)
		return commit_entry(c, action, c->node, detail, "machine:%s", call_param(c, "machine"));
	return commit_entry(c, action, c->node, detail, "unit:%" PRId64, c->node);
}

/* For the machine that the path names, or for the node. */
static int state(struct db *db, struct call *c, const struct allow_form *f, const char *sha256, bool present)
{
	struct allow_statement s = {.node_id = c->object ? 0 : c->node,
	    .machine_id = c->object,
	    .valid_from = c->ledger.recorded_at,
	    .valid_to = f->until ? f->until + 1 : TIME_END,
	    .present = present,
	    .reason = f->reason,
	    .document = f->document,
	    .document_day = f->document_day};
	uint8_t room[SHA256_BYTES];
	const uint8_t *hash;
	struct err e = {0};
	int r = read_sha256(c, sha256, room, &hash);

	if (!r && !hash)
		r = -ENOENT;
	if (r)
		return r;
	memcpy(s.sha256, hash, sizeof s.sha256);
	r = allow_state(db, &c->ledger, &s, &e);
	if (!r)
		r = store_beat(db);
	if (r)
		return call_refuse_err(c, r, "", &e);
	r = entry(c, &s, sha256);
	return r ? r : call_json(c, 200, json_pack("{s:I}", "rev", (json_int_t)c->ledger.rev));
}

static int add(struct db *db, struct call *c)
{
	struct allow_form f = {0};
	int r = CALL_FORM(c, add_form, &f, NULL);

	return r ? r : state(db, c, &f, f.sha256, true);
}

static int clear(struct db *db, struct call *c)
{
	struct allow_form f = {0};
	int r = CALL_QUERY(c, remove_query, &f, NULL);

	return r ? r : state(db, c, &f, call_param(c, "sha256"), false);
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/allowances", MAY_READ_POLICY, AT_ANYWHERE, 0, list),
    ROUTE("POST", "/api/v1/units/{node}/allowances", MAY_CHANGE_POLICY, AT_NODE, ROUTE_WRITES, add),
    ROUTE("DELETE", "/api/v1/units/{node}/allowances/{sha256}", MAY_CHANGE_POLICY, AT_NODE, ROUTE_WRITES, clear),
    ROUTE("POST", "/api/v1/machines/{machine}/allowances", MAY_CHANGE_POLICY, AT_MACHINE, ROUTE_WRITES, add),
    ROUTE(
        "DELETE", "/api/v1/machines/{machine}/allowances/{sha256}", MAY_CHANGE_POLICY, AT_MACHINE, ROUTE_WRITES, clear),
};
const struct route_table allow_routes_table = ROUTE_TABLE(routes);
