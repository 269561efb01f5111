#include "figures_int.h"

int world_load(struct db *db, const struct scope *scope, const struct as_of *at, unsigned what, struct world *ret)
{
	struct world w = {.at = *at, .scope = scope};
	int r = tree_load(db, at, &w.tree);
	if (r == 0)
		r = policy_table_load(db, at, w.tree, &w.policy);
	if (r == 0)
		r = machine_set_load(db, at, 0, INT64_MAX, what | SET_OBSERVATIONS, &w.machines);
	if (r) {
		world_release(&w);
		return r;
	}
	machine_set_judge(w.machines, w.policy, at);
	*ret = w;
	return 0;
}

void world_release(struct world *w)
{
	machine_set_free(w->machines);
	policy_table_free(w->policy);
	tree_free(w->tree);
}

const struct node *world_row(const struct world *w, int64_t node_id)
{
	const struct node *n = tree_nearest_present(w->tree, node_id), *row = NULL;
	if (!scope_covers(w->scope, w->tree, n->id))
		return NULL;
	if (n->kind != NODE_KIND_UNIT)
		return n;
	for (const struct node *up = n; up != NULL && up->kind == NODE_KIND_UNIT; up = up->up) {
		if (scope_covers(w->scope, w->tree, up->id))
			row = up;
	}
	return row;
}

bool figure_part_has(const struct machine_facts *m, enum figure_part part)
{
	switch (part) {
	case PART_ACTIVE:
		return m->active;
	case PART_SILENT:
		return m->installed && !m->active;
	case PART_PROTECTED:
		return m->protected_now;
	default:
		return m->installed;
	}
}
