#include "array.h"
#include "clock.h"
#include "day.h"
#include "licence_int.h"

#include <errno.h>
#include <stdlib.h>

static int over(const struct pool_row *p, int64_t allocated, int64_t at, struct err *e)
{
	char day[DAY_TEXT];
	day_iso(day_of(at), day);
	return err_set(e, -EDQUOT, "contract %.100s has %lld licences; %lld would be allocated on %s", p->contract,
	    (long long)p->quantity, (long long)allocated, day);
}

static int below_zero(struct db *db, const struct licence_side *s, int64_t at, struct err *e)
{
	char day[DAY_TEXT], code[MAX_UNIT_CODE + 1];
	day_iso(day_of(at), day);
	int r = db_row(db, "select code from node_fact where node_id = $1 order by rev desc limit 1", "i", s->node_id,
	    "T", code, sizeof code);
	return r ? r
	         : err_set(e, -EDQUOT, "unit %s would have %lld licences of pool %lld on %s", code,
	               (long long)s->amount, (long long)s->pool_id, day);
}

static int check_moment(struct db *db, int64_t at, struct err *e)
{
	const struct as_of moment = {.at = at, .rev = INT64_MAX, .known_at = TIME_END};
	struct licence_side *sides = NULL;
	struct pool_row *pools = NULL;
	size_t n_sides = 0, n_pools = 0;
	int r = licence_read_pools(db, &moment, &pools, &n_pools);
	if (r == 0)
		r = licence_read_sides(db, &moment, &sides, &n_sides);
	for (size_t i = 0; r == 0 && i < n_sides; i++) {
		if (sides[i].amount < 0)
			r = below_zero(db, &sides[i], at, e);
	}
	for (size_t i = 0; r == 0 && i < n_pools; i++) {
		int64_t allocated = 0;
		for (size_t k = 0; k < n_sides; k++)
			allocated += sides[k].pool_id == pools[i].pool_id ? sides[k].amount : 0;
		if (pools[i].in_force && allocated > pools[i].quantity)
			r = over(&pools[i], allocated, at, e);
	}
	free(sides);
	licence_pools_free(pools, n_pools);
	return r;
}

static int compare_moments(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
	return a < b ? -1 : a > b;
}

static int add_moment(int64_t **moments, size_t *n, size_t *cap, int64_t from, int64_t at)
{
	if (at <= from || at >= TIME_END)
		return 0;
	int r = array_room(moments, cap, *n, sizeof(*moments)[0]);
	if (r == 0)
		(*moments)[(*n)++] = at;
	return r;
}

static int read_moments(struct db *db, int64_t from, int64_t **ret, size_t *ret_n)
{
	int64_t *moments = NULL;
	struct db_rows *rows;
	size_t n = 0, cap = 0;
	int r = db_query(db, &rows,
	    "select distinct valid_from, valid_to, start_day from pool_fact"
	    " union select distinct valid_from, valid_from, 0 from alloc_fact",
	    "");
	while (r == 0 && db_next(rows)) {
		r = add_moment(&moments, &n, &cap, from, db_i64(rows, 0));
		if (r == 0)
			r = add_moment(&moments, &n, &cap, from, db_i64(rows, 1));
		if (r == 0)
			r = add_moment(&moments, &n, &cap, from, day_first_us((int32_t)db_i64(rows, 2)));
	}
	int done = db_done(rows);
	r = r ? r : done;
	if (r) {
		free(moments);
		return r;
	}
	if (n > 0)
		qsort(moments, n, sizeof moments[0], compare_moments);
	*ret = moments;
	*ret_n = n;
	return 0;
}

int licence_check(struct db *db, int64_t from, struct err *e)
{
	int64_t *moments, last = from;
	size_t n;
	int r = read_moments(db, from, &moments, &n);
	if (r)
		return r;
	r = check_moment(db, from, e);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (moments[i] != last)
			r = check_moment(db, last = moments[i], e);
	}
	free(moments);
	return r;
}
