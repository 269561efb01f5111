#include "commit.h"
#include "routes.h"
#include "say.h"
#include "str.h"
#include "unit.h"

#include <inttypes.h>
#include <sodium.h>

struct account_form {
	char name[MAX_ACCOUNT_NAME + 1], display[MAX_TEXT + 1], password[MAX_PASSWORD + 1], role[32];
	int64_t node;
	bool disabled;
	char hash[PASSWORD_HASH];
};

static void account_form_wipe(void *state)
{
	sodium_memzero(state, sizeof(struct account_form));
}

/* A role that holds more than the caller's own token may is not the caller's to give. */
static int read_role(struct call *c, const char *name, enum role *ret)
{
	if (role_find(name, ret))
		return call_refuse(c, PROBLEM_INVALID, "role", "there is no such role");
	if (role_permissions(*ret) & ~c->subject.may)
		return call_refuse(c, PROBLEM_FORBIDDEN, "role", "this token may not give all of this role");
	return 0;
}

static const struct form_field create_form[] = {
    FORM_TEXT_OF(struct account_form, name, FORM_NEEDED, 1),
    FORM_TEXT_OF(struct account_form, display, FORM_OPTIONAL, 0),
    FORM_TEXT_OF(struct account_form, password, FORM_NEEDED, 1),
    FORM_TEXT_OF(struct account_form, role, FORM_NEEDED, 1),
    FORM_I64_OF(struct account_form, node, FORM_NEEDED, 1, INT64_MAX),
};

static int create_first(struct db *db, struct call *c)
{
	struct account_form *f = call_state(c, sizeof *f, account_form_wipe);
	struct err e = {0};
	enum role role;
	int r = f ? CALL_FORM(c, create_form, f, NULL) : -ENOMEM;

	(void)db;
	if (!r && !account_name_ok(f->name))
		r = call_refuse(
		    c, PROBLEM_INVALID, "name", "2 to %d of a-z 0-9 . _ -, a letter or digit first", MAX_ACCOUNT_NAME);
	if (!r && password_acceptable(f->password, f->name, &e))
		r = call_refuse_err(c, e.code, "password", &e);
	return r ? r : read_role(c, f->role, &role);
}

static int hash_work(struct call *c)
{
	struct account_form *f = c->state;

	return password_hash(f->hash, f->password);
}

static int create_run(struct db *db, struct call *c)
{
	struct account_form *f = c->state;
	struct grant_wish g = {.node_id = f->node, .origin = "console"};
	struct account_wish w = {f->name, f->display[0] ? f->display : f->name, f->hash, true, 1, &g};
	int64_t id;
	int r = read_role(c, f->role, &g.role);

	if (r)
		return r;
	r = account_create(db, &c->ledger, &w, &id);
	if (r == -EEXIST)
		return call_refuse(c, PROBLEM_CONFLICT, "name", NULL);
	if (r == -ENOENT)
		return call_refuse(c, PROBLEM_NOT_FOUND, "node", NULL);
	if (!r)
		r = commit_entry(c, "account.create", f->node,
		    json_pack("{s:s, s:s, s:s, s:I}", "name", w.name, "display", w.display, "role", f->role, "node",
		        (json_int_t)f->node),
		    "account:%" PRId64, id);
	return r ? r : call_json(c, 201, json_pack("{s:I}", "id", (json_int_t)id));
}

/* Grants that the caller may see, of one account. */
static int say_grants_of(struct db *db, const struct call *c, const struct tree *t, int64_t account_id, json_t **ret)
{
	json_t *all = json_array();
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select id, role, node_id, origin from role_grant where account_id = $1 and ended_rev = 0 order by id", "i",
	    account_id);

	while (!r && db_next(rows))
		if (scope_is_everything(c->scope) || scope_covers(c->scope, t, db_i64(rows, 2)))
			json_array_append_new(all,
			    json_pack("{s:I, s:s, s:I, s:s}", "id", (json_int_t)db_i64(rows, 0), "role",
			        db_text(rows, 1), "node", (json_int_t)db_i64(rows, 2), "origin", db_text(rows, 3)));
	if (!r)
		r = db_done(rows);
	if (r)
		json_decref(all);
	else
		*ret = all;
	return r;
}

static int say_account(struct db *db, const struct call *c, const struct tree *t, int64_t id, json_t **ret)
{
	char name[MAX_ACCOUNT_NAME + 1], display[MAX_TEXT + 1];
	int64_t disabled, logins, must_change;
	json_t *grants;
	int r = db_row(db,
	    "select a.name, a.display, a.disabled, (select count(*) from login l where l.account_id = a.id),"
	    " (select count(*) from login l where l.account_id = a.id and l.must_change <> 0) from account a where "
	    "a.id = $1",
	    "i", id, "TTiii", name, sizeof name, display, sizeof display, &disabled, &logins, &must_change);

	if (!r)
		r = say_grants_of(db, c, t, id, &grants);
	if (!r) {
		*ret = json_pack("{s:I, s:s, s:s, s:b, s:b, s:b, s:o}", "id", (json_int_t)id, "name", name, "display",
		    display, "disabled", disabled != 0, "can_sign_in", logins != 0, "must_change", must_change != 0,
		    "grants", grants);
		r = *ret ? 0 : -ENOMEM;
	}
	return r;
}

/* ids of all accounts, in the order of their names. */
static int account_ids(struct db *db, int64_t **ret, size_t *ret_n)
{
	int64_t *ids = NULL, *more;
	struct db_rows *rows;
	size_t n = 0;
	int r = db_query(db, &rows, "select id from account order by name", "");

	while (!r && db_next(rows)) {
		more = n % 64 ? ids : realloc(ids, (n + 64) * sizeof *ids);
		if (!more) {
			r = -ENOMEM;
			break;
		}
		ids = more;
		ids[n++] = db_i64(rows, 0);
	}
	if (db_done(rows) && !r)
		r = -EIO;
	if (r) {
		free(ids);
		return r;
	}
	*ret = ids;
	*ret_n = n;
	return 0;
}

static int list(struct db *db, struct call *c)
{
	json_t *all = json_array(), *one;
	int64_t *ids = NULL;
	struct tree *t = NULL;
	size_t n = 0;
	int r = tree_load_now(db, &t);

	if (!r)
		r = account_ids(db, &ids, &n);
	for (size_t i = 0; !r && i < n; i++) {
		r = say_account(db, c, t, ids[i], &one);
		if (!r && (scope_is_everything(c->scope) || json_array_size(json_object_get(one, "grants"))))
			json_array_append_new(all, one);
		else if (!r)
			json_decref(one);
	}
	free(ids);
	tree_free(t);
	if (!r)
		return call_json(c, 200, json_pack("{s:o}", "accounts", all));
	json_decref(all);
	return r;
}

static int get(struct db *db, struct call *c)
{
	struct tree *t = NULL;
	json_t *o;
	int r = tree_load_now(db, &t);

	if (!r)
		r = say_account(db, c, t, c->object, &o);
	tree_free(t);
	return r ? r : call_json(c, 200, o);
}

static const struct form_field change_form[] = {
    FORM_TEXT_OF(struct account_form, display, FORM_OPTIONAL, 1),
    FORM_OF(struct account_form, disabled, FORM_BOOL, FORM_OPTIONAL),
};

static int change(struct db *db, struct call *c)
{
	struct account_form f = {0};
	int64_t disabled;
	int r = db_row(db, "select display, disabled from account where id = $1", "i", c->object, "Ti", f.display,
	    sizeof f.display, &disabled);

	f.disabled = disabled;
	if (!r)
		r = CALL_FORM(c, change_form, &f, NULL);
	if (!r && f.disabled && c->object == c->subject.account_id)
		r = call_refuse(c, PROBLEM_CONFLICT, "disabled", "one's own account is not disabled");
	if (!r)
		r = account_set(db, &c->ledger, c->object, f.display, f.disabled);
	if (!r)
		r = commit_entry(c, "account.change", c->node,
		    json_pack("{s:s, s:b}", "display", f.display, "disabled", f.disabled), "account:%" PRId64,
		    c->object);
	c->answer.status = 204;
	return r;
}

static const struct form_field reset_form[] = {
    FORM_TEXT_OF(struct account_form, password, FORM_NEEDED, 1),
};

static int reset_first(struct db *db, struct call *c)
{
	struct account_form *f = call_state(c, sizeof *f, account_form_wipe);
	struct err e = {0};
	int r = f ? CALL_FORM(c, reset_form, f, NULL) : -ENOMEM;

	if (!r)
		r = db_row(db, "select name from account where id = $1", "i", c->object, "T", f->name, sizeof f->name);
	if (!r && password_acceptable(f->password, f->name, &e))
		r = call_refuse_err(c, e.code, "password", &e);
	return r;
}

static int reset_run(struct db *db, struct call *c)
{
	struct account_form *f = c->state;
	int r = account_set_password(db, c->object, f->hash, true, NULL);

	if (r == -ENOENT)
		return call_refuse(c, PROBLEM_CONFLICT, "", "this account has no password");
	if (!r)
		r = commit_entry(c, "account.password", c->node, json_pack("{s:b}", "must_change", 1),
		    "account:%" PRId64, c->object);
	c->answer.status = 204;
	return r;
}

static const struct form_field grant_form[] = {
    FORM_TEXT_OF(struct account_form, role, FORM_NEEDED, 1),
    FORM_I64_OF(struct account_form, node, FORM_NEEDED, 1, INT64_MAX),
};

static int add_grant(struct db *db, struct call *c)
{
	struct account_form f = {0};
	struct grant_wish g = {.origin = "console"};
	int64_t account_id, n, id;
	int r = call_param_id(c, "account", &account_id);

	if (!r)
		r = db_row(db, "select count(*) from account where id = $1", "i", account_id, "i", &n);
	if (!r && !n)
		r = -ENOENT;
	if (!r)
		r = CALL_FORM(c, grant_form, &f, NULL);
	if (!r)
		r = read_role(c, f.role, &g.role);
	g.node_id = f.node;
	if (!r)
		r = grant_add(db, &c->ledger, account_id, &g, &id);
	if (!r)
		r = commit_entry(c, "grant.add", f.node,
		    json_pack("{s:I, s:s, s:I}", "account", (json_int_t)account_id, "role", f.role, "node",
		        (json_int_t)f.node),
		    "grant:%" PRId64, id);
	return r ? r : call_json(c, 201, json_pack("{s:I}", "id", (json_int_t)id));
}

static int end_grant(struct db *db, struct call *c)
{
	int64_t account_id;
	int r = db_row(db, "select account_id from role_grant where id = $1", "i", c->object, "i", &account_id);

	if (!r && account_id == c->subject.account_id)
		r = call_refuse(c, PROBLEM_CONFLICT, "", "one's own grants are ended by somebody else");
	if (!r)
		r = grant_end(db, &c->ledger, c->object);
	if (!r)
		r = commit_entry(c, "grant.end", c->node, json_pack("{s:I}", "account", (json_int_t)account_id),
		    "grant:%" PRId64, c->object);
	c->answer.status = 204;
	return r;
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/accounts", MAY_READ_ACCOUNTS, AT_ANYWHERE, 0, list),
    ROUTE("POST", "/api/v1/accounts", MAY_CHANGE_ACCOUNTS, AT_BODY_NODE, ROUTE_WRITES | ROUTE_SECRET, create_run,
        create_first, hash_work),
    ROUTE("GET", "/api/v1/accounts/{account}", MAY_READ_ACCOUNTS, AT_ACCOUNT, 0, get),
    ROUTE("PATCH", "/api/v1/accounts/{account}", MAY_CHANGE_ACCOUNTS, AT_ACCOUNT, ROUTE_WRITES, change),
    ROUTE("POST", "/api/v1/accounts/{account}/password", MAY_CHANGE_ACCOUNTS, AT_ACCOUNT, ROUTE_WRITES | ROUTE_SECRET,
        reset_run, reset_first, hash_work),
    ROUTE("POST", "/api/v1/accounts/{account}/grants", MAY_CHANGE_ACCOUNTS, AT_BODY_NODE, ROUTE_WRITES, add_grant),
    ROUTE("DELETE", "/api/v1/grants/{grant}", MAY_CHANGE_ACCOUNTS, AT_GRANT, ROUTE_WRITES, end_grant),
};
const struct route_table account_table = ROUTE_TABLE(routes);
