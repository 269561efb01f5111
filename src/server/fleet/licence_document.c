#include "array.h"
#include "clock.h"
#include "licence_int.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct document_texts {
	char number[MAX_TEXT + 1], note[MAX_TEXT + 1];
};

static int check_head(const struct licence_document *d, struct document_texts *c, struct err *e)
{
	if (d->valid_from < 0 || d->valid_from >= TIME_END)
		return err_set(e, -EINVAL, "the document's effect lies outside the ledger's time");
	if (text_nfc(c->number, sizeof c->number, d->number) || c->number[0] == 0)
		return err_set(e, -EINVAL, "the document's number is empty or no text of at most %d bytes", MAX_TEXT);
	if (text_nfc(c->note, sizeof c->note, d->note ? d->note : ""))
		return err_set(e, -EINVAL, "the note is no text of at most %d bytes", MAX_TEXT);
	if (d->n_lines == 0 || d->n_lines > MAX_DOCUMENT_LINES)
		return err_set(e, -EINVAL, "a document has 1 to %d lines", (int)MAX_DOCUMENT_LINES);
	return 0;
}

static int check_line(const struct tree *t, const struct licence_line *line, size_t number, struct err *e)
{
	if (line->amount < -MAX_LICENCE_QUANTITY || line->amount > MAX_LICENCE_QUANTITY || line->amount == 0)
		return err_set(e, -EINVAL, "line %zu: the amount is a number from 1 to %d, or its negative", number,
		    MAX_LICENCE_QUANTITY);
	if (line->node_id == 0)
		return 0;
	const struct node *n = tree_node(t, line->node_id);
	if (n == NULL || (!n->present && line->amount > 0))
		return err_set(
		    e, -ENOENT, "line %zu: there is no unit %lld on that day", number, (long long)line->node_id);
	if (n->kind != NODE_KIND_UNIT)
		return err_set(
		    e, -EINVAL, "line %zu: licences are allocated to units; \"%s\" is none", number, n->name);
	return 0;
}

static int compare_pools(const void *pa, const void *pb)
{
	const struct licence_line *a = pa, *b = pb;
	return a->pool_id < b->pool_id ? -1 : a->pool_id > b->pool_id;
}

/* Paired: within each pool the lines sum to zero. */
static int check_sums(struct db *db, const struct licence_document *d, struct err *e)
{
	struct licence_line *lines = calloc(d->n_lines + 1, sizeof lines[0]);
	int64_t sum = 0, found;
	int r = lines ? 0 : -ENOMEM;
	if (r == 0) {
		memcpy(lines, d->lines, d->n_lines * sizeof lines[0]);
		qsort(lines, d->n_lines, sizeof lines[0], compare_pools);
	}
	for (size_t i = 0; i < d->n_lines && r == 0; i++) {
		sum += lines[i].amount;
		if (i + 1 < d->n_lines && lines[i + 1].pool_id == lines[i].pool_id)
			continue;
		r = db_row(db, "select id from pool where id = $1", "i", lines[i].pool_id, "i", &found);
		if (r == -ENOENT)
			err_set(e, r, "there is no pool %lld", (long long)lines[i].pool_id);
		if (r == 0 && sum != 0)
			r = err_set(e, -EINVAL, "the lines of pool %lld sum to %lld, not to zero",
			    (long long)lines[i].pool_id, (long long)sum);
		sum = 0;
	}
	free(lines);
	return r;
}

static int check_lines(struct db *db, const struct licence_document *d, struct err *e)
{
	const struct as_of then = {.at = d->valid_from, .rev = INT64_MAX, .known_at = TIME_END};
	struct tree *t;
	int r = tree_load(db, &then, &t);
	if (r)
		return r;
	for (size_t i = 0; i < d->n_lines && r == 0; i++)
		r = check_line(t, &d->lines[i], i + 1, e);
	tree_free(t);
	return r ? r : check_sums(db, d, e);
}

/* Its number, and since when its last statement has an effect (TIME_END for a new one). */
static int find_document(struct db *db, const struct ledger_entry *l, int64_t *id, int64_t *ret_since, struct err *e)
{
	*ret_since = TIME_END;
	if (*id == 0)
		return db_row(db, "insert into alloc_doc(rev) values ($1) returning id", "i", l->rev, "i", id);
	int r = db_row(db, "select valid_from from alloc_fact where doc_id = $1 order by rev desc limit 1", "i", *id,
	    "i", ret_since);
	return r == -ENOENT ? err_set(e, r, "there is no document %lld", (long long)*id) : r;
}

static int insert_lines(struct db *db, const struct ledger_entry *l, int64_t id, const struct licence_document *d)
{
	int r = 0;
	for (size_t i = 0; i < d->n_lines && r == 0; i++)
		r = db_exec(db, NULL,
		    "insert into alloc_entry(doc_id, rev, line, pool_id, node_id, amount) values ($1, $2, $3, $4, $5, "
		    "$6)",
		    "iiiiii", id, l->rev, (int64_t)i + 1, d->lines[i].pool_id, d->lines[i].node_id, d->lines[i].amount);
	return r;
}

int licence_state_document(
    struct db *db, const struct ledger_entry *l, const struct licence_document *d, int64_t *ret_id, struct err *e)
{
	struct document_texts c;
	int64_t id = d->doc_id, since;
	int r = check_head(d, &c, e);
	if (r == 0)
		r = check_lines(db, d, e);
	if (r == 0)
		r = find_document(db, l, &id, &since, e);
	if (r == 0)
		r = db_exec(db, NULL,
		    "insert into alloc_fact(doc_id, rev, present, valid_from, number, doc_day, note)"
		    " values ($1, $2, $3, $4, $5, $6, $7)",
		    "iiiitit", id, l->rev, (int64_t)d->present, d->valid_from, c.number, (int64_t)d->doc_day, c.note);
	if (r == 0)
		r = insert_lines(db, l, id, d);
	if (r == 0)
		r = licence_check(db, since < d->valid_from ? since : d->valid_from, e);
	if (r == 0)
		*ret_id = id;
	return r;
}

/* Documents are gathered with their lines before they are told: a callback may query on its own. */
struct gathered {
	struct licence_document_row row;
	char *texts; /* number and note */
	size_t first_line;
};

struct gathering {
	struct gathered *docs;
	size_t n, cap;
	struct licence_line *lines;
	size_t n_lines, lines_cap;
};

static void gathering_release(struct gathering *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->docs[i].texts);
	free(g->docs);
	free(g->lines);
}

static int take_document(struct gathering *g, struct db_rows *rows)
{
	const char *number = db_text(rows, 5), *note = db_text(rows, 7);
	size_t n_number = strlen(number) + 1, n_note = strlen(note) + 1;
	int r = array_room(&g->docs, &g->cap, g->n, sizeof g->docs[0]);
	char *texts = r ? NULL : malloc(n_number + n_note);
	if (texts == NULL)
		return -ENOMEM;
	memcpy(texts, number, n_number);
	memcpy(texts + n_number, note, n_note);
	g->docs[g->n++] = (struct gathered){.texts = texts,
	    .first_line = g->n_lines,
	    .row = {.rev = db_i64(rows, 1),
	        .recorded_at = db_i64(rows, 2),
	        .document = {.doc_id = db_i64(rows, 0),
	            .present = db_i64(rows, 3) != 0,
	            .valid_from = db_i64(rows, 4),
	            .number = texts,
	            .note = texts + n_number,
	            .doc_day = (int32_t)db_i64(rows, 6)}}};
	return 0;
}

static int take_line(struct gathering *g, const struct scope *scope, const struct tree *t, struct db_rows *rows)
{
	const struct licence_line line = {db_i64(rows, 8), db_i64(rows, 9), db_i64(rows, 10)};
	bool shown = line.node_id == 0 ? scope_is_everything(scope) : scope_covers(scope, t, line.node_id);
	/* rows of one document follow each other */
	int r = g->n > 0 && g->docs[g->n - 1].row.document.doc_id == db_i64(rows, 0) ? 0 : take_document(g, rows);
	if (r || !shown)
		return r;
	r = array_room(&g->lines, &g->lines_cap, g->n_lines, sizeof g->lines[0]);
	if (r == 0) {
		g->lines[g->n_lines++] = line;
		g->docs[g->n - 1].row.document.n_lines++;
	}
	return r;
}

static int gather(
    struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at, struct gathering *g)
{
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select f.doc_id, f.rev, a.recorded_at, f.present, f.valid_from, f.number, f.doc_day, f.note, e.pool_id,"
	    " e.node_id, e.amount from alloc_fact f join alloc_entry e on e.doc_id = f.doc_id and e.rev = f.rev"
	    " left join audit a on a.rev = f.rev where f.valid_from <= $1 and f.rev ="
	    " (select max(g.rev) from alloc_fact g where g.doc_id = f.doc_id and g.rev <= $2)"
	    " order by f.rev desc, f.doc_id, e.line",
	    "ii", at->at, at->rev);
	while (r == 0 && db_next(rows))
		r = take_line(g, scope, t, rows);
	int done = db_done(rows);
	return r ? r : done;
}

int licence_documents(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    int (*fn)(void *arg, const struct licence_document_row *d), void *arg)
{
	struct gathering g = {0};
	int r = gather(db, scope, t, at, &g);
	for (size_t i = 0; i < g.n && r == 0; i++) {
		struct licence_document_row *row = &g.docs[i].row;
		row->document.lines = g.lines + g.docs[i].first_line;
		if (row->document.n_lines > 0)
			r = fn(arg, row);
	}
	gathering_release(&g);
	return r;
}
