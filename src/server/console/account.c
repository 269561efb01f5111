#include "account.h"

#include "bearer.h"
#include "clock.h"
#include "str.h"

#include <inttypes.h>

int grant_add(
    struct db *db, const struct ledger_entry *l, int64_t account_id, const struct grant_wish *w, int64_t *ret_id)
{
	int64_t n = 0, id;
	int r = db_row(db, "select count(*) from node where id = $1", "i", w->node_id, "i", &n);

	if (!r && !n)
		r = -ENOENT;
	if (!r)
		r = db_row(db,
		    "select count(*) from role_grant where account_id = $1 and role = $2 and node_id = $3 and "
		    "ended_rev = 0",
		    "iti", account_id, role_name(w->role), w->node_id, "i", &n);
	if (!r && n)
		r = -EEXIST;
	if (!r)
		r = db_row(db, "select count(*) from role_grant where account_id = $1 and ended_rev = 0", "i",
		    account_id, "i", &n);
	if (!r && n >= MAX_GRANTS)
		r = -E2BIG;
	if (!r)
		r = db_row(db,
		    "insert into role_grant(account_id, role, node_id, origin, rev, ended_rev) values ($1, $2, $3, $4, "
		    "$5, 0)"
		    " returning id",
		    "ititi", account_id, role_name(w->role), w->node_id, w->origin, l->rev, "i", ret_id ? ret_id : &id);
	return r;
}

int grant_end(struct db *db, const struct ledger_entry *l, int64_t grant_id)
{
	int64_t changed = 0;
	int r = db_exec(db, &changed, "update role_grant set ended_rev = $2 where id = $1 and ended_rev = 0", "ii",
	    grant_id, l->rev);

	return r ? r : changed ? 0 : -ENOENT;
}

int account_create(struct db *db, const struct ledger_entry *l, const struct account_wish *w, int64_t *ret_id)
{
	int64_t n = 0, id;
	int r = account_name_ok(w->name) ? 0 : -EINVAL;

	if (!r)
		r = db_row(db, "select count(*) from account where name = $1", "t", w->name, "i", &n);
	if (!r && n)
		r = -EEXIST;
	if (!r)
		r = db_row(db, "insert into account(name, display, disabled, rev) values ($1, $2, 0, $3) returning id",
		    "tti", w->name, w->display, l->rev, "i", &id);
	if (!r && w->password_hash)
		r = db_exec(db, NULL,
		    "insert into login(issuer, subject, account_id, secret, must_change) values ($1, $2, $3, $4, $5)",
		    "ttiti", ISSUER_LOCAL, w->name, id, w->password_hash, (int64_t)w->must_change);
	for (size_t i = 0; !r && i < w->n_grants; i++)
		r = grant_add(db, l, id, &w->grants[i], NULL);
	if (!r)
		*ret_id = id;
	return r;
}

int account_set(struct db *db, const struct ledger_entry *l, int64_t id, const char *display, bool disabled)
{
	int64_t changed = 0;
	int r = db_exec(db, &changed, "update account set display = $2, disabled = $3, rev = $4 where id = $1", "itii",
	    id, display, (int64_t)disabled, l->rev);

	if (!r && !changed)
		r = -ENOENT;
	if (!r && disabled)
		r = bearer_end_all(db, id, NULL);
	return r;
}

int account_set_password(struct db *db, int64_t id, const char *hash, bool must_change, const uint8_t *keep)
{
	int64_t changed = 0;
	int r = db_exec(db, &changed,
	    "update login set secret = $3, must_change = $4 where account_id = $1 and issuer = $2", "itti", id,
	    ISSUER_LOCAL, hash, (int64_t)must_change);

	if (!r && !changed)
		r = -ENOENT;
	return r ? r : bearer_end_all(db, id, keep);
}

/* What root's commands do, each in one write job. */
static const struct ledger_who root = {.actor = "local:root", .request = ""};

struct command {
	const char *name, *display, *hash;
	char *token;
};

/* The account enabled, with `hash` as its password if there is one, and the province's administrator again. */
static int make_anew(struct db *db, const struct command *c, const struct ledger_entry *l, int64_t id)
{
	static const struct grant_wish all = {ROLE_ADMINISTRATOR, NODE_PROVINCE, "command"};
	int r = db_exec(db, NULL, "update account set disabled = 0, rev = $2 where id = $1", "ii", id, l->rev);

	if (!r && c->hash)
		r = db_exec(db, NULL,
		    "insert into login(issuer, subject, account_id, secret, must_change) values ($1, $2, $3, $4, 1)"
		    " on conflict(issuer, subject) do update set secret = excluded.secret, must_change = 1",
		    "ttit", ISSUER_LOCAL, c->name, id, c->hash);
	if (!r)
		r = bearer_end_all(db, id, NULL);
	if (!r)
		r = grant_add(db, l, id, &all, NULL);
	return r == -EEXIST ? 0 : r;
}

static int make_administrator(struct db *db, void *arg)
{
	const struct command *c = arg;
	struct ledger_entry l;
	int64_t id = 0;
	int r = ledger_begin(db, &l);

	if (!r)
		r = db_row(db,
		    "insert into account(name, display, disabled, rev) values ($1, $2, 0, $3)"
		    " on conflict(name) do update set rev = excluded.rev returning id",
		    "tti", c->name, c->display, l.rev, "i", &id);
	if (!r)
		r = make_anew(db, c, &l, id);
	if (!r && c->token) {
		struct bearer_wish w = {BEARER_TOKEN, id, "command line", ~UINT64_C(0), NODE_PROVINCE, MAX_TOKEN_S};
		r = bearer_make(db, &w, c->token, &(int64_t){0});
	}
	if (!r) {
		char object[32], detail[128];
		(void)snprintf(object, sizeof object, "account:%" PRId64, id);
		(void)snprintf(detail, sizeof detail, "{\"name\":\"%s\",\"password\":%s,\"token\":%s}", c->name,
		    c->hash ? "true" : "false", c->token ? "true" : "false");
		r = ledger_end(db, &l, &root, "account.command", object, NODE_PROVINCE, detail);
	}
	return r;
}

int account_make_command_token(struct store *s, char *dst, size_t size, struct err *e)
{
	char text[BEARER_TEXT];
	struct command c = {"command-line", "Dòng lệnh", NULL, text};
	int r = size < BEARER_TEXT ? -ENAMETOOLONG : store_write_now(s, make_administrator, &c);

	if (r)
		return err_set(e, r, "the command line's token cannot be made");
	return str_copy(dst, size, text);
}

int account_make_administrator(struct store *s, const char *name, const char *password, struct err *e)
{
	char hash[PASSWORD_HASH];
	struct command c = {name, name, hash, NULL};
	int r;

	if (!account_name_ok(name))
		return err_set(e, -EINVAL,
		    "an account's name has 2 to %d of a-z 0-9 . _ - and begins with a letter or digit",
		    MAX_ACCOUNT_NAME);
	r = password_acceptable(password, name, e);
	if (r)
		return r;
	r = password_hash(hash, password);
	if (!r)
		r = store_write_now(s, make_administrator, &c);
	return r ? err_set(e, r, "the administrator cannot be made") : 0;
}
