#include "array.h"
#include "figures.h"
#include "figures_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void figure_machines_free(struct figure_machines *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++) {
		struct figure_machine *k = &m->machines[i];
		free(k->name);
		free(k->node_code);
		free(k->node_name);
		free(k->reason);
	}
	free(m->machines);
	free(m);
}

/* What the question is about. NULL node: the whole in scope. */
struct asked {
	const struct node *node;
	bool node_only;
};

/* A node that the scope does not reach at all is not there; a group above a unit in scope is there in part. */
static bool reaches(const struct world *w, const struct node *n)
{
	for (size_t i = 0; i < w->tree->n; i++) {
		const struct node *k = &w->tree->nodes[i];
		if (k->present && tree_below(k, n->id) && scope_covers(w->scope, w->tree, k->id))
			return true;
	}
	return false;
}

static int find_asked(const struct world *w, const struct figure_machine_question *q, struct asked *ret, struct err *e)
{
	*ret = (struct asked){NULL, q->misnamed};
	if (q->node == NULL) {
		ret->node = q->misnamed ? tree_node(w->tree, NODE_PROVINCE) : NULL;
		return 0;
	}
	ret->node = tree_by_code(w->tree, q->node);
	if (ret->node == NULL || !reaches(w, ret->node))
		return err_set(e, -ENOENT, "there is no unit or group %.64s", q->node);
	if (q->misnamed && ret->node->kind == NODE_KIND_UNIT)
		return err_set(e, -EINVAL, "%.64s is a unit: misnamed machines are a group's", q->node);
	return 0;
}

static bool behind_figure(
    const struct world *w, const struct asked *a, enum figure_part part, const struct machine_facts *m)
{
	const struct node *n = tree_nearest_present(w->tree, m->node_id);
	if (!figure_part_has(m, part) || world_row(w, m->node_id) == NULL)
		return false;
	if (a->node == NULL)
		return true;
	return a->node_only ? n == a->node : tree_below(n, a->node->id);
}

/* Takes the texts out of the facts. */
static int take(const struct world *w, struct machine_facts *m, struct figure_machine *ret)
{
	const struct node *n = tree_nearest_present(w->tree, m->node_id);
	*ret = (struct figure_machine){.name = m->name,
	    .node_id = m->node_id,
	    .node_code = strdup(n->code),
	    .node_name = strdup(n->name),
	    .basis = m->basis,
	    .reason = m->reason,
	    .since = m->since,
	    .last_day = m->last_day,
	    .active = m->active,
	    .protected_now = m->protected_now};
	memcpy(ret->uid, m->uid, sizeof ret->uid);
	m->name = m->reason = NULL;
	return ret->node_code && ret->node_name ? 0 : -ENOMEM;
}

static int compare_facts(const void *pa, const void *pb)
{
	const struct machine_facts *a = *(struct machine_facts *const *)pa, *b = *(struct machine_facts *const *)pb;
	int r = strcmp(a->name_fold, b->name_fold);
	return r ? r : strcmp(a->uid, b->uid);
}

static int choose(
    const struct world *w, const struct asked *a, enum figure_part part, struct machine_facts ***ret, size_t *ret_n)
{
	struct machine_facts **chosen = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < w->machines->n; i++) {
		struct machine_facts *m = &w->machines->m[i];
		if (!behind_figure(w, a, part, m))
			continue;
		if (array_room(&chosen, &cap, n, sizeof(struct machine_facts *))) {
			free(chosen);
			return -ENOMEM;
		}
		chosen[n++] = m;
	}
	if (n > 0)
		qsort(chosen, n, sizeof(struct machine_facts *), compare_facts);
	*ret = chosen;
	*ret_n = n;
	return 0;
}

static int make_list(const struct world *w, struct machine_facts **chosen, size_t n, struct figure_machines **ret)
{
	struct figure_machines *m = calloc(1, sizeof *m);
	int r = 0;
	if (m == NULL || (m->machines = calloc(n + 1, sizeof m->machines[0])) == NULL) {
		free(m);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n && r == 0; i++)
		r = take(w, chosen[i], &m->machines[m->n++]);
	if (r)
		figure_machines_free(m);
	else
		*ret = m;
	return r;
}

int figures_machines(struct db *db, const struct scope *scope, const struct figure_machine_question *q,
    struct figure_machines **ret, struct err *e)
{
	struct machine_facts **chosen;
	struct world w;
	struct asked a;
	size_t n;
	int r = world_load(db, scope, &q->at, SET_TEXTS, &w);
	if (r)
		return r;
	r = find_asked(&w, q, &a, e);
	if (r == 0)
		r = choose(&w, &a, q->part, &chosen, &n);
	if (r == 0) {
		r = make_list(&w, chosen, n, ret);
		free(chosen);
	}
	world_release(&w);
	return r;
}
