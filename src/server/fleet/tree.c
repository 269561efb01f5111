#include "unit.h"
#include "array.h"
#include "clock.h"
#include "moment.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A node's texts are one allocation that begins with its code. */
static void release_texts(struct node *n)
{
	free((char *)n->code);
	n->code = NULL;
}

void tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		release_texts(&t->nodes[i]);
	free(t->nodes);
	free(t->order);
	free(t->by_code);
	free(t);
}

static const char *append(char **at, const char *s)
{
	size_t n = strlen(s) + 1;
	char *begin = memcpy(*at, s, n);
	*at += n;
	return begin;
}

static int take_texts(struct node *n, struct db_rows *rows)
{
	char fold[4 * MAX_UNIT_CODE + 1];
	const char *code = db_text(rows, 6), *name = db_text(rows, 7), *name_fold = db_text(rows, 8);
	const char *document = db_text(rows, 10);
	int r = text_fold(fold, sizeof fold, code);
	if (r)
		return r;
	char *at = malloc(strlen(code) + strlen(name) + strlen(name_fold) + strlen(document) + strlen(fold) + 5);
	if (at == NULL)
		return -ENOMEM;
	n->code = append(&at, code);
	n->name = append(&at, name);
	n->name_fold = append(&at, name_fold);
	n->document = append(&at, document);
	n->code_fold = append(&at, fold);
	return 0;
}

static int take_row(struct tree *t, size_t *cap, struct db_rows *rows)
{
	int64_t id = db_i64(rows, 0);
	int r = array_room(&t->nodes, cap, t->n, sizeof t->nodes[0]);
	if (r)
		return r;
	struct node n = {.id = id,
	    .kind = (enum node_kind)db_i64(rows, 1),
	    .rev = db_i64(rows, 2),
	    .valid_from = db_i64(rows, 3),
	    .present = db_i64(rows, 4) != 0,
	    .parent_id = db_i64(rows, 5),
	    .sort_order = db_i64(rows, 9),
	    .document_day = (int32_t)db_i64(rows, 11)};
	r = take_texts(&n, rows);
	if (r)
		return r;
	/* the last word about a node wins: rows come by rev */
	if (t->n > 0 && t->nodes[t->n - 1].id == id)
		release_texts(&t->nodes[--t->n]);
	t->nodes[t->n++] = n;
	return 0;
}

static int read_nodes(struct db *db, const struct as_of *at, struct tree *t)
{
	struct db_rows *rows;
	size_t cap = 0;
	int r = db_query(db, &rows,
	    "select f.node_id, n.kind, f.rev, f.valid_from, f.present, f.parent_id, f.code, f.name, f.name_fold,"
	    " f.sort_order, f.document, f.document_day from node_fact f join node n on n.id = f.node_id"
	    " where f.rev <= $1 and f.valid_from <= $2 and $2 < f.valid_to order by f.node_id, f.rev",
	    "ii", at->rev, at->at);
	while (r == 0 && db_next(rows))
		r = take_row(t, &cap, rows);
	int done = db_done(rows);
	return r ? r : done;
}

/* -ELOOP: some node never comes to the province. */
static int link_nodes(struct tree *t)
{
	const struct node *province = tree_node(t, NODE_PROVINCE);
	if (province == NULL || province->kind != NODE_KIND_PROVINCE)
		return -EBADMSG;
	for (size_t i = 0; i < t->n; i++) {
		struct node *n = &t->nodes[i];
		const struct node *up = tree_node(t, n->parent_id);
		if (n != province)
			n->up = up ? up : province;
	}
	for (size_t i = 0; i < t->n; i++) {
		size_t depth = 0;
		for (const struct node *n = t->nodes[i].up; n != NULL; n = n->up) {
			if (++depth > t->n)
				return -ELOOP;
		}
		t->nodes[i].depth = (int)depth;
	}
	return 0;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_order(const void *pa, const void *pb)
{
	const struct node *a = *(const struct node *const *)pa, *b = *(const struct node *const *)pb;
	int deeper = compare_numbers(a->depth, b->depth);
	while (a->depth > b->depth)
		a = a->up;
	while (b->depth > a->depth)
		b = b->up;
	if (a == b)
		return deeper;
	while (a->up != b->up) {
		a = a->up;
		b = b->up;
	}
	int r = compare_numbers(a->sort_order, b->sort_order);
	return r ? r : compare_numbers(a->id, b->id);
}

static int compare_codes(const void *pa, const void *pb)
{
	const struct node *a = *(const struct node *const *)pa, *b = *(const struct node *const *)pb;
	int r = strcmp(a->code_fold, b->code_fold);
	return r ? r : compare_numbers(a->id, b->id);
}

static int sort_nodes(struct tree *t)
{
	t->order = calloc(t->n + 1, sizeof(struct node *));
	t->by_code = calloc(t->n + 1, sizeof(struct node *));
	if (t->order == NULL || t->by_code == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		t->order[i] = &t->nodes[i];
		if (t->nodes[i].present)
			t->by_code[t->n_by_code++] = &t->nodes[i];
	}
	qsort(t->order, t->n, sizeof(struct node *), compare_order);
	qsort(t->by_code, t->n_by_code, sizeof(struct node *), compare_codes);
	return 0;
}

int tree_load(struct db *db, const struct as_of *at, struct tree **ret)
{
	struct tree *t = calloc(1, sizeof *t);
	if (t == NULL)
		return -ENOMEM;
	int r = read_nodes(db, at, t);
	if (r == 0)
		r = link_nodes(t);
	if (r == 0)
		r = sort_nodes(t);
	if (r)
		tree_free(t);
	else
		*ret = t;
	return r;
}

int tree_load_now(struct db *db, struct tree **ret)
{
	struct as_of now;
	int r = moment_now(db, &now);
	return r ? r : tree_load(db, &now, ret);
}

const struct node *tree_node(const struct tree *t, int64_t id)
{
	for (size_t low = 0, high = t->n; low < high;) {
		size_t middle = low + (high - low) / 2;
		const struct node *n = &t->nodes[middle];
		if (n->id == id)
			return n;
		if (n->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct node *tree_present(const struct tree *t, int64_t id)
{
	const struct node *n = tree_node(t, id);
	return n && n->present ? n : NULL;
}

const struct node *tree_by_code(const struct tree *t, const char *code)
{
	char fold[4 * MAX_UNIT_CODE + 1];
	if (text_fold(fold, sizeof fold, code))
		return NULL;
	for (size_t low = 0, high = t->n_by_code; low < high;) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(t->by_code[middle]->code_fold, fold);
		if (order == 0)
			return t->by_code[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct node *tree_nearest_present(const struct tree *t, int64_t id)
{
	const struct node *n = tree_node(t, id);
	while (n != NULL && !n->present && n->up != NULL)
		n = n->up;
	return n ? n : tree_node(t, NODE_PROVINCE);
}

bool tree_below(const struct node *n, int64_t above_id)
{
	while (n != NULL && n->id != above_id)
		n = n->up;
	return n != NULL;
}

size_t tree_index(const struct tree *t, const struct node *n)
{
	return (size_t)(n - t->nodes);
}
