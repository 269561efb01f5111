#include "figures.h"
#include "day.h"
#include "declared.h"
#include "figures_int.h"
#include "licence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Numbers beside the tree: one element a node, by tree_index. */
struct counting {
	struct world world;
	const struct node **row_of;
	struct figure_counts *counts;
	struct figure_pool pool;
	bool simulation;
};

static void counting_release(struct counting *c)
{
	free(c->row_of);
	free(c->counts);
	world_release(&c->world);
}

static struct figure_counts *counts_at(struct counting *c, const struct node *n)
{
	return &c->counts[tree_index(c->world.tree, n)];
}

static int find_rows(struct counting *c)
{
	const struct tree *t = c->world.tree;
	c->row_of = calloc(t->n, sizeof(struct node *));
	c->counts = calloc(t->n, sizeof c->counts[0]);
	if (c->row_of == NULL || c->counts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		c->row_of[i] = world_row(&c->world, t->nodes[i].id);
	return 0;
}

static void count_machines(struct counting *c)
{
	const struct tree *t = c->world.tree;
	for (size_t i = 0; i < c->world.machines->n; i++) {
		const struct machine_facts *m = &c->world.machines->m[i];
		const struct node *n = tree_node(t, m->node_id);
		const struct node *row = n ? c->row_of[tree_index(t, n)] : world_row(&c->world, m->node_id);
		if (row == NULL || !m->installed)
			continue;
		struct figure_counts *k = counts_at(c, row);
		k->installed++;
		k->active += m->active;
		k->silent += !m->active;
		k->protected_now += m->protected_now;
	}
}

static int count_licences(struct db *db, struct counting *c)
{
	struct licence_balance *balances;
	size_t n;
	int r = licence_balances(db, c->world.scope, c->world.tree, &c->world.at, 0, &balances, &n);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++) {
		const struct node *row = world_row(&c->world, balances[i].node_id);
		/* what a unit has that is no row is allocated to no unit */
		if (row == NULL || row->kind != NODE_KIND_UNIT)
			continue;
		counts_at(c, row)->has_allocation = true;
		counts_at(c, row)->allocated += balances[i].amount;
	}
	free(balances);
	return 0;
}

static int count_pools(struct db *db, struct counting *c)
{
	struct pool_row *pools;
	size_t n;
	int r = licence_pools(db, c->world.scope, c->world.tree, &c->world.at, &pools, &n);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!pools[i].in_force)
			continue;
		c->pool.exists = true;
		c->pool.quantity += pools[i].quantity;
	}
	licence_pools_free(pools, n);
	return 0;
}

/* What is known of a node's computers: its own declaration, or that of every unit directly below. */
struct existing {
	bool declared;
	int64_t own, below;
	size_t units_below, known_below;
};

static bool existing_known(const struct existing *x)
{
	return x->declared || (x->units_below > 0 && x->known_below == x->units_below);
}

static void count_existing(struct counting *c, struct existing *x)
{
	const struct tree *t = c->world.tree;
	/* backwards through the tree's order: what is below comes before what is above */
	for (size_t i = t->n; i > 0; i--) {
		const struct node *n = t->order[i - 1];
		struct existing *own = &x[tree_index(t, n)];
		struct figure_counts *k = counts_at(c, n);
		if (!n->present || n->kind != NODE_KIND_UNIT)
			continue;
		k->existing_known = existing_known(own);
		k->existing = !k->existing_known ? 0 : own->declared ? own->own : own->below;
		k->undeclared = !k->existing_known;
		struct existing *above = &x[tree_index(t, n->up)];
		above->units_below++;
		above->known_below += k->existing_known;
		above->below += k->existing;
	}
}

static int read_existing(struct db *db, struct counting *c)
{
	struct declared_row *rows = NULL;
	size_t n = 0;
	struct existing *x = calloc(c->world.tree->n, sizeof x[0]);
	int r = x ? declared_list(db, c->world.scope, c->world.tree, &c->world.at, &rows, &n) : -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct existing *own = &x[tree_index(c->world.tree, rows[i].node)];
		own->declared = true;
		own->own = rows[i].servers + rows[i].workstations;
	}
	if (r == 0)
		count_existing(c, x);
	declared_free(rows, n);
	free(x);
	return r;
}

static int count(struct db *db, const struct scope *scope, const struct as_of *at, struct counting *c)
{
	int64_t simulated = 0;
	*c = (struct counting){0};
	int r = world_load(db, scope, at, 0, &c->world);
	if (r)
		return r;
	r = find_rows(c);
	if (r == 0)
		count_machines(c);
	if (r == 0)
		r = count_licences(db, c);
	if (r == 0)
		r = count_pools(db, c);
	if (r == 0)
		r = read_existing(db, c);
	if (r == 0)
		r = db_row(db, "select count(*) from sim_clock", "", "i", &simulated);
	c->simulation = simulated > 0;
	if (r)
		counting_release(c);
	return r;
}

static void add_counts(struct figure_counts *sum, const struct figure_counts *k)
{
	sum->installed += k->installed;
	sum->active += k->active;
	sum->silent += k->silent;
	sum->protected_now += k->protected_now;
	sum->within += k->within;
	sum->has_allocation |= k->has_allocation;
	sum->allocated += k->allocated;
	sum->existing += k->existing;
	sum->undeclared += k->undeclared;
}

static bool has_row(const struct counting *c, const struct node *n)
{
	return n->present && n->kind == NODE_KIND_UNIT && c->row_of[tree_index(c->world.tree, n)] == n;
}

static bool group_shown(const struct counting *c, const struct node *group, size_t *ret_rows)
{
	size_t rows = scope_covers(c->world.scope, c->world.tree, group->id) &&
	              counts_at((struct counting *)c, group)->installed;
	for (size_t i = 0; i < c->world.tree->n; i++)
		rows += has_row(c, &c->world.tree->nodes[i]) && tree_below(&c->world.tree->nodes[i], group->id);
	*ret_rows = rows;
	return rows > 0 || scope_covers(c->world.scope, c->world.tree, group->id);
}

static int add_row(
    struct figure_group *g, enum figure_row_kind kind, const struct node *n, const struct figure_counts *k)
{
	struct figure_row *row = &g->rows[g->n_rows];
	*row = (struct figure_row){.kind = kind, .node_id = n->id, .own_order = g->n_rows, .counts = *k};
	row->code = strdup(n->code);
	row->name = strdup(n->name);
	g->n_rows++;
	if (row->code == NULL || row->name == NULL)
		return -ENOMEM;
	if (kind == ROW_UNIT)
		row->counts.within = k->installed < k->allocated ? k->installed : k->allocated;
	add_counts(&g->total, &row->counts);
	return 0;
}

/* The customary order: by rate of installation, highest first; equal rates, and rows without one behind, in the units'
 * own order; the misnamed last. */
static int compare_rows(const void *pa, const void *pb)
{
	const struct figure_row *a = pa, *b = pb;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	int r = rate_compare(figure_rate_installed(&b->counts), figure_rate_installed(&a->counts));
	return r ? r : a->own_order < b->own_order ? -1 : a->own_order > b->own_order;
}

static int fill_group(struct counting *c, const struct node *group, size_t rows, struct figure_group *g)
{
	const struct tree *t = c->world.tree;
	size_t units = 0;
	int r = 0;
	g->node_id = group->id;
	g->code = strdup(group->code);
	g->name = strdup(group->name);
	g->rows = calloc(rows + 1, sizeof g->rows[0]);
	if (g->code == NULL || g->name == NULL || g->rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->n && r == 0; i++) {
		const struct node *n = t->order[i];
		if (!has_row(c, n) || !tree_below(n, group->id))
			continue;
		units++;
		r = add_row(g, ROW_UNIT, n, counts_at(c, n));
	}
	if (r == 0 && counts_at(c, group)->installed > 0)
		r = add_row(g, ROW_MISNAMED, group, counts_at(c, group));
	g->total.existing_known = units > 0 && g->total.undeclared == 0;
	qsort(g->rows, g->n_rows, sizeof g->rows[0], compare_rows);
	return r;
}

static int fill_groups(struct counting *c, const struct node *only, struct figures *f)
{
	const struct tree *t = c->world.tree;
	f->groups = calloc(t->n, sizeof f->groups[0]);
	if (f->groups == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		const struct node *n = t->order[i];
		size_t rows;
		if (!n->present || n->kind != NODE_KIND_GROUP || (only && n != only) || !group_shown(c, n, &rows))
			continue;
		int r = fill_group(c, n, rows, &f->groups[f->n_groups++]);
		if (r)
			return r;
		add_counts(&f->total, &f->groups[f->n_groups - 1].total);
	}
	return 0;
}

static void fill_totals(struct counting *c, bool whole, struct figures *f)
{
	size_t units = 0;
	const struct node *province = tree_node(c->world.tree, NODE_PROVINCE);
	for (size_t i = 0; i < f->n_groups; i++)
		units += f->groups[i].n_rows > 0 && f->groups[i].rows[0].kind == ROW_UNIT;
	f->total.existing_known = units > 0 && f->total.undeclared == 0;
	if (!whole)
		return;
	f->unplaced = *counts_at(c, province);
	f->has_unplaced = f->unplaced.installed > 0;
	add_counts(&f->total, &f->unplaced);
	if (!scope_is_everything(c->world.scope))
		return;
	f->pool = c->pool;
	f->pool.told = true;
	f->pool.unallocated = f->pool.quantity - f->total.allocated;
	if (f->pool.exists && f->pool.quantity > 0)
		f->against_pool = (struct rate){f->total.installed, f->pool.quantity};
}

static int find_group(const struct counting *c, const char *code, const struct node **ret, struct err *e)
{
	size_t rows;
	*ret = NULL;
	if (code == NULL)
		return 0;
	const struct node *n = tree_by_code(c->world.tree, code);
	if (n == NULL || n->kind != NODE_KIND_GROUP || !group_shown(c, n, &rows))
		return err_set(e, -ENOENT, "there is no group %.64s", code);
	*ret = n;
	return 0;
}

static int fill(struct counting *c, const struct figure_question *q, struct figures *f, struct err *e)
{
	const struct node *only;
	f->at = q->at;
	f->day = day_of(q->at.at);
	f->simulation = c->simulation;
	f->province = strdup(tree_node(c->world.tree, NODE_PROVINCE)->name);
	if (f->province == NULL)
		return -ENOMEM;
	int r = find_group(c, q->group, &only, e);
	if (r == 0)
		r = fill_groups(c, only, f);
	if (r == 0)
		fill_totals(c, only == NULL, f);
	return r;
}

int figures_make(
    struct db *db, const struct scope *scope, const struct figure_question *q, struct figures **ret, struct err *e)
{
	struct counting c;
	int r = count(db, scope, &q->at, &c);
	if (r)
		return r;
	struct figures *f = calloc(1, sizeof *f);
	r = f ? fill(&c, q, f, e) : -ENOMEM;
	counting_release(&c);
	if (r)
		figures_free(f);
	else
		*ret = f;
	return r;
}

void figures_free(struct figures *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n_groups; i++) {
		for (size_t k = 0; k < f->groups[i].n_rows; k++) {
			free(f->groups[i].rows[k].code);
			free(f->groups[i].rows[k].name);
		}
		free(f->groups[i].rows);
		free(f->groups[i].code);
		free(f->groups[i].name);
	}
	free(f->groups);
	free(f->province);
	free(f);
}
