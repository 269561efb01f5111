#include "replay_model.h"

#include <string.h>

void known_begin(struct known *k)
{
	memset(k, 0, sizeof *k);
	for (int s = 0; s < SLOTS; s++) {
		for (int n = 0; n < NODES; n++)
			k->node[n][s].declared = -1;
		k->node[PROVINCE][s].stated = k->node[PROVINCE][s].present = true;
		k->node[PROVINCE][s].code = -1;
	}
}

static void add_at(struct known *k, const struct said *s, int slot)
{
	switch (s->kind) {
	case SAID_NODE:
		k->node[s->subject][slot].stated = true;
		k->node[s->subject][slot].present = s->present;
		k->node[s->subject][slot].parent = s->parent;
		k->node[s->subject][slot].code = s->code;
		break;
	case SAID_INSTALLED:
		k->machine[s->subject][slot].exists = true;
		k->machine[s->subject][slot].installed = s->present;
		break;
	case SAID_PLACE:
		k->machine[s->subject][slot].node = s->node;
		k->machine[s->subject][slot].overruled = s->overruled;
		break;
	case SAID_DECLARED:
		k->node[s->subject][slot].declared = s->present ? s->value : -1;
		break;
	case SAID_POLICY:
		k->node[s->subject][slot].days = s->present ? s->value : 0;
		k->node[s->subject][slot].locked = s->locked;
		break;
	case SAID_DOCUMENT:
		break;
	}
}

void known_add(struct known *k, const struct said *s)
{
	if (s->kind == SAID_DOCUMENT) {
		k->document[s->subject].present = s->present;
		k->document[s->subject].from = s->from;
		k->document[s->subject].giver = s->giver;
		k->document[s->subject].taker = s->taker;
		k->document[s->subject].amount = s->amount;
		return;
	}
	for (int slot = s->from; slot < s->to; slot++)
		add_at(k, s, slot);
}

static int above(const struct known *k, int node, int slot)
{
	int parent = k->node[node][slot].parent;
	return k->node[parent][slot].stated ? parent : PROVINCE;
}

int known_nearest(const struct known *k, int node, int slot)
{
	if (!k->node[node][slot].stated)
		return PROVINCE;
	while (!k->node[node][slot].present)
		node = above(k, node, slot);
	return node;
}

static bool hangs_right(const struct known *k, int node, int slot)
{
	int parent = k->node[node][slot].parent;
	if (!k->node[parent][slot].stated || !k->node[parent][slot].present)
		return false;
	return node < FIRST_UNIT ? parent == PROVINCE : parent != PROVINCE;
}

bool known_tree_is_sound(const struct known *k, int from)
{
	for (int s = from; s < SLOTS; s++) {
		for (int n = FIRST_GROUP; n < NODES; n++) {
			int up = n, steps = 0;
			if (!k->node[n][s].stated)
				continue;
			while (up != PROVINCE && steps++ <= NODES)
				up = above(k, up, s);
			if (up != PROVINCE)
				return false;
			if (k->node[n][s].present && !hangs_right(k, n, s))
				return false;
			for (int m = FIRST_GROUP; m < n; m++) {
				if (k->node[n][s].present && k->node[m][s].present &&
				    k->node[n][s].code == k->node[m][s].code)
					return false;
			}
		}
	}
	return true;
}

int known_balance(const struct known *k, int node, int slot, bool *ret_named)
{
	int sum = 0;
	for (int d = 0; d < DOCUMENTS; d++) {
		if (!k->document[d].present || k->document[d].from > slot)
			continue;
		if (k->document[d].taker == node || k->document[d].giver == node)
			*ret_named = true;
		sum += k->document[d].taker == node ? k->document[d].amount : 0;
		sum -= k->document[d].giver == node ? k->document[d].amount : 0;
	}
	return sum;
}

bool known_licences_are_sound(const struct known *k)
{
	for (int s = 0; s < SLOTS; s++) {
		int sum = 0;
		bool named;
		for (int n = FIRST_UNIT; n < NODES; n++) {
			int balance = known_balance(k, n, s, &named);
			if (balance < 0)
				return false;
			sum += balance;
		}
		if (sum > POOL)
			return false;
	}
	return true;
}

int known_days(const struct known *k, int node, int slot, bool *ret_locked)
{
	int path[NODES], depth = 0, days = 30;
	*ret_locked = false;
	for (int n = known_nearest(k, node, slot); n != PROVINCE; n = above(k, n, slot))
		path[depth++] = n;
	path[depth++] = PROVINCE;
	while (depth-- > 0 && !*ret_locked) {
		if (k->node[path[depth]][slot].days == 0)
			continue;
		days = k->node[path[depth]][slot].days;
		*ret_locked = k->node[path[depth]][slot].locked;
	}
	return days;
}

/* The row that counts what hangs on a node. */
static int row_node(const struct known *k, int node, int slot)
{
	int n = known_nearest(k, node, slot);
	while (n >= FIRST_UNIT && above(k, n, slot) >= FIRST_UNIT)
		n = above(k, n, slot);
	return n;
}

static bool existing(const struct known *k, int unit, int slot, int *ret)
{
	int sum = 0, below = 0;
	if (k->node[unit][slot].declared >= 0) {
		*ret = k->node[unit][slot].declared;
		return true;
	}
	for (int n = FIRST_UNIT; n < NODES; n++) {
		int one;
		if (!k->node[n][slot].present || above(k, n, slot) != unit)
			continue;
		below++;
		if (!existing(k, n, slot, &one))
			return false;
		sum += one;
	}
	*ret = sum;
	return below > 0;
}

static bool is_active(const struct known *k, const bool heard[DAYS], int node, int slot, int known_slot)
{
	bool locked;
	int day = slot / 2, days = known_days(k, node, slot, &locked);
	for (int d = day; d > day - days && d >= 0; d--) {
		int noon = 2 * d + 1;
		if (heard[d] && noon <= slot && noon <= known_slot)
			return true;
	}
	return false;
}

static bool comes_before(const struct model_row *a, const struct model_row *b)
{
	bool a_rate = a->has_allocation && a->allocated > 0, b_rate = b->has_allocation && b->allocated > 0;
	if (a->misnamed != b->misnamed)
		return b->misnamed;
	if (a_rate != b_rate)
		return a_rate;
	if (a_rate && a->installed * b->allocated != b->installed * a->allocated)
		return a->installed * b->allocated > b->installed * a->allocated;
	return a->node < b->node;
}

static void sort_rows(struct model_row *rows, int n)
{
	for (int i = 1; i < n; i++) {
		for (int k = i; k > 0 && comes_before(&rows[k], &rows[k - 1]); k--) {
			struct model_row swap = rows[k];
			rows[k] = rows[k - 1];
			rows[k - 1] = swap;
		}
	}
}

static struct model_row count_row(
    const struct known *k, const bool heard[MACHINES][DAYS], int node, int slot, int known_slot)
{
	struct model_row row = {.node = node, .misnamed = node < FIRST_UNIT};
	for (int m = 0; m < MACHINES; m++) {
		int at = k->machine[m][slot].node;
		if (!k->machine[m][slot].installed || row_node(k, at, slot) != node)
			continue;
		row.installed++;
		row.active += is_active(k, heard[m], at, slot, known_slot);
	}
	for (int n = FIRST_UNIT; n < NODES && !row.misnamed; n++) {
		if (k->node[n][slot].stated && row_node(k, n, slot) == node)
			row.allocated += known_balance(k, n, slot, &row.has_allocation);
	}
	if (!row.misnamed) {
		row.existing_known = existing(k, node, slot, &row.existing);
		row.within = row.installed < row.allocated ? row.installed : row.allocated;
	}
	return row;
}

static void add_total(struct model_figures *f, const struct model_row *row)
{
	f->installed += row->installed;
	f->active += row->active;
	f->allocated += row->allocated;
	f->within += row->within;
}

void model_count(
    const struct known *k, const bool heard[MACHINES][DAYS], int slot, int known_slot, struct model_figures *ret)
{
	*ret = (struct model_figures){0};
	for (int g = 0; g < GROUPS; g++) {
		ret->group_present[g] = k->node[FIRST_GROUP + g][slot].present;
		if (!ret->group_present[g])
			continue;
		for (int n = FIRST_UNIT; n < NODES; n++) {
			if (k->node[n][slot].present && above(k, n, slot) == FIRST_GROUP + g)
				ret->row[g][ret->n_rows[g]++] = count_row(k, heard, n, slot, known_slot);
		}
		struct model_row misnamed = count_row(k, heard, FIRST_GROUP + g, slot, known_slot);
		if (misnamed.installed > 0)
			ret->row[g][ret->n_rows[g]++] = misnamed;
		sort_rows(ret->row[g], ret->n_rows[g]);
		for (int i = 0; i < ret->n_rows[g]; i++)
			add_total(ret, &ret->row[g][i]);
	}
	struct model_row unplaced = count_row(k, heard, PROVINCE, slot, known_slot);
	ret->unplaced = unplaced.installed;
	add_total(ret, &unplaced);
}
