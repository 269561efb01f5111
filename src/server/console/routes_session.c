#include "clock.h"
#include "commit.h"
#include "routes.h"
#include "say.h"
#include "signin.h"
#include "str.h"

#include <inttypes.h>
#include <sodium.h>

struct secrets {
	char name[MAX_ACCOUNT_NAME + 1];
	char password[MAX_PASSWORD + 1], current[MAX_PASSWORD + 1];
	char hash[PASSWORD_HASH], new_hash[PASSWORD_HASH];
	int64_t account_id;
	bool disabled, right;
};

static void secrets_wipe(void *state)
{
	sodium_memzero(state, sizeof(struct secrets));
}

static json_t *say_grants(const struct subject *s)
{
	json_t *all = json_array();

	for (size_t i = 0; i < s->n_grants; i++)
		json_array_append_new(all, json_pack("{s:I, s:s, s:I}", "id", (json_int_t)s->grants[i].id, "role",
		                               role_name(s->grants[i].role), "node", (json_int_t)s->grants[i].node_id));
	return all;
}

json_t *say_permissions(permission_set set)
{
	json_t *all = json_array();

	for (int p = MAY_SELF; p < PERMISSION_END; p++)
		if (set & PERMISSION_BIT(p))
			json_array_append_new(all, json_string(permission_name((enum permission)p)));
	return all;
}

/* session: the text of a session that lives in a cookie; a page needs the proof that goes with it. */
static json_t *say_subject(const struct call *c, const struct subject *s, const char *session)
{
	permission_set may = PERMISSION_BIT(MAY_SELF);
	char csrf[CSRF_TEXT];
	json_t *o;

	for (size_t i = 0; i < s->n_grants; i++)
		may |= role_permissions(s->grants[i].role);
	o = json_pack("{s:I, s:s, s:s, s:b, s:o, s:o, s:I, s:o, s:b}", "account", (json_int_t)s->account_id, "name",
	    s->name, "kind", s->kind == BEARER_SESSION ? "session" : "token", "must_change", s->must_change, "grants",
	    say_grants(s), "permissions", say_permissions(may & s->may), "node", (json_int_t)s->limit_node,
	    "expires_at", say_instant(s->expires_real), "simulation", store_is_simulation(console_store(c)));
	if (o && session) {
		bearer_csrf(session, csrf);
		json_object_set_new(o, "csrf", json_string(csrf));
	}
	return o;
}

/* Signing in: the attempt is counted and the login read; the password is tried on a worker; the session is made. */
static const struct form_field sign_in_form[] = {
    FORM_TEXT_OF(struct secrets, name, FORM_NEEDED, 1),
    FORM_TEXT_OF(struct secrets, password, FORM_NEEDED, 1),
};

static int read_login(struct db *db, struct secrets *s)
{
	int64_t disabled = 0;
	int r = db_row(db,
	    "select l.account_id, l.secret, a.disabled from login l join account a on a.id = l.account_id"
	    " where l.issuer = $1 and l.subject = $2",
	    "tt", ISSUER_LOCAL, s->name, "iTi", &s->account_id, s->hash, sizeof s->hash, &disabled);

	s->disabled = disabled;
	return r == -ENOENT ? 0 : r;
}

static int sign_in_first(struct db *db, struct call *c)
{
	struct secrets *s = call_state(c, sizeof *s, secrets_wipe);
	int r = s ? CALL_FORM(c, sign_in_form, s, NULL) : -ENOMEM;

	if (!r)
		r = signin_attempt(db, c, s->name);
	return r ? r : read_login(db, s);
}

static int sign_in_work(struct call *c)
{
	struct secrets *s = c->state;

	s->right = !password_verify(s->hash, s->password) && !s->disabled;
	return 0;
}

/* A wrong password for a name that there is leaves an entry. One for a name that there is not leaves none: whoever
 * invents names must not make the chain grow. */
static int sign_in_refused(struct call *c, const struct secrets *s)
{
	int r = call_refuse(c, PROBLEM_CREDENTIALS, "", NULL);

	if (!s->account_id)
		return r;
	return commit_entry(c, "session.refuse", NODE_PROVINCE, json_pack("{s:s}", "address", c->address),
	    "account:%" PRId64, s->account_id);
}

static int sign_in_run(struct db *db, struct call *c)
{
	struct secrets *s = c->state;
	struct bearer_wish w = {BEARER_SESSION, s->account_id, "", ~UINT64_C(0), NODE_PROVINCE, SESSION_S};
	struct subject subject;
	char text[BEARER_TEXT];
	int64_t id;
	int r;

	if (!s->right)
		return sign_in_refused(c, s);
	r = signin_clear(db, c, s->name);
	if (!r)
		r = bearer_make(db, &w, text, &id);
	if (!r)
		r = access_subject(db, text, &subject);
	if (r == -EACCES)
		return call_refuse(c, PROBLEM_CREDENTIALS, "", NULL);
	if (r)
		return r;
	(void)snprintf(c->actor, sizeof c->actor, "account:%" PRId64, s->account_id);
	(void)snprintf(c->answer.cookie, sizeof c->answer.cookie,
	    "__Host-khien=%s; Path=/; Max-Age=%d; Secure; HttpOnly; SameSite=Strict", text, SESSION_S);
	r = commit_entry(
	    c, "session.begin", NODE_PROVINCE, json_pack("{s:s}", "address", c->address), "session:%" PRId64, id);
	return r ? r : call_json(c, 201, say_subject(c, &subject, text));
}

static int sign_out(struct db *db, struct call *c)
{
	int r = bearer_end(db, c->subject.account_id, c->subject.bearer_id);

	if (!r)
		r = commit_entry(
		    c, "session.end", NODE_PROVINCE, say_object(), "session:%" PRId64, c->subject.bearer_id);
	(void)snprintf(c->answer.cookie, sizeof c->answer.cookie,
	    "__Host-khien=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
	c->answer.status = 204;
	return r;
}

static int me(struct db *db, struct call *c)
{
	(void)db;
	return call_json(c, 200, say_subject(c, &c->subject, c->by_cookie ? c->bearer : NULL));
}

/* One's own password: the current one is asked again, and counts as a sign-in. */
static const struct form_field password_form[] = {
    FORM_TEXT_OF(struct secrets, current, FORM_NEEDED, 1),
    {"new", FORM_TEXT, FORM_NEEDED, offsetof(struct secrets, password), FORM_ROOM(struct secrets, password), 1, 0},
};

static int password_first(struct db *db, struct call *c)
{
	struct secrets *s = call_state(c, sizeof *s, secrets_wipe);
	int r = s ? CALL_FORM(c, password_form, s, NULL) : -ENOMEM;

	if (r)
		return r;
	(void)str_copy(s->name, sizeof s->name, c->subject.name);
	r = signin_attempt(db, c, s->name);
	return r ? r : read_login(db, s);
}

static int password_work(struct call *c)
{
	struct secrets *s = c->state;
	struct err e = {0};
	int r = password_verify(s->hash, s->current);

	if (r)
		return call_refuse(c, PROBLEM_CREDENTIALS, "current", NULL);
	if (str_eq(s->current, s->password))
		return call_refuse(c, PROBLEM_INVALID, "new", "the new password is the old one");
	r = password_acceptable(s->password, s->name, &e);
	return r ? call_refuse_err(c, r, "new", &e) : password_hash(s->new_hash, s->password);
}

static int password_run(struct db *db, struct call *c)
{
	struct secrets *s = c->state;
	uint8_t keep[BEARER_HASH];
	int r = bearer_digest(c->bearer, keep);

	if (!r)
		r = signin_clear(db, c, s->name);
	if (!r)
		r = account_set_password(db, c->subject.account_id, s->new_hash, false, keep);
	if (!r)
		r = commit_entry(c, "account.password", NODE_PROVINCE, json_pack("{s:b}", "must_change", 0),
		    "account:%" PRId64, c->subject.account_id);
	c->answer.status = 204;
	return r;
}

/* Tokens for scripts: of one's own account, limited to some of what it may, and to a subtree. */
struct token_form {
	char label[MAX_LABEL + 1];
	const json_t *may;
	int64_t node, lifetime_s;
};
static const struct form_field token_form[] = {
    FORM_TEXT_OF(struct token_form, label, FORM_NEEDED, 1),
    FORM_OF(struct token_form, may, FORM_JSON, FORM_NEEDED),
    FORM_I64_OF(struct token_form, node, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_I64_OF(struct token_form, lifetime_s, FORM_NEEDED, MIN_TOKEN_S, MAX_TOKEN_S),
};

static int read_may(struct call *c, const json_t *list, permission_set *ret)
{
	enum permission p;
	json_t *one;
	size_t i;

	*ret = 0;
	json_array_foreach((json_t *)list, i, one)
	{
		if (permission_find(json_string_value(one), &p) || p == MAY_ANYONE)
			return call_refuse(c, PROBLEM_INVALID, "may", "there is no such permission");
		*ret |= PERMISSION_BIT(p);
	}
	return *ret ? 0 : call_refuse(c, PROBLEM_INVALID, "may", "a list of permissions is expected");
}

static int token_create(struct db *db, struct call *c)
{
	struct token_form f = {.node = NODE_PROVINCE};
	struct bearer_wish w = {BEARER_TOKEN, c->subject.account_id, f.label, 0, 0, 0};
	char text[BEARER_TEXT];
	int64_t id, n;
	int r = CALL_FORM(c, token_form, &f, NULL);

	if (!r)
		r = read_may(c, f.may, &w.may);
	w.node_id = f.node;
	w.lifetime_s = f.lifetime_s;
	if (!r)
		r = db_row(db,
		    "select count(*) from bearer where account_id = $1 and kind = 2 and ended = 0 and expires_real > "
		    "$2",
		    "ii", w.account_id, clock_real_us(), "i", &n);
	if (!r && n >= MAX_TOKENS)
		r = call_refuse(c, PROBLEM_CONFLICT, "", "at most %d tokens", MAX_TOKENS);
	if (!r)
		r = bearer_make(db, &w, text, &id);
	if (!r)
		r = commit_entry(c, "token.create", NODE_PROVINCE,
		    json_pack("{s:s, s:o, s:I, s:I}", "label", f.label, "may", say_permissions(w.may), "node",
		        (json_int_t)w.node_id, "lifetime_s", (json_int_t)w.lifetime_s),
		    "token:%" PRId64, id);
	return r ? r : call_json(c, 201, json_pack("{s:I, s:s}", "id", (json_int_t)id, "token", text));
}

static json_t *say_bearer(const struct call *c, struct db_rows *rows)
{
	return json_pack("{s:I, s:s, s:s, s:o, s:I, s:o, s:o, s:b}", "id", (json_int_t)db_i64(rows, 0), "kind",
	    db_i64(rows, 1) == BEARER_SESSION ? "session" : "token", "label", db_text(rows, 2), "may",
	    say_permissions((permission_set)db_i64(rows, 3)), "node", (json_int_t)db_i64(rows, 4), "created_at",
	    say_instant(db_i64(rows, 5)), "expires_at", say_instant(db_i64(rows, 6)), "current",
	    db_i64(rows, 0) == c->subject.bearer_id);
}

static int token_list(struct db *db, struct call *c)
{
	json_t *all = json_array();
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select id, kind, label, may, node_id, created_real, expires_real from bearer"
	    " where account_id = $1 and ended = 0 and expires_real > $2 order by id",
	    "ii", c->subject.account_id, clock_real_us());

	while (!r && db_next(rows))
		json_array_append_new(all, say_bearer(c, rows));
	if (!r)
		r = db_done(rows);
	if (!r)
		return call_json(c, 200, json_pack("{s:o}", "tokens", all));
	json_decref(all);
	return r;
}

static int token_end(struct db *db, struct call *c)
{
	int64_t id;
	int r = call_param_id(c, "id", &id);

	if (!r)
		r = bearer_end(db, c->subject.account_id, id);
	if (!r)
		r = commit_entry(c, "token.end", NODE_PROVINCE, say_object(), "token:%" PRId64, id);
	c->answer.status = 204;
	return r;
}

static const struct route routes[] = {
    ROUTE("POST", "/api/v1/session", MAY_ANYONE, AT_NOWHERE, ROUTE_WRITES | ROUTE_FIRST_WRITES | ROUTE_SECRET,
        sign_in_run, sign_in_first, sign_in_work),
    ROUTE("DELETE", "/api/v1/session", MAY_SELF, AT_NOWHERE, ROUTE_WRITES | ROUTE_BEFORE_CHANGE, sign_out),
    ROUTE("GET", "/api/v1/me", MAY_SELF, AT_NOWHERE, ROUTE_BEFORE_CHANGE, me),
    ROUTE("POST", "/api/v1/password", MAY_SELF, AT_NOWHERE,
        ROUTE_WRITES | ROUTE_FIRST_WRITES | ROUTE_BEFORE_CHANGE | ROUTE_SESSION_ONLY | ROUTE_SECRET, password_run,
        password_first, password_work),
    ROUTE("GET", "/api/v1/tokens", MAY_SELF, AT_NOWHERE, 0, token_list),
    ROUTE(
        "POST", "/api/v1/tokens", MAY_SELF, AT_NOWHERE, ROUTE_WRITES | ROUTE_SESSION_ONLY | ROUTE_SECRET, token_create),
    ROUTE("DELETE", "/api/v1/tokens/{id}", MAY_SELF, AT_NOWHERE, ROUTE_WRITES, token_end),
};
const struct route_table session_table = ROUTE_TABLE(routes);
