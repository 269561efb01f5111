#include "clock.h"
#include "licence_int.h"
#include "machine.h"
#include "text.h"
#include "unit_import.h"
#include "unit_import_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct applying {
	struct unit_import *import;
	struct db *db;
	const struct ledger_entry *l;
	const struct import_options *options;
	int64_t valid_from;
	struct tree *tree; /* as it is before */
	int64_t next_order;
	struct import_result result;
	struct err *e;
};

static int load(struct applying *a)
{
	const struct as_of then = {.at = a->valid_from, .rev = INT64_MAX, .known_at = TIME_END};
	int r = tree_load(a->db, &then, &a->tree);
	for (size_t i = 0; r == 0 && i < a->tree->n; i++) {
		if (a->tree->nodes[i].sort_order >= a->next_order)
			a->next_order = a->tree->nodes[i].sort_order + 1;
	}
	return r;
}

/* The node that a unit hangs on: there already, or made by a row above. */
static int find_above(struct applying *a, const struct import_row *row, int64_t *ret)
{
	char fold[4 * MAX_UNIT_CODE + 1];
	const struct node *n = tree_by_code(a->tree, row->group);
	if (n != NULL && n->kind != NODE_KIND_PROVINCE) {
		*ret = n->id;
		return 0;
	}
	int r = text_fold(fold, sizeof fold, row->group);
	if (r)
		return r;
	const struct import_row *above = import_row_by_code(a->import, fold);
	if (above == NULL || above->node_id == 0)
		return import_cell_error(a->import, row, COLUMN_GROUP, -ENOENT, a->e,
		    above ? "the unit %s stands further below" : "there is no group or unit %s", row->group);
	*ret = above->node_id;
	return 0;
}

static int create_node(struct applying *a, struct import_row *row, enum node_kind kind, int64_t above)
{
	const struct unit_statement s = {.valid_from = a->valid_from,
	    .valid_to = TIME_END,
	    .present = true,
	    .parent_id = above,
	    .code = row->code,
	    .name = row->name,
	    .sort_order = a->next_order++,
	    .document = a->options->document,
	    .document_day = a->options->document_day};
	a->result.created++;
	return unit_create_unchecked(a->db, a->l, kind, &s, &row->node_id, a->e);
}

static int change_node(struct applying *a, struct import_row *row, const struct node *n, int64_t above)
{
	const struct unit_statement s = {.node_id = n->id,
	    .valid_from = a->valid_from,
	    .valid_to = TIME_END,
	    .present = true,
	    .parent_id = above,
	    .code = row->code,
	    .name = row->name,
	    .sort_order = n->sort_order,
	    .document = a->options->document,
	    .document_day = a->options->document_day};
	row->node_id = n->id;
	if (n->parent_id == above && strcmp(n->name, row->name) == 0 && strcmp(n->code, row->code) == 0) {
		a->result.unchanged++;
		return 0;
	}
	a->result.changed++;
	return unit_state_unchecked(a->db, a->l, &s, a->e);
}

static int apply_node(struct applying *a, struct import_row *row)
{
	enum node_kind kind = a->import->kind == IMPORT_GROUPS ? NODE_KIND_GROUP : NODE_KIND_UNIT;
	const struct node *n = tree_by_code(a->tree, row->code);
	int64_t above = NODE_PROVINCE;
	int r = kind == NODE_KIND_UNIT ? find_above(a, row, &above) : 0;
	if (r)
		return r;
	if (n != NULL && n->kind != kind)
		return import_cell_error(a->import, row, COLUMN_CODE, -EEXIST, a->e,
		    "%s is the code of \"%.100s\" already", row->code, n->name);
	r = n ? change_node(a, row, n, above) : create_node(a, row, kind, above);
	if (r)
		err_wrap(a->e, "line %lld", (long long)row->line);
	return r;
}

static int64_t held_by(const struct licence_side *sides, size_t n, int64_t pool_id, int64_t node_id)
{
	for (size_t low = 0, high = n; low < high;) {
		size_t middle = low + (high - low) / 2;
		const struct licence_side *s = &sides[middle];
		if (s->pool_id == pool_id && s->node_id == node_id)
			return s->amount;
		if (s->pool_id < pool_id || (s->pool_id == pool_id && s->node_id < node_id))
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/* What the units shall have less what they have: one document, with the pool's own side as its last line. */
static size_t make_lines(
    const struct applying *a, const struct licence_side *sides, size_t n_sides, struct licence_line *lines)
{
	int64_t pool_id = a->options->pool_id, sum = 0;
	size_t n = 0;
	for (size_t i = 0; i < a->import->n; i++) {
		const struct import_row *row = &a->import->rows[i];
		if (row->allocated < 0)
			continue;
		int64_t amount = row->allocated - held_by(sides, n_sides, pool_id, row->node_id);
		if (amount != 0)
			lines[n++] = (struct licence_line){pool_id, row->node_id, amount};
		sum += amount;
	}
	if (sum != 0)
		lines[n++] = (struct licence_line){pool_id, 0, -sum};
	return n;
}

static int state_document(struct applying *a, const struct licence_line *lines, size_t n)
{
	const struct licence_document d = {.present = true,
	    .valid_from = a->valid_from,
	    .number = a->options->document,
	    .note = "",
	    .doc_day = a->options->document_day,
	    .n_lines = n,
	    .lines = lines};
	if (n == 0)
		return 0;
	if (a->options->document == NULL || a->options->document[0] == 0)
		return err_set(a->e, -EINVAL, "licences are allocated by a document: its number is missing");
	return licence_state_document(a->db, a->l, &d, &a->result.doc_id, a->e);
}

static int apply_allocations(struct applying *a)
{
	const struct as_of then = {.at = a->valid_from, .rev = INT64_MAX, .known_at = TIME_END};
	struct licence_side *sides = NULL;
	const struct import_row *first = NULL;
	size_t n_sides;
	for (size_t i = 0; i < a->import->n && first == NULL; i++)
		first = a->import->rows[i].allocated >= 0 ? &a->import->rows[i] : NULL;
	if (first == NULL)
		return 0;
	if (a->options->pool_id == 0)
		return import_cell_error(a->import, first, COLUMN_ALLOCATED, -EINVAL, a->e,
		    "licences are allocated from a pool, and none is named");
	struct licence_line *lines = malloc((a->import->n + 1) * sizeof lines[0]);
	int r = lines ? licence_read_sides(a->db, &then, &sides, &n_sides) : -ENOMEM;
	if (r == 0)
		r = state_document(a, lines, make_lines(a, sides, n_sides, lines));
	free(sides);
	free(lines);
	return r;
}

static int apply_tree(struct applying *a)
{
	int r = 0;
	for (size_t i = 0; i < a->import->n && r == 0; i++)
		r = apply_node(a, &a->import->rows[i]);
	if (r == 0)
		r = unit_check(a->db, a->valid_from, TIME_END, a->e);
	if (r == 0 && a->import->kind == IMPORT_UNITS)
		r = apply_allocations(a);
	if (r == 0)
		r = machine_place_all(a->db, a->l, &a->result.moved);
	return r;
}

static int apply_declared(struct applying *a)
{
	int r = 0;
	for (size_t i = 0; i < a->import->n && r == 0; i++) {
		const struct import_row *row = &a->import->rows[i];
		const struct node *n = tree_by_code(a->tree, row->code);
		if (n == NULL || n->kind != NODE_KIND_UNIT)
			return import_cell_error(
			    a->import, row, COLUMN_CODE, -ENOENT, a->e, "there is no unit %s", row->code);
		const struct declared d = {.node_id = n->id,
		    .valid_from = a->valid_from,
		    .valid_to = TIME_END,
		    .present = true,
		    .servers = row->servers,
		    .workstations = row->workstations,
		    .document = a->options->document,
		    .document_day = a->options->document_day};
		r = declared_state(a->db, a->l, &d, a->e);
		if (r)
			err_wrap(a->e, "line %lld", (long long)row->line);
		a->result.declared++;
	}
	return r;
}

int unit_import_apply(struct unit_import *i, struct db *db, const struct ledger_entry *l,
    const struct import_options *o, struct import_result *ret, struct err *e)
{
	struct applying a = {.import = i,
	    .db = db,
	    .l = l,
	    .options = o,
	    .e = e,
	    .next_order = 1,
	    .valid_from = o->valid_from ? o->valid_from : l->recorded_at};
	if (!i->finished)
		return err_set(e, -EINVAL, "the list was not read to its end");
	for (size_t k = 0; k < i->n; k++)
		i->rows[k].node_id = 0; /* applied again after a lost commit */
	int r = load(&a);
	if (r == 0)
		r = i->kind == IMPORT_DECLARED ? apply_declared(&a) : apply_tree(&a);
	tree_free(a.tree);
	if (r == 0)
		*ret = a.result;
	return r;
}
