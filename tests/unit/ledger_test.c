#include "store_fixture.h"

#include "clock.h"
#include "ids.h"
#include "ledger.h"

#include <openssl/sha.h>
#include <pthread.h>

static const struct ledger_who tester = {"account:7", "request-1"};

/* One entry; *arg is its revision. */
static int write_entry(struct db *db, void *arg)
{
	struct ledger_entry l;
	int r = ledger_begin(db, &l);
	if (!r)
		r = ledger_end(db, &l, &tester, "unit.change", "unit:12", NODE_PROVINCE, "{\"name\":\"Sở\"}");
	if (!r)
		*(int64_t *)arg = l.rev;
	return r;
}

static int begin_only(struct db *db, void *arg)
{
	return ledger_begin(db, arg);
}

static int begin_twice(struct db *db, void *arg)
{
	struct ledger_entry outer, inner;
	(void)arg;
	int r = ledger_begin(db, &outer);
	if (!r)
		r = ledger_begin(db, &inner);
	if (!r)
		r = ledger_end(db, &outer, &tester, "a", "b", NODE_PROVINCE, "{}");
	return r;
}

static int verify(struct db *db, void *arg)
{
	return ledger_verify(db, arg);
}

static void revisions_follow_each_other(void **state)
{
	int64_t rev = 0, bad = -1;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(store_write_now(*state, write_entry, &rev), 0);
		assert_int_equal(rev, i + 2); /* the store's birth is the first */
	}
	assert_int_equal(store_read_now(*state, verify, &bad), 0);
	assert_int_equal(bad, -1);
}

static int write_many(struct db *db, void *arg)
{
	int64_t rev = 0;
	int r = 0;
	for (int64_t i = 0; i < *(int64_t *)arg && !r; i++)
		r = write_entry(db, &rev);
	return r;
}

static void a_long_chain_is_verified_whole(void **state)
{
	int64_t bad = -1;
	assert_int_equal(store_write_now(*state, write_many, &(int64_t){2500}), 0);
	assert_int_equal(store_read_now(*state, verify, &bad), 0);
	fixture_sql(*state, "update audit set detail='' where rev=2400");
	assert_int_equal(store_read_now(*state, verify, &bad), -EBADMSG);
	assert_int_equal(bad, 2400);
}

static void an_entry_that_is_not_ended_is_undone(void **state)
{
	struct ledger_entry l;
	int64_t rev = 0, bad;
	assert_int_equal(store_write_now(*state, begin_only, &l), -EPROTO);
	assert_int_equal(store_write_now(*state, begin_twice, NULL), -EPROTO);
	assert_int_equal(store_write_now(*state, write_entry, &rev), 0);
	assert_int_equal(rev, 2);
	assert_int_equal(store_read_now(*state, verify, &bad), 0);
}

static void recorded_time_never_goes_back(void **state)
{
	static const int64_t clock[] = {100, 90, 200, 50, 200, 201}, recorded[] = {100, 100, 200, 200, 200, 201};
	int64_t born = clock_real_us() + US_PER_S; /* later than the store's birth */
	for (int i = 0; i < 6; i++) {
		int64_t rev;
		char sql[64];
		clock_simulate(born + clock[i]);
		assert_int_equal(store_write_now(*state, write_entry, &rev), 0);
		snprintf(sql, sizeof sql, "select recorded_at from audit where rev=%d", (int)rev);
		assert_true(fixture_number(*state, sql) == born + recorded[i]);
	}
	clock_simulate(0);
	assert_true(fixture_number(*state, "select max(real_at) from audit") < born);
}

struct moment {
	int64_t at, rev;
};

static int rev_at(struct db *db, void *arg)
{
	struct moment *m = arg;
	return ledger_rev_at(db, m->at, &m->rev);
}

static void a_moment_has_its_revision(void **state)
{
	int64_t later = clock_real_us() + US_PER_S, rev;
	for (int i = 0; i < 4; i++) {
		clock_simulate(later + i / 2 * 10);
		assert_int_equal(store_write_now(*state, write_entry, &rev), 0);
	}
	clock_simulate(0);
	const struct moment expected[] = {
	    {0, 0}, {later - 1, 1}, {later, 3}, {later + 9, 3}, {later + 10, 5}, {TIME_END, 5}};
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		struct moment m = {expected[i].at, -1};
		assert_int_equal(store_read_now(*state, rev_at, &m), 0);
		assert_int_equal(m.rev, expected[i].rev);
	}
}

static void assert_tampered(struct store *s, const char *change, const char *back, int64_t rev)
{
	int64_t bad = -1;
	fixture_sql(s, change);
	int r = store_read_now(s, verify, &bad);
	if (r != -EBADMSG || bad != rev)
		fail_msg("%s: %d, %d", change, r, (int)bad);
	fixture_sql(s, back);
	assert_int_equal(store_read_now(s, verify, &bad), 0);
}

static void any_changed_number_is_found(void **state)
{
	static const char *const columns[] = {"recorded_at", "real_at", "node_id"};
	char change[96], back[96];
	assert_int_equal(store_write_now(*state, write_many, &(int64_t){5}), 0);
	for (size_t i = 0; i < 3; i++)
		for (int bit = 0; bit < 63; bit++) {
			int64_t by = INT64_C(1) << bit;
			snprintf(change, sizeof change, "update audit set %s=%s-%lld where rev=4", columns[i],
			    columns[i], (long long)by);
			snprintf(back, sizeof back, "update audit set %s=%s+%lld where rev=4", columns[i], columns[i],
			    (long long)by);
			assert_tampered(*state, change, back, 4);
		}
	assert_tampered(*state, "update head set rev=rev+1", "update head set rev=rev-1", 7);
	assert_tampered(
	    *state, "update head set recorded_at=recorded_at+1", "update head set recorded_at=recorded_at-1", 7);
}

struct tampered {
	const char *table, *column;
	int64_t rev;
	bool text;
	size_t at; /* which byte */
};

struct value {
	unsigned char bytes[256];
	size_t n;
};

static int get_value(struct db *db, const struct tampered *t, struct value *v)
{
	char sql[160];
	struct db_rows *rows;
	snprintf(sql, sizeof sql, "select %s from %s where rev=$1", t->column, t->table);
	int r = db_query_built(db, &rows, sql, "i", t->rev);
	if (r)
		return r;
	assert_true(db_next(rows));
	const void *p = t->text ? db_text(rows, 0) : db_blob(rows, 0, &v->n);
	if (t->text)
		v->n = strlen(p);
	assert_true(v->n < sizeof v->bytes);
	memcpy(v->bytes, p, v->n);
	v->bytes[v->n] = 0;
	return db_done(rows);
}

static int set_value(struct db *db, const struct tampered *t, const struct value *v)
{
	char sql[160];
	struct db_rows *rows;
	snprintf(sql, sizeof sql, "update %s set %s=$1 where rev=$2", t->table, t->column);
	int r = t->text ? db_query_built(db, &rows, sql, "ti", (const char *)v->bytes, t->rev)
	                : db_query_built(db, &rows, sql, "bi", (const void *)v->bytes, v->n, t->rev);
	if (r)
		return r;
	db_next(rows);
	return db_done(rows);
}

/* Changes one bit of a byte, or changes it back. -ERANGE: there is no such byte. */
static int tamper(struct db *db, void *arg)
{
	const struct tampered *t = arg;
	struct value v = {.n = 0};
	int r = get_value(db, t, &v);
	if (r || t->at >= v.n)
		return r ? r : -ERANGE;
	v.bytes[t->at] ^= 1;
	return set_value(db, t, &v);
}

static void tamper_with_each_byte(struct store *s, struct tampered t)
{
	int64_t bad = -1;
	for (t.at = 0;; t.at++) {
		int r = store_write_now(s, tamper, &t);
		if (r == -ERANGE)
			break;
		if (r == -EILSEQ && t.text) /* no text any more: the database would not have it */
			continue;
		assert_int_equal(r, 0);
		assert_int_equal(store_read_now(s, verify, &bad), -EBADMSG);
		assert_in_range(bad, t.rev, t.rev + 1);
		assert_int_equal(store_write_now(s, tamper, &t), 0);
		assert_int_equal(store_read_now(s, verify, &bad), 0);
	}
	assert_true(t.at > 0);
}

static void any_changed_byte_is_found(void **state)
{
	static const struct tampered all[] = {
	    {"audit", "actor", 3, true, 0},
	    {"audit", "request", 3, true, 0},
	    {"audit", "action", 3, true, 0},
	    {"audit", "object", 3, true, 0},
	    {"audit", "detail", 3, true, 0},
	    {"audit", "prev", 3, false, 0},
	    {"audit", "hash", 3, false, 0},
	    {"head", "hash", 6, false, 0},
	};
	assert_int_equal(store_write_now(*state, write_many, &(int64_t){5}), 0);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		tamper_with_each_byte(*state, all[i]);
}

static void a_missing_or_moved_entry_is_found(void **state)
{
	int64_t bad = -1;
	assert_int_equal(store_write_now(*state, write_many, &(int64_t){5}), 0);
	assert_tampered(*state, "update audit set actor='account:7r', request='equest-1' where rev=3",
	    "update audit set actor='account:7', request='request-1' where rev=3", 3);
	fixture_sql(*state, "delete from audit where rev=6");
	assert_int_equal(store_read_now(*state, verify, &bad), -EBADMSG);
	assert_int_equal(bad, 6);
	fixture_sql(*state, "delete from audit where rev=2");
	assert_int_equal(store_read_now(*state, verify, &bad), -EBADMSG);
	assert_int_equal(bad, 2);
}

static void put_number(uint8_t **p, int64_t v)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*(*p)++ = (uint8_t)((uint64_t)v >> shift);
}

static void put_text(uint8_t **p, const char *s)
{
	size_t n = strlen(s);
	put_number(p, (int64_t)n);
	memcpy(*p, s, n);
	*p += n;
}

/* Somebody with the database in his hands who knows how entries are hashed: gives entry 3 another detail, its fitting
 * hash, and that hash to entry 4 as its predecessor's. */
static int forge(struct db *db, void *arg)
{
	(void)arg;
	struct ledger_entry l = {.rev = 3};
	uint8_t covered[512], hash[SHA256_BYTES], *p = covered;
	int r = db_row(db, "select recorded_at, real_at, prev from audit where rev=3", "", "iib", &l.recorded_at,
	    &l.real_at, l.prev, sizeof l.prev);
	memcpy(p, "khien-audit-1", 14);
	p += 14;
	put_number(&p, l.rev);
	put_number(&p, l.recorded_at);
	put_number(&p, l.real_at);
	put_number(&p, NODE_PROVINCE);
	put_text(&p, tester.actor);
	put_text(&p, tester.request);
	put_text(&p, "unit.change");
	put_text(&p, "unit:12");
	put_text(&p, "{\"forged\":true}");
	memcpy(p, l.prev, sizeof l.prev);
	p += sizeof l.prev;
	assert_non_null(SHA256(covered, (size_t)(p - covered), hash));
	if (!r)
		r = db_exec(db, NULL, "update audit set detail='{\"forged\":true}', hash=$1 where rev=3", "b",
		    (const void *)hash, sizeof hash);
	if (!r)
		r = db_exec(db, NULL, "update audit set prev=$1 where rev=4", "b", (const void *)hash, sizeof hash);
	return r;
}

static void a_forged_entry_is_found_by_the_next(void **state)
{
	int64_t bad = -1;
	assert_int_equal(store_write_now(*state, write_many, &(int64_t){5}), 0);
	assert_int_equal(store_write_now(*state, forge, NULL), 0);
	assert_int_equal(store_read_now(*state, verify, &bad), -EBADMSG);
	assert_int_equal(bad, 4); /* 3 itself is well made: the format above is the ledger's */
}

struct positions {
	int64_t n, first;
};

static int take_positions(struct db *db, void *arg)
{
	struct positions *p = arg;
	return export_positions(db, p->n, &p->first);
}

static void positions_are_taken_once(void **state)
{
	struct positions a = {.n = 3}, b = {.n = 1};
	assert_int_equal(store_write_now(*state, take_positions, &a), 0);
	assert_int_equal(store_write_now(*state, take_positions, &b), 0);
	assert_int_equal(a.first, 1);
	assert_int_equal(b.first, 4);
}

enum { EACH_WRITES = 150 };

static void *write_ledger(void *arg)
{
	for (int i = 0; i < EACH_WRITES; i++) {
		int64_t rev;
		if (store_write_now(arg, write_entry, &rev))
			return arg;
	}
	return NULL;
}

/* Two servers on one database: no revision twice or left out, time in their order. */
static void two_stores_write_one_chain(void **state)
{
	struct store *stores[2] = {*state, fixture_open()};
	pthread_t threads[4];
	int64_t bad = -1;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_ledger, stores[i % 2]), 0);
	for (int i = 0; i < 4; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(store_read_now(*state, verify, &bad), 0);
	assert_int_equal(fixture_number(*state, "select rev from head"), 1 + 4 * EACH_WRITES);
	assert_int_equal(fixture_number(*state, "select count(*) from audit a join audit b on b.rev=a.rev+1 "
	                                        "where b.recorded_at<a.recorded_at"),
	    0);
	store_close(stores[1]);
}

#define EACH(f) EACH_WITH(f, fixture_store, fixture_close)

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    EACH(revisions_follow_each_other),
	    EACH(a_long_chain_is_verified_whole),
	    EACH(an_entry_that_is_not_ended_is_undone),
	    EACH(recorded_time_never_goes_back),
	    EACH(a_moment_has_its_revision),
	    EACH(any_changed_number_is_found),
	    EACH(any_changed_byte_is_found),
	    EACH(a_missing_or_moved_entry_is_found),
	    EACH(a_forged_entry_is_found_by_the_next),
	    EACH(positions_are_taken_once),
	    EACH(two_stores_write_one_chain),
	};
	return cmocka_run_group_tests_name(kind, cases, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
