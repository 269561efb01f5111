#include "declared.h"
#include "array.h"
#include "clock.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DECLARED = 10000000 };

static int check(struct db *db, const struct declared *d, char document[MAX_TEXT + 1], struct err *e)
{
	int64_t kind;
	if (d->valid_from < 0 || d->valid_from >= d->valid_to || d->valid_to > TIME_END)
		return err_set(e, -EINVAL, "the interval is empty or outside the ledger's time");
	if (d->servers < 0 || d->servers > MAX_DECLARED || d->workstations < 0 || d->workstations > MAX_DECLARED)
		return err_set(e, -EINVAL, "servers and workstations are numbers from 0 to %d", MAX_DECLARED);
	if (text_nfc(document, MAX_TEXT + 1, d->document ? d->document : ""))
		return err_set(e, -EINVAL, "the document is no text of at most %d bytes", MAX_TEXT);
	int r = db_row(db, "select kind from node where id = $1", "i", d->node_id, "i", &kind);
	if (r == -ENOENT)
		return err_set(e, r, "there is no node %lld", (long long)d->node_id);
	if (r == 0 && kind != NODE_KIND_UNIT)
		r = err_set(e, -EINVAL, "computers are declared for units");
	return r;
}

int declared_state(struct db *db, const struct ledger_entry *l, const struct declared *d, struct err *e)
{
	char document[MAX_TEXT + 1];
	int r = check(db, d, document, e);
	if (r)
		return r;
	return db_exec(db, NULL,
	    "insert into declared_fact(node_id, valid_from, valid_to, rev, present, servers, workstations, document,"
	    " document_day) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	    "iiiiiiiti", d->node_id, d->valid_from, d->valid_to, l->rev, (int64_t)d->present, d->servers,
	    d->workstations, document, (int64_t)d->document_day);
}

void declared_free(struct declared_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rows[i].document);
	free(rows);
}

struct reading {
	struct declared_row *rows;
	size_t n, cap;
};

static int take_row(struct reading *d, const struct scope *scope, const struct tree *t, struct db_rows *rows)
{
	int64_t node_id = db_i64(rows, 0);
	if (d->n > 0 && d->rows[d->n - 1].node->id == node_id)
		free(d->rows[--d->n].document);
	const struct node *n = tree_present(t, node_id);
	if (db_i64(rows, 1) == 0 || n == NULL || !scope_covers(scope, t, node_id))
		return 0;
	int r = array_room(&d->rows, &d->cap, d->n, sizeof d->rows[0]);
	char *document = r ? NULL : strdup(db_text(rows, 4));
	if (document == NULL)
		return -ENOMEM;
	d->rows[d->n++] = (struct declared_row){.node = n,
	    .servers = db_i64(rows, 2),
	    .workstations = db_i64(rows, 3),
	    .document = document,
	    .document_day = (int32_t)db_i64(rows, 5),
	    .rev = db_i64(rows, 6),
	    .valid_from = db_i64(rows, 7)};
	return 0;
}

int declared_list(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    struct declared_row **ret, size_t *ret_n)
{
	struct reading d = {0};
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select node_id, present, servers, workstations, document, document_day, rev, valid_from from declared_fact"
	    " where rev <= $1 and valid_from <= $2 and $2 < valid_to order by node_id, rev",
	    "ii", at->rev, at->at);
	while (r == 0 && db_next(rows))
		r = take_row(&d, scope, t, rows);
	int done = db_done(rows);
	r = r ? r : done;
	if (r) {
		declared_free(d.rows, d.n);
		return r;
	}
	*ret = d.rows;
	*ret_n = d.n;
	return 0;
}
