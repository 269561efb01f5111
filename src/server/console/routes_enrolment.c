#include "clock.h"
#include "routes.h"
#include "say.h"
#include "token.h"

struct token_query {
	int64_t uses, lifetime_s, node;
	char note[MAX_TEXT + 1];
};
static const struct form_field create_form[] = {
    FORM_I64_OF(struct token_query, node, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_I64_OF(struct token_query, uses, FORM_OPTIONAL, 1, MAX_TOKEN_USES),
    FORM_I64_OF(struct token_query, lifetime_s, FORM_NEEDED, 60, (int64_t)MAX_TOKEN_DAYS * 86400),
    FORM_TEXT_OF(struct token_query, note, FORM_OPTIONAL, 0),
};

static int create(struct db *db, struct call *c)
{
	const struct console_services *s = console_services(c);
	struct token_query f = {.uses = 1, .node = NODE_PROVINCE};
	struct token_wish w = {.note = f.note};
	char text[TOKEN_TEXT], id[TOKEN_ID_TEXT];
	uint8_t pin[32];
	struct err e = {0};
	int r = CALL_FORM(c, create_form, &f, NULL);

	if (!r)
		r = s->ca_pin ? s->ca_pin(s->arg, pin) : -ENOSYS;
	if (r)
		return r;
	w.uses = f.uses;
	w.node_id = f.node;
	w.expires_real = clock_real_us() + f.lifetime_s * US_PER_S;
	r = token_create(db, &c->who, &w, pin, text, &e);
	if (r)
		return call_refuse_err(c, r, "", &e);
	memcpy(id, text + strlen("khien1_"), sizeof id - 1);
	id[sizeof id - 1] = 0;
	return call_json(
	    c, 201, json_pack("{s:s, s:s, s:o}", "id", id, "token", text, "expires_at", say_instant(w.expires_real)));
}

static json_t *say_token(const struct token_row *t)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:b, s:s, s:s, s:I}", "id", t->id, "node",
	    (json_int_t)t->node_id, "uses", (json_int_t)t->uses, "uses_left", (json_int_t)t->uses_left, "expires_at",
	    say_instant(t->expires_real), "created_at", say_instant(t->created_at), "revoked", t->revoked, "note",
	    t->note, "actor", t->actor, "rev", (json_int_t)t->rev);
}

static int add_token(void *arg, const struct token_row *t)
{
	return json_array_append_new(arg, say_token(t)) ? -ENOMEM : 0;
}

static int list(struct db *db, struct call *c)
{
	json_t *all = json_array();
	int r = token_list(db, c->scope, add_token, all);

	if (!r)
		return call_json(c, 200, json_pack("{s:o}", "tokens", all));
	json_decref(all);
	return r;
}

static int set_token(void *arg, const struct token_row *t)
{
	*(json_t **)arg = say_token(t);
	return 0;
}

static int get(struct db *db, struct call *c)
{
	json_t *o = NULL;
	int r = token_get(db, c->scope, call_param(c, "token"), set_token, &o);

	return r ? r : call_json(c, 200, o);
}

static int revoke(struct db *db, struct call *c)
{
	c->answer.status = 204;
	return token_revoke(db, &c->who, call_param(c, "token"));
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/enrolment-tokens", MAY_READ_ENROLMENT, AT_ANYWHERE, 0, list),
    ROUTE("POST", "/api/v1/enrolment-tokens", MAY_ENROL, AT_BODY_NODE, ROUTE_WRITES | ROUTE_OWN_COMMIT | ROUTE_SECRET,
        create),
    ROUTE("GET", "/api/v1/enrolment-tokens/{token}", MAY_READ_ENROLMENT, AT_ENROL_TOKEN, 0, get),
    ROUTE("DELETE", "/api/v1/enrolment-tokens/{token}", MAY_ENROL, AT_ENROL_TOKEN, ROUTE_WRITES | ROUTE_OWN_COMMIT,
        revoke),
};
const struct route_table enrolment_table = ROUTE_TABLE(routes);
