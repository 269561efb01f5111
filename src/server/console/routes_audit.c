#include "routes.h"
#include "say.h"
#include "str.h"
#include "unit.h"

/* A page of a narrow scope in a long chain: so many entries are looked at, then the answer says where to go on. */
enum { MAX_LOOKED_AT = 20000 };

struct audit_form {
	int64_t before, limit;
	char actor[96], object[128];
};
static const struct form_field list_query[] = {
    FORM_I64_OF(struct audit_form, before, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_I64_OF(struct audit_form, limit, FORM_OPTIONAL, 1, MAX_PAGE),
    FORM_TEXT_OF(struct audit_form, actor, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct audit_form, object, FORM_OPTIONAL, 1),
};

static json_t *say_entry(struct db_rows *rows)
{
	char hash[2 * SHA256_BYTES + 1] = "";
	size_t n;
	const void *p = db_blob(rows, 8, &n);

	if (n == SHA256_BYTES)
		hex_encode(hash, p, n);
	return json_pack("{s:I, s:o, s:o, s:s, s:s, s:s, s:s, s:I, s:o, s:s}", "rev", (json_int_t)db_i64(rows, 0),
	    "recorded_at", say_instant(db_i64(rows, 1)), "real_at", say_instant(db_i64(rows, 2)), "actor",
	    db_text(rows, 3), "request", db_text(rows, 4), "action", db_text(rows, 5), "object", db_text(rows, 6),
	    "node", (json_int_t)db_i64(rows, 7), "detail", say_json(db_text(rows, 9)), "hash", hash);
}

static bool wanted(const struct audit_form *f, struct db_rows *rows)
{
	return (!f->actor[0] || str_eq(f->actor, db_text(rows, 3))) &&
	       (!f->object[0] || str_eq(f->object, db_text(rows, 6)));
}

/* Newest first. *ret_next: where to go on; 0: the beginning of the chain was reached. */
static int read_page(struct db *db, const struct call *c, const struct audit_form *f, json_t *all, int64_t *ret_next)
{
	struct db_rows *rows;
	struct tree *t = NULL;
	int64_t looked_at = 0, last = 0;
	int r = tree_load_now(db, &t);

	if (!r)
		r = db_query(db, &rows,
		    "select rev, recorded_at, real_at, actor, request, action, object, node_id, hash, detail from audit"
		    " where rev < $1 order by rev desc limit $2",
		    "ii", f->before, (int64_t)MAX_LOOKED_AT);
	while (!r && json_array_size(all) < (size_t)f->limit && db_next(rows)) {
		looked_at++;
		last = db_i64(rows, 0);
		if (wanted(f, rows) && (scope_is_everything(c->scope) || scope_covers(c->scope, t, db_i64(rows, 7))))
			json_array_append_new(all, say_entry(rows));
	}
	if (!r)
		r = db_done(rows);
	tree_free(t);
	*ret_next = json_array_size(all) == (size_t)f->limit || looked_at == MAX_LOOKED_AT ? last : 0;
	return r;
}

static int list(struct db *db, struct call *c)
{
	struct audit_form f = {.before = INT64_MAX, .limit = STANDARD_PAGE};
	json_t *all = json_array();
	int64_t next = 0;
	int r = CALL_QUERY(c, list_query, &f, NULL);

	if (!r)
		r = read_page(db, c, &f, all, &next);
	if (!r)
		return call_json(c, 200,
		    json_pack("{s:o, s:o}", "entries", all, "next", next > 1 ? json_integer(next) : json_null()));
	json_decref(all);
	return r;
}

static int verify(struct db *db, struct call *c)
{
	char hash[2 * SHA256_BYTES + 1];
	uint8_t head[SHA256_BYTES];
	int64_t rev, bad = 0;
	int r = db_row(db, "select rev, hash from head where id = 1", "", "ib", &rev, head, sizeof head);

	if (!r)
		r = ledger_verify(db, &bad);
	if (r && r != -EBADMSG)
		return r;
	hex_encode(hash, head, sizeof head);
	return call_json(c, 200,
	    json_pack("{s:b, s:I, s:s, s:o}", "sound", r == 0, "rev", (json_int_t)rev, "hash", hash, "first_bad",
	        r ? json_integer(bad) : json_null()));
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/audit", MAY_READ_AUDIT, AT_ANYWHERE, 0, list),
    ROUTE("GET", "/api/v1/audit/verify", MAY_READ_AUDIT, AT_PROVINCE, 0, verify),
};
const struct route_table audit_table = ROUTE_TABLE(routes);
