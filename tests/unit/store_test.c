#include "store_fixture.h"

#include "clock.h"
#include "ids.h"
#include "ledger.h"

static int make_table(struct db *db, void *arg)
{
	(void)arg;
	return db_exec(db, NULL, "create table thing(id bigint primary key, body text)", "");
}

struct insert {
	int64_t id;
	int end; /* what the job returns after it has written */
	int r;
	_Atomic int *dones;
};

static int insert_thing(struct db *db, void *arg)
{
	struct insert *in = arg;
	int r = db_exec(db, NULL, "insert into thing(id, body) values ($1, 'x')", "i", in->id);
	return r ? r : in->end;
}

static void note_end(void *arg, int r)
{
	struct insert *in = arg;
	in->r = r;
	(*in->dones)++;
}

static int count_things(struct db *db, void *arg)
{
	return db_row(db, "select count(*) from thing", "", "i", (int64_t *)arg);
}

static void a_failing_job_is_undone_alone(void **state)
{
	struct store *s = *state;
	assert_int_equal(store_write_now(s, make_table, NULL), 0);
	_Atomic int dones = 0;
	struct insert in[20];
	for (int i = 0; i < 20; i++) {
		in[i] = (struct insert){.id = i % 10, .end = i % 10 == 3 ? -EPERM : 0, .dones = &dones};
		assert_int_equal(store_write(s, insert_thing, note_end, &in[i]), 0);
	}
	int64_t n = 0;
	while (dones < 20)
		assert_int_equal(store_read_now(s, count_things, &n), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(in[i].r, i % 10 == 3 ? -EPERM : i < 10 ? 0 : -EEXIST);
	assert_int_equal(store_read_now(s, count_things, &n), 0);
	assert_int_equal(n, 9);
}

static int ledger_job(struct db *db, void *arg)
{
	struct ledger_entry l;
	int r = ledger_begin(db, &l);
	if (!r)
		r = ledger_end(db, &l, &(struct ledger_who){"system", "req"}, "test", "thing:1", NODE_PROVINCE, "{}");
	if (!r)
		*(int64_t *)arg = l.rev;
	return r;
}

static int verify(struct db *db, void *arg)
{
	return ledger_verify(db, arg);
}

static void the_ledger_counts_and_fits(void **state)
{
	int64_t rev = 0, bad = 0;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(store_write_now(*state, ledger_job, &rev), 0);
		assert_int_equal(rev, i + 2); /* the first is the store's birth */
	}
	assert_int_equal(store_read_now(*state, verify, &bad), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_fresh, close_fresh)

int main(void)
{
	const struct CMUnitTest cases[] = {
	    CASE(a_failing_job_is_undone_alone),
	    CASE(the_ledger_counts_and_fits),
	};
	return cmocka_run_group_tests_name("sqlite", cases, use_sqlite, NULL);
}
