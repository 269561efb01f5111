#include "enrol_match.h"

#include "clock.h"

/* A value that so many machines have tells no two apart. */
enum { COMMON_VALUE = 16, MAX_CANDIDATES = 64 };

/* Three intervals, and at least five minutes: ARCHITECTURE.md */
enum { ALIVE_INTERVALS = 3, ALIVE_AT_LEAST_S = 300 };

struct candidate {
	int64_t machine_id, install_id, seen_real, interval_s;
	enum hw_match match;
	enum apart apart;
};

struct candidates {
	size_t n;
	struct candidate v[MAX_CANDIDATES];
};

static void add(struct candidates *c, const struct candidate *one)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].install_id == one->install_id)
			return;
	if (c->n < MAX_CANDIDATES)
		c->v[c->n++] = *one;
}

static int find_by_value(struct db *db, const struct hw_value *v, struct candidates *c)
{
	struct candidate found[COMMON_VALUE + 1];
	struct db_rows *rows;
	size_t n = 0;
	int r = db_query(db, &rows,
	    "select l.machine_id, l.install_id, l.last_seen_real, i.enrolled_real, l.policy_interval_s"
	    " from install_hw h join install i on i.id = h.install_id join machine_live l on l.machine_id = "
	    "i.machine_id"
	    " where h.digest = $1 and h.kind = $2 and l.install_id = i.id limit $3",
	    "bii", v->digest.b, (size_t)ID_BYTES, (int64_t)v->kind, (int64_t)COMMON_VALUE + 1);
	while (r == 0 && n <= COMMON_VALUE && db_next(rows)) {
		int64_t seen = db_i64(rows, 2), enrolled = db_i64(rows, 3);
		found[n++] = (struct candidate){.machine_id = db_i64(rows, 0),
		    .install_id = db_i64(rows, 1),
		    .seen_real = seen > enrolled ? seen : enrolled,
		    .interval_s = db_i64(rows, 4)};
	}
	int done = db_done(rows);
	for (size_t i = 0; i < n && n <= COMMON_VALUE; i++)
		add(c, &found[i]);
	return r ? r : done;
}

static int find(struct db *db, const struct hardware *h, struct candidates *c)
{
	int r = 0;
	for (size_t i = 0; i < h->n && r == 0; i++)
		if (h->v[i].kind != HW_MACHINE_ID)
			r = find_by_value(db, &h->v[i], c);
	for (size_t i = 0; i < c->n && r == 0; i++) {
		struct hardware its;
		r = hardware_load(db, c->v[i].install_id, &its);
		if (r == 0)
			c->v[i].match = hw_compare(&its, h);
		if (r == 0)
			r = apart_of(db, c->v[i].machine_id, &c->v[i].apart);
	}
	return r;
}

static bool alive(const struct candidate *c)
{
	int64_t grace = ALIVE_INTERVALS * c->interval_s;
	if (grace < ALIVE_AT_LEAST_S)
		grace = ALIVE_AT_LEAST_S;
	return clock_real_us() - c->seen_real <= grace * US_PER_S;
}

/* The one of that likeness that was heard last; *ret_n: how many there are. */
static const struct candidate *best(const struct candidates *c, enum hw_match match, enum apart apart, size_t *ret_n)
{
	const struct candidate *found = NULL;
	*ret_n = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].match != match ||
		    (match == HW_SAME ? (c->v[i].apart == APART_WHOLLY) != (apart == APART_WHOLLY)
		                      : (c->v[i].apart != APART_NOT) != (apart != APART_NOT)))
			continue;
		++*ret_n;
		if (!found || c->v[i].seen_real > found->seen_real)
			found = &c->v[i];
	}
	return found;
}

static struct enrol_match joins(const struct candidate *c, enum joined joined, const char *kind)
{
	return (struct enrol_match){.machine_id = c->machine_id,
	    .install_id = c->install_id,
	    .joined = joined,
	    .kind = kind,
	    .last_seen_real = c->seen_real};
}

static struct enrol_match stays_apart(const struct candidate *c, enum apart apart, const char *kind)
{
	return (struct enrol_match){.other_id = c->machine_id,
	    .joined = JOINED_NEW,
	    .apart = apart,
	    .kind = kind,
	    .last_seen_real = c->seen_real};
}

static struct enrol_match judge(const struct candidates *c)
{
	size_t n;
	const struct candidate *one = best(c, HW_SAME, APART_NOT, &n);
	if (one)
		return joins(one, JOINED_SAME, "reinstalled");
	one = best(c, HW_SAME, APART_WHOLLY, &n);
	if (one)
		return stays_apart(one, APART_WHOLLY, "twin");
	one = best(c, HW_PARTLY, APART_NOT, &n);
	if (one && alive(one))
		return stays_apart(one, APART_PARTLY, "two-alive");
	if (one && n > 1)
		return stays_apart(one, APART_PARTLY, "several-alike");
	if (one)
		return joins(one, JOINED_PARTLY, "silent-joined");
	one = best(c, HW_PARTLY, APART_PARTLY, &n);
	if (one)
		return stays_apart(one, APART_PARTLY, "template");
	return (struct enrol_match){.joined = JOINED_NEW, .kind = "new"};
}

int enrol_match(struct db *db, const struct hardware *h, struct enrol_match *ret)
{
	struct candidates c = {0};
	int r = find(db, h, &c);
	if (r == 0)
		*ret = judge(&c);
	return r;
}
