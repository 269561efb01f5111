/* Private to the room: the moment that the figures are of, in memory, and which row a node belongs to. */
#ifndef FIGURES_INT_H
#define FIGURES_INT_H

#include "figures.h"
#include "machine_set.h"

struct world {
	struct as_of at;
	const struct scope *scope;
	struct tree *tree;
	struct policy_table *policy;
	struct machine_set *machines; /* judged */
};

int world_load(struct db *db, const struct scope *scope, const struct as_of *at, unsigned what, struct world *ret);
void world_release(struct world *w);

/* The node whose row counts what hangs on this one: the highest unit in scope, a group or the province for what hangs
 * on them directly; NULL out of scope. A node that is not present stands for the nearest present one above. */
const struct node *world_row(const struct world *w, int64_t node_id);

bool figure_part_has(const struct machine_facts *m, enum figure_part part);

#endif
