#include "policy_store.h"
#include "clock.h"
#include "str.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

struct said {
	bool present, locked;
	int64_t value, rev, from, to;
};

struct policy_table {
	const struct tree *tree;
	struct said said[]; /* by tree_index, then setting */
};

static struct said *said_at(const struct policy_table *p, const struct node *n)
{
	return (struct said *)p->said + tree_index(p->tree, n) * SETTING_COUNT;
}

static void take_row(struct policy_table *p, struct db_rows *rows)
{
	enum setting_id setting;
	const struct node *n = tree_node(p->tree, db_i64(rows, 0));
	/* a setting that this version does not know says nothing */
	if (n == NULL || setting_find(db_text(rows, 1), &setting))
		return;
	said_at(p, n)[setting] = (struct said){.present = db_i64(rows, 2) != 0,
	    .value = db_i64(rows, 3),
	    .locked = db_i64(rows, 4) != 0,
	    .rev = db_i64(rows, 5),
	    .from = db_i64(rows, 6),
	    .to = db_i64(rows, 7)};
}

int policy_table_load(struct db *db, const struct as_of *at, const struct tree *t, struct policy_table **ret)
{
	struct db_rows *rows;
	struct policy_table *p = calloc(1, sizeof *p + t->n * SETTING_COUNT * sizeof p->said[0]);
	if (p == NULL)
		return -ENOMEM;
	p->tree = t;
	int r = db_query(db, &rows,
	    "select node_id, name, present, value, locked, rev, valid_from, valid_to from policy_fact"
	    " where rev <= $1 and valid_from <= $2 and $2 < valid_to order by node_id, name, rev",
	    "ii", at->rev, at->at);
	while (r == 0 && db_next(rows))
		take_row(p, rows);
	int done = db_done(rows);
	r = r ? r : done;
	if (r)
		policy_table_free(p);
	else
		*ret = p;
	return r;
}

void policy_table_free(struct policy_table *p)
{
	free(p);
}

/* The province first. A tree that was checked is no deeper than the array. */
static size_t path_to(const struct node *n, const struct node *path[MAX_TREE_DEPTH])
{
	size_t depth = 0;
	for (const struct node *up = n; up != NULL && depth < MAX_TREE_DEPTH; up = up->up)
		depth++;
	for (size_t i = depth; i > 0; i--, n = n->up)
		path[i - 1] = n;
	return depth;
}

void policy_effective(const struct policy_table *p, int64_t node_id, struct policy *ret)
{
	const struct node *path[MAX_TREE_DEPTH];
	size_t depth = path_to(tree_nearest_present(p->tree, node_id), path);
	*ret = (struct policy){0};
	for (size_t s = 0; s < SETTING_COUNT; s++) {
		ret->set[s].value = setting_defs[s].standard;
		int64_t rev = 0;
		for (size_t i = 0; i < depth && !ret->set[s].locked; i++) {
			const struct said *said = &said_at(p, path[i])[s];
			if (!said->present)
				continue;
			ret->set[s].value = said->value;
			ret->set[s].from_node = path[i]->id;
			ret->set[s].locked = said->locked;
			rev = said->rev;
		}
		if (rev > ret->version)
			ret->version = rev;
	}
}

static int check_locks(struct db *db, const struct ledger_entry *l, const struct policy_statement *s, struct err *e)
{
	const struct as_of now = {.at = s->valid_from > l->recorded_at ? s->valid_from : l->recorded_at,
	    .rev = INT64_MAX,
	    .known_at = TIME_END};
	struct policy_table *p = NULL;
	struct policy effective;
	struct tree *t;
	int r = tree_load(db, &now, &t);
	if (r)
		return r;
	const struct node *n = tree_present(t, s->node_id);
	if (n == NULL)
		r = err_set(e, -ENOENT, "there is no node %lld", (long long)s->node_id);
	else
		r = policy_table_load(db, &now, t, &p);
	if (r == 0 && n != NULL && n->up != NULL) {
		policy_effective(p, n->up->id, &effective);
		if (effective.set[s->setting].locked)
			r = err_set(e, -EPERM, "%s is locked by \"%s\"", setting_defs[s->setting].name,
			    tree_node(t, effective.set[s->setting].from_node)->name);
	}
	policy_table_free(p);
	tree_free(t);
	return r;
}

int policy_state(struct db *db, const struct ledger_entry *l, const struct policy_statement *s, struct err *e)
{
	const struct setting_def *d = &setting_defs[s->setting];
	if (s->valid_from < 0 || s->valid_from >= s->valid_to || s->valid_to > TIME_END)
		return err_set(e, -EINVAL, "the interval is empty or outside the ledger's time");
	if (s->present && (s->value < d->min || s->value > d->max))
		return err_set(
		    e, -ERANGE, "%s is %lld to %lld %s", d->name, (long long)d->min, (long long)d->max, d->unit);
	int r = check_locks(db, l, s, e);
	if (r)
		return r;
	return db_exec(db, NULL,
	    "insert into policy_fact(node_id, name, valid_from, valid_to, rev, present, value, locked)"
	    " values ($1, $2, $3, $4, $5, $6, $7, $8)",
	    "itiiiiii", s->node_id, d->name, s->valid_from, s->valid_to, l->rev, (int64_t)s->present, s->value,
	    (int64_t)s->locked);
}

/* Marks the nodes in scope and those above them. */
static int mark_shown(const struct scope *scope, const struct tree *t, bool **ret)
{
	bool *shown = calloc(t->n, sizeof shown[0]);
	if (shown == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		if (!t->nodes[i].present || !scope_covers(scope, t, t->nodes[i].id))
			continue;
		for (const struct node *n = &t->nodes[i]; n != NULL && !shown[tree_index(t, n)]; n = n->up)
			shown[tree_index(t, n)] = true;
	}
	*ret = shown;
	return 0;
}

static int tell_node(const struct policy_table *p, const struct node *n,
    int (*fn)(void *arg, const struct policy_statement *s, int64_t rev), void *arg)
{
	int r = 0;
	for (size_t i = 0; i < SETTING_COUNT && r == 0; i++) {
		const struct said *said = &said_at(p, n)[i];
		const struct policy_statement s = {.node_id = n->id,
		    .setting = (enum setting_id)i,
		    .valid_from = said->from,
		    .valid_to = said->to,
		    .present = said->present,
		    .value = said->value,
		    .locked = said->locked};
		if (said->present)
			r = fn(arg, &s, said->rev);
	}
	return r;
}

int policy_statements(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    int (*fn)(void *arg, const struct policy_statement *s, int64_t rev), void *arg)
{
	struct policy_table *p = NULL;
	bool *shown = NULL;
	int r = policy_table_load(db, at, t, &p);
	if (r == 0)
		r = mark_shown(scope, t, &shown);
	for (size_t i = 0; i < t->n && r == 0; i++) {
		if (shown[tree_index(t, t->order[i])])
			r = tell_node(p, t->order[i], fn, arg);
	}
	free(shown);
	policy_table_free(p);
	return r;
}

void policy_agent_json(const struct policy *p, char dst[POLICY_JSON])
{
	_Static_assert(SETTING_COUNT * 64 < POLICY_JSON, "a name and a value take less than 64 bytes");
	size_t n = 1;
	dst[0] = '{';
	/* canonical means sorted keys: the agents' settings stand in setting_defs by name */
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if ((setting_defs[i].audience & FOR_AGENT) == 0)
			continue;
		n += (size_t)snprintf(dst + n, POLICY_JSON - n, "%s\"%s\":%lld", n > 1 ? "," : "", setting_defs[i].name,
		    (long long)p->set[i].value);
	}
	snprintf(dst + n, POLICY_JSON - n, "}");
}

void policy_hash(const struct policy *p, char dst[POLICY_HASH_TEXT])
{
	char json[POLICY_JSON];
	unsigned char digest[16];
	policy_agent_json(p, json);
	crypto_generichash(digest, sizeof digest, (const unsigned char *)json, strlen(json), NULL, 0);
	hex_encode(dst, digest, sizeof digest);
}
