#include "allow_store.h"

#include "clock.h"
#include "machine.h"

#include <errno.h>

static const char rows_sql[] =
    "select a.sha256, a.node_id, a.machine_id, a.valid_from, a.valid_to, a.present, a.reason, a.document, "
    "a.document_day,"
    " a.rev, m.uid,"
    " (select p.node_id from place_fact p where p.machine_id = a.machine_id and p.valid_from <= $3 and $3 < p.valid_to"
    " order by p.rev desc limit 1),"
    " (select n.name from name_fact n where n.machine_id = a.machine_id and n.valid_from <= $3 and $3 < n.valid_to"
    " order by n.rev desc limit 1)"
    " from allow_fact a left join machine m on m.id = a.machine_id"
    " where a.rev <= $1 and a.valid_from <= $2 and $2 < a.valid_to and ($4 = 0 or a.sha256 = $5)"
    " and not exists (select 1 from allow_fact b where b.sha256 = a.sha256 and b.node_id = a.node_id"
    " and b.machine_id = a.machine_id and b.rev > a.rev and b.rev <= $1 and b.valid_from <= $2 and $2 < b.valid_to)"
    " order by a.sha256, a.node_id, a.machine_id";

static int take_row(struct db_rows *rows, struct allow_row *ret)
{
	size_t n;
	const void *sha256 = db_blob(rows, 0, &n);
	*ret = (struct allow_row){
	    .s = {.node_id = db_i64(rows, 1),
	        .machine_id = db_i64(rows, 2),
	        .valid_from = db_i64(rows, 3),
	        .valid_to = db_i64(rows, 4),
	        .present = db_i64(rows, 5) != 0,
	        .reason = db_text(rows, 6),
	        .document = db_text(rows, 7),
	        .document_day = (int32_t)db_i64(rows, 8)},
	    .rev = db_i64(rows, 9),
	};
	if (n != SHA256_BYTES)
		return -EBADMSG;
	memcpy(ret->s.sha256, sha256, n);
	ret->node_id = ret->s.node_id;
	if (ret->s.machine_id) {
		ret->node_id = db_null(rows, 11) ? NODE_PROVINCE : db_i64(rows, 11);
		ret->machine = db_text(rows, 10);
		ret->machine_name = db_text(rows, 12);
	}
	return 0;
}

/* In scope, or a node's above something in scope. */
static bool shown(const struct scope *scope, const struct tree *t, const struct allow_row *row)
{
	if (scope_covers(scope, t, row->node_id))
		return true;
	for (size_t i = 0; !row->s.machine_id && i < t->n; i++)
		if (t->nodes[i].present && tree_below(&t->nodes[i], row->node_id) &&
		    scope_covers(scope, t, t->nodes[i].id))
			return true;
	return false;
}

int allow_rows(struct db *db, const struct scope *scope, const struct as_of *at, const uint8_t *sha256,
    int (*fn)(void *arg, const struct allow_row *row), void *arg)
{
	static const uint8_t none[SHA256_BYTES];
	struct db_rows *rows;
	struct tree *t;
	int r = tree_load_now(db, &t);
	if (r)
		return r;
	r = db_query(db, &rows, rows_sql, "iiiib", at->rev, at->at, clock_business_us(), (int64_t)(sha256 != NULL),
	    sha256 ? sha256 : none, (size_t)SHA256_BYTES);
	while (r == 0 && db_next(rows)) {
		struct allow_row row;
		r = take_row(rows, &row);
		if (r == 0 && row.s.present && shown(scope, t, &row))
			r = fn(arg, &row);
	}
	int done = db_done(rows);
	tree_free(t);
	return r ? r : done;
}
