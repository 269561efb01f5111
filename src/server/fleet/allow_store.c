#include "allow_store.h"

#include "clock.h"
#include "identity_int.h"
#include "machine.h"
#include "str.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

struct entry {
	uint8_t sha256[SHA256_BYTES];
	int64_t node_id, machine_id, until, rev;
	bool present;
	char *reason;
};

struct allow_table {
	const struct tree *tree;
	size_t n, cap;
	struct entry *v; /* by sha256, node, machine */
};

void allow_table_free(struct allow_table *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i].reason);
	free(a->v);
	free(a);
}

static bool same_subject(const struct entry *a, const struct entry *b)
{
	return a->node_id == b->node_id && a->machine_id == b->machine_id &&
	       memcmp(a->sha256, b->sha256, SHA256_BYTES) == 0;
}

static struct entry *add_place(struct allow_table *a)
{
	if (a->n == a->cap) {
		size_t cap = a->cap ? 2 * a->cap : 64;
		struct entry *v = reallocarray(a->v, cap, sizeof *v);
		if (!v)
			return NULL;
		a->v = v;
		a->cap = cap;
	}
	return &a->v[a->n];
}

/* Rows come in the order of the subjects, and of the revisions within one: the last word about a subject stays. */
static int take_row(struct allow_table *a, struct db_rows *rows)
{
	size_t n;
	struct entry e = {.node_id = db_i64(rows, 1),
	    .machine_id = db_i64(rows, 2),
	    .present = db_i64(rows, 3) != 0,
	    .until = db_i64(rows, 4),
	    .rev = db_i64(rows, 6)};
	const void *sha256 = db_blob(rows, 0, &n);
	if (n != SHA256_BYTES)
		return -EBADMSG;
	memcpy(e.sha256, sha256, n);
	e.reason = strdup(db_text(rows, 5));
	if (!e.reason)
		return -ENOMEM;
	if (a->n && same_subject(&a->v[a->n - 1], &e)) {
		free(a->v[a->n - 1].reason);
		a->v[a->n - 1] = e;
		return 0;
	}
	struct entry *place = add_place(a);
	if (!place) {
		free(e.reason);
		return -ENOMEM;
	}
	*place = e;
	a->n++;
	return 0;
}

int allow_table_load(struct db *db, const struct as_of *at, const struct tree *t, struct allow_table **ret)
{
	struct db_rows *rows;
	struct allow_table *a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	a->tree = t;
	int r = db_query(db, &rows,
	    "select sha256, node_id, machine_id, present, valid_to, reason, rev from allow_fact"
	    " where rev <= $1 and valid_from <= $2 and $2 < valid_to order by sha256, node_id, machine_id, rev",
	    "ii", at->rev, at->at);
	while (r == 0 && db_next(rows))
		r = take_row(a, rows);
	int done = db_done(rows);
	r = r ? r : done;
	if (r)
		allow_table_free(a);
	else
		*ret = a;
	return r;
}

static bool holds(const struct entry *e, const struct node *n, int64_t machine_id)
{
	if (!e->present)
		return false;
	return e->machine_id ? e->machine_id == machine_id : tree_below(n, e->node_id);
}

/* Of one content the statement that lasts longest. */
static size_t gather(
    const struct allow_table *a, const struct node *n, int64_t machine_id, struct allowance *v, size_t max)
{
	size_t k = 0;
	for (size_t i = 0; i < a->n; i++) {
		const struct entry *e = &a->v[i];
		if (!holds(e, n, machine_id))
			continue;
		bool again = k && memcmp(v[k - 1].sha256, e->sha256, SHA256_BYTES) == 0;
		if (again && v[k - 1].until_us >= e->until)
			continue;
		if (!again && k == max)
			break;
		k += !again;
		memcpy(v[k - 1].sha256, e->sha256, SHA256_BYTES);
		v[k - 1].until_us = e->until;
		v[k - 1].reason = e->reason;
	}
	return k;
}

/* BLAKE2b-128 over sha256, until (8 bytes, little-endian), the reason and a zero, of each. The agents only repeat it.
 */
static void hash_list(struct allow_list *l)
{
	crypto_generichash_state st;
	unsigned char digest[ID_BYTES], until[8];
	if (!l->n)
		return;
	crypto_generichash_init(&st, NULL, 0, sizeof digest);
	for (size_t i = 0; i < l->n; i++) {
		for (int b = 0; b < 8; b++)
			until[b] = (unsigned char)((uint64_t)l->v[i].until_us >> 8 * b);
		crypto_generichash_update(&st, l->v[i].sha256, SHA256_BYTES);
		crypto_generichash_update(&st, until, sizeof until);
		crypto_generichash_update(&st, (const unsigned char *)l->v[i].reason, strlen(l->v[i].reason) + 1);
	}
	crypto_generichash_final(&st, digest, sizeof digest);
	hex_encode(l->hash, digest, sizeof digest);
}

int allow_effective(const struct allow_table *a, int64_t node_id, int64_t machine_id, struct allow_list **ret)
{
	struct allowance *v = calloc(MAX_ALLOWANCES, sizeof *v);
	struct allow_list list = {.v = v};
	if (!v)
		return -ENOMEM;
	list.n = gather(a, tree_nearest_present(a->tree, node_id), machine_id, v, MAX_ALLOWANCES);
	hash_list(&list);
	struct allow_list *copy = allow_list_new(&list);
	free(v);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

/* Statements of nodes that hold at n, each counted, and the most of any one machine there. */
static size_t count_at(const struct allow_table *a, const struct node *n)
{
	size_t k = 0;
	for (size_t i = 0; i < a->n; i++)
		k += a->v[i].present && !a->v[i].machine_id && tree_below(n, a->v[i].node_id);
	return k;
}

static size_t count_of_machine(const struct allow_table *a, int64_t machine_id)
{
	size_t k = 0;
	for (size_t i = 0; i < a->n; i++)
		k += a->v[i].present && a->v[i].machine_id == machine_id;
	return k;
}

enum {
	MACHINE_SHARE = 64
}; /* of MAX_ALLOWANCES: kept for statements about a machine, so that moving one never drops any */

/* The statement counts already. */
static int check_room(const struct allow_table *a, const struct allow_statement *s, struct err *e)
{
	size_t most = MAX_ALLOWANCES - MACHINE_SHARE;
	if (s->machine_id && count_of_machine(a, s->machine_id) > MACHINE_SHARE)
		return err_set(e, -ENOSPC, "a machine has at most %d allowances of its own", MACHINE_SHARE);
	for (size_t i = 0; !s->machine_id && i < a->tree->n; i++) {
		const struct node *n = &a->tree->nodes[i];
		if (n->present && tree_below(n, s->node_id) && count_at(a, n) > most)
			return err_set(e, -ENOSPC, "at most %zu allowances hold for \"%s\"", most, n->name);
	}
	return 0;
}

static int check_rest(struct db *db, const struct ledger_entry *l, const struct allow_statement *s, struct err *e)
{
	const struct as_of then = {.at = s->valid_from > l->recorded_at ? s->valid_from : l->recorded_at,
	    .rev = INT64_MAX,
	    .known_at = TIME_END};
	struct allow_table *a = NULL;
	struct tree *t;
	int r = tree_load(db, &then, &t);
	if (r)
		return r;
	if (s->node_id && !tree_present(t, s->node_id))
		r = err_set(e, -ENOENT, "there is no node %lld", (long long)s->node_id);
	if (r == 0)
		r = allow_table_load(db, &then, t, &a);
	if (r == 0 && s->present)
		r = check_room(a, s, e);
	allow_table_free(a);
	tree_free(t);
	return r;
}

int allow_state(struct db *db, const struct ledger_entry *l, const struct allow_statement *s, struct err *e)
{
	static const uint8_t none[SHA256_BYTES];
	if (s->valid_from < 0 || s->valid_from >= s->valid_to || s->valid_to > TIME_END)
		return err_set(e, -EINVAL, "the interval is empty or outside the ledger's time");
	if (!s->node_id == !s->machine_id || memcmp(s->sha256, none, sizeof none) == 0)
		return err_set(e, -EINVAL, "a content, and either a node or a machine");
	if (!*s->reason || strlen(s->reason) > MAX_ALLOW_REASON)
		return err_set(e, -EINVAL, "a reason of at most %d bytes", MAX_ALLOW_REASON);
	int r = db_exec(db, NULL,
	    "insert into allow_fact(sha256, node_id, machine_id, valid_from, valid_to, rev, present, reason, document,"
	    " document_day) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	    "biiiiiitti", s->sha256, (size_t)SHA256_BYTES, s->node_id, s->machine_id, s->valid_from, s->valid_to,
	    l->rev, (int64_t)s->present, s->reason, s->document, (int64_t)s->document_day);
	return r ? r : check_rest(db, l, s, e);
}
