#include "machine_place.h"
#include "array.h"
#include "clock.h"
#include "day.h"
#include "desk.h"
#include "machine_set.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int place_decide(struct naming *rules, const struct tree *t, const char *name, int64_t token_node, struct place *ret)
{
	struct naming_match m;
	int r = naming_match(rules, t, name, &m);
	if (r)
		return r;
	*ret = (struct place){.node_id = NODE_PROVINCE, .basis = PLACE_PROVINCE};
	if (m.outcome == NAMING_MATCHED) {
		ret->node_id = m.node_id;
		ret->basis = PLACE_RULE;
		ret->rule_id = m.rule_id;
		memcpy(ret->reason, m.reason, sizeof ret->reason);
		return 0;
	}
	const char *why = m.outcome == NAMING_LIMIT ? "a rule reached its limits on this name"
	                                            : "no rule fits the name";
	if (token_node != 0) {
		ret->node_id = tree_nearest_present(t, token_node)->id;
		ret->basis = PLACE_TOKEN;
	}
	snprintf(ret->reason, sizeof ret->reason, "%s; %s", why,
	    token_node ? "the enrolment token's node" : "no token's node");
	return 0;
}

static int insert_place(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t from, int64_t to,
    const struct place *p, const char *reason)
{
	return db_exec(db, NULL,
	    "insert into place_fact(machine_id, valid_from, valid_to, rev, node_id, basis, rule_id, reason)"
	    " values ($1, $2, $3, $4, $5, $6, $7, $8)",
	    "iiiiiiit", machine_id, from, to, l->rev, p->node_id, (int64_t)p->basis, p->rule_id, reason);
}

/* The rules and the tree by which places are decided at this commit. */
struct deciding {
	struct as_of now;
	struct desk *desk, *own; /* own: none was lent */
	struct desk_view by;
};

static void deciding_release(struct deciding *d)
{
	desk_shut(d->desk);
	desk_free(d->own);
}

static int deciding_load(struct db *db, const struct ledger_entry *l, struct desk *desk, struct deciding *ret)
{
	struct deciding d = {
	    .now = {.at = l->recorded_at, .rev = INT64_MAX, .known_at = TIME_END}, .desk = desk, .own = NULL};
	int r = desk ? 0 : desk_new(&d.own);
	if (r)
		return r;
	if (d.own)
		d.desk = d.own;
	r = desk_open(d.desk, db, d.now.at, &d.by);
	if (r)
		desk_free(d.own);
	else
		*ret = d;
	return r;
}

int machine_place_first(struct db *db, const struct ledger_entry *l, struct desk *desk, int64_t machine_id,
    int64_t since, const char *name, int64_t token_node)
{
	struct deciding d;
	struct place p;
	int r = deciding_load(db, l, desk, &d);
	if (r)
		return r;
	r = place_decide(d.by.rules, d.by.tree, name, token_node, &p);
	if (r == 0)
		r = insert_place(db, l, machine_id, since, TIME_END, &p, p.reason);
	deciding_release(&d);
	return r;
}

static bool same_place(const struct machine_facts *m, const struct place *p)
{
	return m->node_id == p->node_id && m->basis == p->basis && m->rule_id == p->rule_id;
}

/* Decides and writes a change. `lift`: what a person said no longer counts. */
static int place_one(struct db *db, const struct ledger_entry *l, struct deciding *d, const struct machine_facts *m,
    int64_t token_node, bool lift, bool *ret_moved)
{
	struct place p;
	*ret_moved = false;
	if (m->basis == PLACE_OVERRULED && !lift)
		return 0;
	int r = place_decide(d->by.rules, d->by.tree, m->name, token_node, &p);
	if (r || same_place(m, &p))
		return r;
	*ret_moved = m->node_id != p.node_id;
	return insert_place(db, l, m->machine_id, l->recorded_at, TIME_END, &p, p.reason);
}

static int token_node_of(struct db *db, int64_t machine_id, int64_t *ret)
{
	*ret = 0;
	int r = db_row(db, "select node_id from machine_token_node where machine_id = $1 order by rev desc limit 1",
	    "i", machine_id, "i", ret);
	return r == -ENOENT ? 0 : r;
}

/* The machine as this commit finds it. -ENOENT. */
static int load_one(struct db *db, const struct ledger_entry *l, int64_t machine_id, struct machine_set **ret)
{
	const struct as_of now = {.at = l->recorded_at, .rev = INT64_MAX, .known_at = TIME_END};
	struct machine_set *s;
	int r = machine_set_load(db, &now, machine_id, machine_id, SET_TEXTS, &s);
	if (r)
		return r;
	if (s->n == 0) {
		machine_set_free(s);
		return -ENOENT;
	}
	*ret = s;
	return 0;
}

static int place_again(struct db *db, const struct ledger_entry *l, struct desk *desk, int64_t machine_id, bool lift)
{
	struct machine_set *s;
	struct deciding d;
	int64_t token_node;
	bool moved;
	int r = load_one(db, l, machine_id, &s);
	if (r)
		return r;
	r = deciding_load(db, l, desk, &d);
	if (r == 0) {
		r = token_node_of(db, machine_id, &token_node);
		if (r == 0)
			r = place_one(db, l, &d, &s->m[0], token_node, lift, &moved);
		deciding_release(&d);
	}
	machine_set_free(s);
	return r;
}

int machine_place_again(struct db *db, const struct ledger_entry *l, struct desk *desk, int64_t machine_id)
{
	return place_again(db, l, desk, machine_id, false);
}

int machine_lift(struct db *db, const struct ledger_entry *l, int64_t machine_id, struct err *e)
{
	struct machine_set *s;
	int r = load_one(db, l, machine_id, &s);
	if (r)
		return err_set(e, r, "there is no such machine");
	if (s->m[0].basis != PLACE_OVERRULED)
		r = err_set(e, -EINVAL, "nobody has overruled this machine's place");
	machine_set_free(s);
	return r ? r : place_again(db, l, NULL, machine_id, true);
}

/* A person's word: the node must be there at the moment that it is said for. */
static int state_place(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t from, int64_t to,
    int64_t node_id, const char *reason, struct err *e)
{
	const struct as_of then = {.at = from, .rev = INT64_MAX, .known_at = TIME_END};
	const struct place p = {.node_id = node_id, .basis = PLACE_OVERRULED};
	char clean[MAX_REASON + 1];
	struct tree *t;
	int r = text_nfc(clean, sizeof clean, reason);
	if (r || clean[0] == 0)
		return err_set(e, -EINVAL, "the reason is empty or no text of at most %d bytes", MAX_REASON);
	r = tree_load(db, &then, &t);
	if (r)
		return r;
	if (tree_present(t, node_id) == NULL)
		r = err_set(e, -ENOENT, "there is no node %lld at that moment", (long long)node_id);
	tree_free(t);
	return r ? r : insert_place(db, l, machine_id, from, to, &p, clean);
}

int machine_overrule(
    struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t node_id, const char *reason, struct err *e)
{
	struct machine_set *s;
	int r = load_one(db, l, machine_id, &s);
	if (r)
		return err_set(e, r, "there is no such machine");
	machine_set_free(s);
	return state_place(db, l, machine_id, l->recorded_at, TIME_END, node_id, reason, e);
}

int machine_correct_place(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t from, int64_t to,
    int64_t node_id, const char *reason, struct err *e)
{
	struct machine_set *s;
	if (from < 0 || from >= to || to > l->recorded_at)
		return err_set(e, -EINVAL, "a correction is about an interval of the past");
	int r = load_one(db, l, machine_id, &s);
	if (r)
		return err_set(e, r, "there is no such machine");
	machine_set_free(s);
	return state_place(db, l, machine_id, from, to, node_id, reason, e);
}

int place_token_nodes(struct db *db, struct token_node **ret, size_t *ret_n)
{
	struct token_node *t = NULL;
	struct db_rows *rows;
	size_t n = 0, cap = 0;
	int r = db_query(db, &rows, "select machine_id, node_id from machine_token_node order by machine_id, rev", "");
	while (r == 0 && db_next(rows)) {
		int64_t machine_id = db_i64(rows, 0);
		if (n > 0 && t[n - 1].machine_id == machine_id)
			n--;
		r = array_room(&t, &cap, n, sizeof t[0]);
		if (r == 0)
			t[n++] = (struct token_node){machine_id, db_i64(rows, 1)};
	}
	int done = db_done(rows);
	r = r ? r : done;
	if (r) {
		free(t);
		return r;
	}
	*ret = t;
	*ret_n = n;
	return 0;
}

int64_t place_token_of(const struct token_node *t, size_t n, int64_t machine_id)
{
	for (size_t low = 0, high = n; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (t[middle].machine_id == machine_id)
			return t[middle].node_id;
		if (t[middle].machine_id < machine_id)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

int machine_place_all(struct db *db, const struct ledger_entry *l, int64_t *ret_moved)
{
	struct token_node *tokens = NULL;
	struct machine_set *s = NULL;
	struct deciding d;
	size_t n_tokens = 0;
	int64_t count = 0;
	int r = deciding_load(db, l, NULL, &d);
	if (r)
		return r;
	r = machine_set_load(db, &d.now, 0, INT64_MAX, SET_TEXTS, &s);
	if (r == 0)
		r = place_token_nodes(db, &tokens, &n_tokens);
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		bool moved;
		r = place_one(db, l, &d, &s->m[i], place_token_of(tokens, n_tokens, s->m[i].machine_id), false, &moved);
		count += moved;
	}
	free(tokens);
	machine_set_free(s);
	deciding_release(&d);
	if (r == 0 && ret_moved)
		*ret_moved = count;
	return r;
}
