#include "anchor.h"

#include "bounds.h"
#include "detail.h"
#include "identity_int.h"

#include <stdlib.h>

int anchor_version(struct db *db, int64_t *ret)
{
	return db_row(db, "select max(version) from anchor", "", "i", ret);
}

static int take(struct anchors *a, struct db_rows *rows)
{
	if (a->n == MAX_ANCHORS)
		return -ENOSPC;
	size_t i = a->n++;
	a->v[i].purpose = strdup(db_text(rows, 0));
	a->v[i].body = strdup(db_text(rows, 2));
	int64_t version = db_i64(rows, 1);
	if (version > a->version)
		a->version = version;
	return a->v[i].purpose && a->v[i].body ? 0 : -ENOMEM;
}

int anchor_load(struct db *db, struct anchors *ret)
{
	struct anchors a = {0};
	struct db_rows *rows;
	int r = db_query(db, &rows, "select purpose, version, body from anchor order by purpose", "");
	while (r == 0 && db_next(rows))
		r = take(&a, rows);
	int done = db_done(rows);
	r = r ? r : done;
	if (r)
		anchors_release(&a);
	else
		*ret = a;
	return r;
}

static bool purpose_ok(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return n >= 1 && n <= 32 && !s[n];
}

/* *ret_new: the purpose is not there yet; *ret_same: it has this very text. */
static int look(struct db *db, const char *purpose, const char *body, bool *ret_new, bool *ret_same)
{
	char *now = NULL;
	int r = db_row(db, "select body from anchor where purpose = $1", "t", purpose, "t", &now);
	*ret_new = r == -ENOENT;
	*ret_same = r == 0 && strcmp(now, body) == 0;
	free(now);
	return r == -ENOENT ? 0 : r;
}

int anchor_put(struct db *db, const struct ledger_entry *l, const char *purpose, const char *body)
{
	int64_t n, beat;
	bool is_new, same;
	if (!purpose_ok(purpose))
		return -EINVAL;
	if (strlen(body) > MAX_ANCHOR_BODY)
		return -EMSGSIZE;
	int r = look(db, purpose, body, &is_new, &same);
	if (r == 0)
		r = db_row(db, "select count(*) from anchor", "", "i", &n);
	if (r || same)
		return r;
	if (is_new && n >= MAX_ANCHORS)
		return -ENOSPC;
	r = store_beat(db);
	if (r == 0)
		r = pulse_now(db, &beat);
	if (r == 0)
		r = db_exec(db, NULL,
		    "insert into anchor(purpose, version, body, changed_beat, rev)"
		    " select $1, 1 + coalesce(max(version), 0), $2, $3, $4 from anchor where true"
		    " on conflict(purpose) do update set version = excluded.version, body = excluded.body,"
		    " changed_beat = excluded.changed_beat, rev = excluded.rev",
		    "ttii", purpose, body, beat, l->rev);
	return r;
}

int anchor_set(struct db *db, const struct ledger_who *who, const char *purpose, const char *body)
{
	struct ledger_entry l;
	struct detail d = DETAIL_INIT;
	bool is_new, same;
	int r = look(db, purpose, body, &is_new, &same);
	if (r || same)
		return r;
	r = ledger_begin(db, &l);
	if (r == 0)
		r = anchor_put(db, &l, purpose, body);
	detail_text(&d, "purpose", purpose);
	const char *text = detail_close(&d);
	if (r == 0)
		r = text ? ledger_end(db, &l, who, "trust.anchor", "anchor", NODE_PROVINCE, text) : detail_error(&d);
	detail_release(&d);
	return r;
}
