#include "unit.h"
#include "array.h"
#include "day.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* By kind: on what a node may hang, and the words for it. */
static const struct {
	unsigned above; /* bits of node_kind */
	const char *words;
} hangs_on[] = {
    [NODE_KIND_GROUP] = {1u << NODE_KIND_PROVINCE, "a group hangs on the province"},
    [NODE_KIND_UNIT] = {1u << NODE_KIND_GROUP | 1u << NODE_KIND_UNIT, "a unit hangs on a group or on another unit"},
};

static int check_node(const struct tree *t, const struct node *n, struct err *e)
{
	const struct node *up = tree_node(t, n->parent_id);
	if (n->kind == NODE_KIND_PROVINCE || !n->present)
		return 0;
	if (up == NULL || !up->present)
		return err_set(e, -ENOENT, "\"%s\" (%s) would hang on a node that is not there", n->name, n->code);
	if ((hangs_on[n->kind].above & 1u << up->kind) == 0)
		return err_set(e, -EINVAL, "\"%s\" (%s): %s", n->name, n->code, hangs_on[n->kind].words);
	if (n->depth >= MAX_TREE_DEPTH)
		return err_set(e, -ELOOP, "\"%s\" (%s) would be on level %d; %d are the most", n->name, n->code,
		    n->depth + 1, MAX_TREE_DEPTH);
	return 0;
}

static int check_tree(const struct tree *t, struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		int r = check_node(t, &t->nodes[i], e);
		if (r)
			return r;
	}
	for (size_t i = 1; i < t->n_by_code; i++) {
		const struct node *a = t->by_code[i - 1], *b = t->by_code[i];
		if (strcmp(a->code_fold, b->code_fold) == 0)
			return err_set(
			    e, -EEXIST, "\"%s\" and \"%s\" would have the same code %s", a->name, b->name, b->code);
	}
	return 0;
}

static int check_moment(struct db *db, int64_t at, struct err *e)
{
	const struct as_of moment = {.at = at, .rev = INT64_MAX, .known_at = INT64_MAX};
	struct tree *t;
	int r = tree_load(db, &moment, &t);
	if (r == -ELOOP)
		return err_set(e, r, "a node would hang below itself");
	if (r)
		return r;
	r = check_tree(t, e);
	tree_free(t);
	if (r) {
		char day[DAY_TEXT];
		day_iso(day_of(at), day);
		err_wrap(e, "as of %s", day);
	}
	return r;
}

static int read_moments(struct db *db, int64_t from, int64_t to, int64_t **ret, size_t *ret_n)
{
	struct db_rows *rows;
	int64_t *moments = NULL;
	size_t n = 0, cap = 0;
	int r = db_query(db, &rows,
	    "select valid_from from node_fact where valid_from > $1 and valid_from < $2"
	    " union select valid_to from node_fact where valid_to > $1 and valid_to < $2 order by 1",
	    "ii", from, to);
	while (r == 0 && db_next(rows)) {
		r = array_room(&moments, &cap, n, sizeof moments[0]);
		if (r == 0)
			moments[n++] = db_i64(rows, 0);
	}
	int done = db_done(rows);
	r = r ? r : done;
	if (r) {
		free(moments);
		return r;
	}
	*ret = moments;
	*ret_n = n;
	return 0;
}

/* The tree changes only where a statement begins or ends: these moments stand for all between them. */
int unit_check(struct db *db, int64_t from, int64_t to, struct err *e)
{
	int64_t *moments;
	size_t n;
	int r = read_moments(db, from, to, &moments, &n);
	if (r)
		return r;
	r = check_moment(db, from, e);
	for (size_t i = 0; i < n && r == 0; i++)
		r = check_moment(db, moments[i], e);
	free(moments);
	return r;
}
