#include "token.h"

#include "clock.h"
#include "detail.h"
#include "rnd.h"
#include "unit.h"

#include <sodium.h>

static int check_wish(struct db *db, const struct token_wish *w, struct err *e)
{
	int64_t now = clock_real_us();
	if (w->uses < 1 || w->uses > MAX_TOKEN_USES)
		return err_set(e, -EINVAL, "uses: from 1 to %d", MAX_TOKEN_USES);
	if (w->expires_real <= now)
		return err_set(e, -EINVAL, "expires: lies in the past");
	if (w->expires_real > now + (int64_t)MAX_TOKEN_DAYS * 86400 * US_PER_S)
		return err_set(e, -EINVAL, "expires: more than %d days ahead", MAX_TOKEN_DAYS);
	if (strlen(w->note) > MAX_TEXT)
		return err_set(e, -EINVAL, "note: longer than %d bytes", MAX_TEXT);
	struct tree *t;
	int r = tree_load_now(db, &t);
	if (r < 0)
		return r;
	if (!tree_present(t, w->node_id))
		r = err_set(e, -ENOENT, "node %lld: no such unit or group", (long long)w->node_id);
	tree_free(t);
	return r;
}

static int log_token(struct db *db, const struct ledger_entry *l, const struct ledger_who *who, const char *action,
    const char *id, int64_t node_id, const struct token_wish *w)
{
	struct detail d = DETAIL_INIT;
	char object[32];
	(void)snprintf(object, sizeof object, "token:%s", id);
	if (w) {
		detail_int(&d, "expires_us", w->expires_real);
		detail_text(&d, "note", w->note);
		detail_int(&d, "uses", w->uses);
	}
	const char *text = detail_close(&d);
	int r = text ? ledger_end(db, l, who, action, object, node_id, text) : detail_error(&d);
	detail_release(&d);
	return r;
}

int token_create(struct db *db, const struct ledger_who *who, const struct token_wish *w,
    const uint8_t pin[SHA256_BYTES], char ret_text[TOKEN_TEXT], struct err *e)
{
	struct ledger_entry l;
	struct token t;
	uint8_t auth_key[AUTH_KEY_BYTES];
	int r = check_wish(db, w, e);
	if (r < 0)
		return r;
	r = ledger_begin(db, &l);
	if (r < 0)
		return r;
	rnd_hex(t.id, (TOKEN_ID_TEXT - 1) / 2);
	rnd_bytes(t.secret, sizeof t.secret);
	memcpy(t.pin, pin, sizeof t.pin);
	token_auth_key(t.secret, auth_key);
	r = db_exec(db, NULL,
	    "insert into enrol_token(id, auth_key, node_id, uses, uses_left, expires_real, note, revoked, rev)"
	    " values ($1, $2, $3, $4, $4, $5, $6, 0, $7)",
	    "tbiiiti", t.id, auth_key, sizeof auth_key, w->node_id, w->uses, w->expires_real, w->note, l.rev);
	if (r == 0)
		r = log_token(db, &l, who, "token.create", t.id, w->node_id, w);
	if (r == 0)
		token_format(&t, ret_text);
	sodium_memzero(&t, sizeof t);
	sodium_memzero(auth_key, sizeof auth_key);
	return r;
}

int token_revoke(struct db *db, const struct ledger_who *who, const char *id)
{
	struct ledger_entry l;
	int64_t node_id, revoked;
	int r = db_row(db, "select node_id, revoked from enrol_token where id = $1", "t", id, "ii", &node_id, &revoked);
	if (r < 0 || revoked)
		return r;
	r = ledger_begin(db, &l);
	if (r == 0)
		r = db_exec(db, NULL, "update enrol_token set revoked = 1 where id = $1", "t", id);
	return r < 0 ? r : log_token(db, &l, who, "token.revoke", id, node_id, NULL);
}

static int tell(struct db_rows *rows, const struct scope *scope, const struct tree *t,
    int (*fn)(void *arg, const struct token_row *t), void *arg)
{
	struct token_row row = {
	    .node_id = db_i64(rows, 1),
	    .uses = db_i64(rows, 2),
	    .uses_left = db_i64(rows, 3),
	    .expires_real = db_i64(rows, 4),
	    .note = db_text(rows, 5),
	    .revoked = db_i64(rows, 6) != 0,
	    .rev = db_i64(rows, 7),
	    .created_at = db_i64(rows, 8),
	    .actor = db_text(rows, 9),
	};
	(void)snprintf(row.id, sizeof row.id, "%s", db_text(rows, 0));
	return scope_covers(scope, t, row.node_id) ? fn(arg, &row) : 0;
}

int token_list(struct db *db, const struct scope *scope, int (*fn)(void *arg, const struct token_row *t), void *arg)
{
	struct tree *t;
	struct db_rows *rows;
	int r = tree_load_now(db, &t);
	if (r < 0)
		return r;
	r = db_query(db, &rows,
	    "select t.id, t.node_id, t.uses, t.uses_left, t.expires_real, t.note, t.revoked, t.rev, a.recorded_at, "
	    "a.actor"
	    " from enrol_token t join audit a on a.rev = t.rev order by t.rev desc",
	    "");
	while (r == 0 && db_next(rows))
		r = tell(rows, scope, t, fn, arg);
	int done = db_done(rows);
	tree_free(t);
	return r ? r : done;
}

struct seek {
	const char *id;
	int (*fn)(void *arg, const struct token_row *t);
	void *arg;
	bool found;
};

static int seek_one(void *arg, const struct token_row *t)
{
	struct seek *s = arg;
	if (strcmp(t->id, s->id) != 0)
		return 0;
	s->found = true;
	return s->fn(s->arg, t);
}

int token_get(struct db *db, const struct scope *scope, const char *id, int (*fn)(void *arg, const struct token_row *t),
    void *arg)
{
	struct seek s = {id, fn, arg, false};
	int r = token_list(db, scope, seek_one, &s);
	return r || s.found ? r : -ENOENT;
}

int token_key(struct db *db, const char *id, uint8_t ret_auth_key[AUTH_KEY_BYTES])
{
	return db_row(db, "select auth_key from enrol_token where id = $1 and revoked = 0", "t", id, "b", ret_auth_key,
	    (size_t)AUTH_KEY_BYTES);
}

int token_use(struct db *db, const char *id, int64_t *ret_node_id)
{
	return db_row(db,
	    "update enrol_token set uses_left = uses_left - 1"
	    " where id = $1 and uses_left > 0 and revoked = 0 and expires_real > $2 returning node_id",
	    "ti", id, clock_real_us(), "i", ret_node_id);
}
