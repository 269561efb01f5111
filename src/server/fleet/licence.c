#include "licence.h"
#include "array.h"
#include "clock.h"
#include "day.h"
#include "licence_int.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool licence_in_force(int32_t start_day, int32_t end_day, int64_t at)
{
	int32_t day = day_of(at);
	return start_day <= day && day <= end_day;
}

struct pool_texts {
	char contract[MAX_TEXT + 1], supplier[MAX_TEXT + 1];
};

static int check_pool(const struct pool_statement *s, struct pool_texts *c, struct err *e)
{
	if (s->valid_from < 0 || s->valid_from >= s->valid_to || s->valid_to > TIME_END)
		return err_set(e, -EINVAL, "the interval is empty or outside the ledger's time");
	if (s->quantity < 0 || s->quantity > MAX_LICENCE_QUANTITY)
		return err_set(e, -EINVAL, "the quantity is a number from 0 to %d", MAX_LICENCE_QUANTITY);
	if (s->start_day < 0 || s->end_day < s->start_day)
		return err_set(e, -EINVAL, "the contract's end lies before its start");
	if (text_nfc(c->contract, sizeof c->contract, s->contract) || c->contract[0] == 0)
		return err_set(e, -EINVAL, "the contract is empty or no text of at most %d bytes", MAX_TEXT);
	if (text_nfc(c->supplier, sizeof c->supplier, s->supplier ? s->supplier : ""))
		return err_set(e, -EINVAL, "the supplier is no text of at most %d bytes", MAX_TEXT);
	return 0;
}

static int find_pool(struct db *db, int64_t pool_id, struct err *e)
{
	int64_t found;
	int r = db_row(db, "select id from pool where id = $1", "i", pool_id, "i", &found);
	return r == -ENOENT ? err_set(e, r, "there is no pool %lld", (long long)pool_id) : r;
}

int licence_state_pool(
    struct db *db, const struct ledger_entry *l, const struct pool_statement *s, int64_t *ret_id, struct err *e)
{
	struct pool_texts c;
	int64_t id = s->pool_id;
	int r = check_pool(s, &c, e);
	if (r)
		return r;
	if (id == 0)
		r = db_row(db, "insert into pool(rev) values ($1) returning id", "i", l->rev, "i", &id);
	else
		r = find_pool(db, id, e);
	if (r == 0)
		r = db_exec(db, NULL,
		    "insert into pool_fact(pool_id, valid_from, valid_to, rev, present, contract, supplier, quantity, "
		    "start_day,"
		    " end_day) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		    "iiiiittiii", id, s->valid_from, s->valid_to, l->rev, (int64_t)s->present, c.contract, c.supplier,
		    s->quantity, (int64_t)s->start_day, (int64_t)s->end_day);
	if (r == 0)
		r = licence_check(db, s->valid_from, e);
	if (r == 0)
		*ret_id = id;
	return r;
}

void licence_pools_free(struct pool_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(rows[i].contract);
		free(rows[i].supplier);
	}
	free(rows);
}

struct pools {
	struct pool_row *rows;
	size_t n, cap;
};

static int take_pool(struct pools *p, const struct as_of *at, struct db_rows *rows)
{
	struct pool_row row = {.pool_id = db_i64(rows, 0),
	    .rev = db_i64(rows, 1),
	    .quantity = db_i64(rows, 5),
	    .start_day = (int32_t)db_i64(rows, 6),
	    .end_day = (int32_t)db_i64(rows, 7),
	    .allocated = -1,
	    .free = -1};
	if (p->n > 0 && p->rows[p->n - 1].pool_id == row.pool_id) {
		p->n--;
		free(p->rows[p->n].contract);
		free(p->rows[p->n].supplier);
	}
	if (db_i64(rows, 2) == 0)
		return 0;
	int r = array_room(&p->rows, &p->cap, p->n, sizeof p->rows[0]);
	if (r)
		return r;
	row.contract = strdup(db_text(rows, 3));
	row.supplier = strdup(db_text(rows, 4));
	row.in_force = licence_in_force(row.start_day, row.end_day, at->at);
	row.days_left = row.end_day - day_of(at->at);
	p->rows[p->n++] = row;
	return row.contract && row.supplier ? 0 : -ENOMEM;
}

int licence_read_pools(struct db *db, const struct as_of *at, struct pool_row **ret, size_t *ret_n)
{
	struct pools p = {0};
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select pool_id, rev, present, contract, supplier, quantity, start_day, end_day from pool_fact"
	    " where rev <= $1 and valid_from <= $2 and $2 < valid_to order by pool_id, rev",
	    "ii", at->rev, at->at);
	while (r == 0 && db_next(rows))
		r = take_pool(&p, at, rows);
	int done = db_done(rows);
	r = r ? r : done;
	if (r) {
		licence_pools_free(p.rows, p.n);
		return r;
	}
	*ret = p.rows;
	*ret_n = p.n;
	return 0;
}

/* A document's last statement holds, with its own lines; a cast because the sum of integers is no integer everywhere.
 */
int licence_read_sides(struct db *db, const struct as_of *at, struct licence_side **ret, size_t *ret_n)
{
	struct licence_side *sides = NULL;
	struct db_rows *rows;
	size_t n = 0, cap = 0;
	int r = db_query(db, &rows,
	    "select e.pool_id, e.node_id, cast(sum(e.amount) as bigint) from alloc_fact f"
	    " join alloc_entry e on e.doc_id = f.doc_id and e.rev = f.rev"
	    " where f.present = 1 and f.valid_from <= $1 and e.node_id <> 0 and f.rev ="
	    " (select max(g.rev) from alloc_fact g where g.doc_id = f.doc_id and g.rev <= $2)"
	    " group by e.pool_id, e.node_id order by e.pool_id, e.node_id",
	    "ii", at->at, at->rev);
	while (r == 0 && db_next(rows)) {
		r = array_room(&sides, &cap, n, sizeof sides[0]);
		if (r == 0)
			sides[n++] = (struct licence_side){db_i64(rows, 0), db_i64(rows, 1), db_i64(rows, 2)};
	}
	int done = db_done(rows);
	r = r ? r : done;
	if (r) {
		free(sides);
		return r;
	}
	*ret = sides;
	*ret_n = n;
	return 0;
}

int licence_pools(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    struct pool_row **ret, size_t *ret_n)
{
	struct licence_side *sides = NULL;
	struct pool_row *pools;
	size_t n_sides = 0, n;
	(void)t;
	int r = licence_read_pools(db, at, &pools, &n);
	if (r)
		return r;
	if (scope_is_everything(scope)) {
		r = licence_read_sides(db, at, &sides, &n_sides);
		for (size_t i = 0; i < n && r == 0; i++) {
			pools[i].allocated = 0;
			for (size_t k = 0; k < n_sides; k++)
				pools[i].allocated += sides[k].pool_id == pools[i].pool_id ? sides[k].amount : 0;
			pools[i].free = pools[i].quantity - pools[i].allocated;
		}
		free(sides);
	}
	if (r) {
		licence_pools_free(pools, n);
		return r;
	}
	*ret = pools;
	*ret_n = n;
	return 0;
}

static int compare_balances(const void *pa, const void *pb)
{
	const struct licence_balance *a = pa, *b = pb;
	return a->node_id < b->node_id ? -1 : a->node_id > b->node_id;
}

static bool pool_counts(const struct pool_row *pools, size_t n, int64_t pool_id)
{
	for (size_t i = 0; i < n; i++) {
		if (pools[i].pool_id == pool_id)
			return pools[i].in_force;
	}
	return false;
}

/* Adds up the sides of each node, in place; the number of nodes. */
static size_t merge(struct licence_balance *b, size_t n)
{
	size_t kept = 0;
	if (n > 0)
		qsort(b, n, sizeof b[0], compare_balances);
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && b[kept - 1].node_id == b[i].node_id)
			b[kept - 1].amount += b[i].amount;
		else
			b[kept++] = b[i];
	}
	return kept;
}

int licence_balances(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    int64_t pool_id, struct licence_balance **ret, size_t *ret_n)
{
	struct licence_balance *b = NULL;
	struct licence_side *sides = NULL;
	struct pool_row *pools = NULL;
	size_t n_sides = 0, n_pools = 0, n = 0;
	int r = licence_read_pools(db, at, &pools, &n_pools);
	if (r == 0)
		r = licence_read_sides(db, at, &sides, &n_sides);
	if (r == 0 && (b = malloc((n_sides + 1) * sizeof b[0])) == NULL)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < n_sides; i++) {
		bool wanted = pool_id ? sides[i].pool_id == pool_id : pool_counts(pools, n_pools, sides[i].pool_id);
		if (wanted && scope_covers(scope, t, sides[i].node_id))
			b[n++] = (struct licence_balance){sides[i].node_id, sides[i].amount};
	}
	licence_pools_free(pools, n_pools);
	free(sides);
	if (r == 0) {
		*ret = b;
		*ret_n = merge(b, n);
	}
	return r;
}
