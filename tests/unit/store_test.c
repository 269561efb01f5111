#include "store_fixture.h"

#include "clock.h"
#include "ids.h"
#include "migrations.h"
#include "schema.h"

#include <pthread.h>
#include <semaphore.h>

static const char thing_table[] = "create table thing(id {i} primary key, body text not null)";

struct insert {
	int64_t id;
	int end; /* what the job returns after it has written */
	int r;
	_Atomic int dones;
	sem_t *ended;
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
	in->dones++;
	sem_post(in->ended);
}

/* Puts n jobs behind one that stands still, so that they come in groups, and waits for the end of all. */
static void write_all(struct store *s, struct insert *in, int n)
{
	sem_t ended;
	sem_init(&ended, 0, 0);
	struct fixture_hold *h = fixture_hold(store_write, s);
	for (int i = 0; i < n; i++) {
		in[i].ended = &ended;
		assert_int_equal(store_write(s, insert_thing, note_end, &in[i]), 0);
	}
	fixture_let_go(h);
	for (int i = 0; i < n; i++)
		sem_wait(&ended);
	sem_destroy(&ended);
	for (int i = 0; i < n; i++)
		assert_int_equal(in[i].dones, 1);
}

static void a_failing_job_is_undone_alone(void **state)
{
	struct insert in[40] = {0};
	fixture_sql(*state, thing_table);
	for (int i = 0; i < 40; i++)
		in[i] = (struct insert){.id = i % 20, .end = i % 10 == 3 ? -EPERM : 0};
	write_all(*state, in, 40);
	for (int i = 0; i < 40; i++)
		assert_int_equal(in[i].r, i % 10 == 3 ? -EPERM : i < 20 ? 0 : -EEXIST);
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), 18);
	struct store_stats stats;
	store_get_stats(*state, &stats);
	assert_int_equal(stats.failed, 2 * 2 + 18);
	assert_int_equal(stats.waiting, 0);
	assert_true(stats.commits < 10);
}

/* How one of a group can fail, and what the others may notice of it. */
enum way { GOOD, REFUSES, OWES, SENDS_TWICE, SENDS_AND_REFUSES, WAYS };

struct member {
	enum way way;
	int64_t id;
	int r;
	_Atomic int runs, dones;
	sem_t *ended;
};

static int run_member(struct db *db, void *arg)
{
	struct member *m = arg;
	int64_t n;
	int r = db_row(db, "select count(*) from thing where id=$1", "i", m->id, "i", &n);
	m->runs++;
	if (!r && m->way == REFUSES)
		return -EPERM;
	for (int i = 0; i < (m->way == SENDS_TWICE ? 2 : 1) && !r; i++)
		r = db_send(db, "insert into thing(id, body) values ($1, 'x')", "i", m->id);
	db_owe(db, m->way == OWES);
	return r ? r : m->way == SENDS_AND_REFUSES ? -EPERM : 0;
}

static void note_member(void *arg, int r)
{
	struct member *m = arg;
	m->r = r;
	m->dones++;
	sem_post(m->ended);
}

/* A group of good ones and one that fails in its own way. */
static void run_group_with(struct store *s, enum way way, int at, int64_t first)
{
	static const int expected[WAYS] = {0, -EPERM, -EPROTO, -EEXIST, -EPERM};
	struct member all[FIXTURE_GROUP] = {0};
	sem_t ended;
	sem_init(&ended, 0, 0);
	struct fixture_hold *h = fixture_hold(store_write, s);
	for (int i = 0; i < FIXTURE_GROUP; i++) {
		all[i] = (struct member){.way = i == at ? way : GOOD, .id = first + i, .ended = &ended};
		assert_int_equal(store_write(s, run_member, note_member, &all[i]), 0);
	}
	fixture_let_go(h);
	for (int i = 0; i < FIXTURE_GROUP; i++)
		sem_wait(&ended);
	sem_destroy(&ended);
	for (int i = 0; i < FIXTURE_GROUP; i++) {
		assert_int_equal(all[i].r, expected[all[i].way]);
		assert_int_equal(all[i].dones, 1);
		if (way == REFUSES)
			assert_int_equal(all[i].runs, 1);
	}
}

static void whoever_fails_in_a_group_fails_alone(void **state)
{
	static const enum way ways[] = {REFUSES, OWES, SENDS_TWICE, SENDS_TWICE, OWES, GOOD};
	fixture_sql(*state, thing_table);
	for (int i = 0; i < 6; i++) {
		run_group_with(*state, ways[i], 7, 100 * i);
		char sql[80];
		snprintf(sql, sizeof sql, "select count(*) from thing where id>=%d", 100 * i);
		assert_int_equal(fixture_number(*state, sql), ways[i] == GOOD ? FIXTURE_GROUP : FIXTURE_GROUP - 1);
	}
}

/* Nobody comes behind it in whose place the error could be told. */
static void the_last_of_a_group_fails_alone(void **state)
{
	fixture_sql(*state, thing_table);
	run_group_with(*state, SENDS_TWICE, FIXTURE_GROUP - 1, 0);
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), FIXTURE_GROUP - 1);
}

static void what_is_sent_before_a_refusal_is_undone(void **state)
{
	fixture_sql(*state, thing_table);
	run_group_with(*state, SENDS_AND_REFUSES, 7, 0);
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), FIXTURE_GROUP - 1);
}

enum { WRITERS = 4, EACH_WRITES = 60 };

/* Rests on what it has read: nobody else may write in between. */
static int insert_next(struct db *db, void *arg)
{
	int64_t n;
	(void)arg;
	int r = db_row(db, "select count(*) from thing", "", "i", &n);
	return r ? r : db_exec(db, NULL, "insert into thing(id, body) values ($1, 'x')", "i", n);
}

static void *write_next(void *arg)
{
	for (int i = 0; i < EACH_WRITES; i++)
		if (store_write_now(arg, insert_next, NULL))
			return arg;
	return NULL;
}

static void what_a_job_has_read_stays_true(void **state)
{
	struct store *stores[2] = {*state, fixture_open()};
	pthread_t threads[WRITERS];
	fixture_sql(*state, thing_table);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_next, stores[i % 2]), 0);
	for (int i = 0; i < WRITERS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), WRITERS * EACH_WRITES);
	store_close(stores[1]);
}

static void a_commit_that_fails_fails_the_group(void **state)
{
	struct insert in[FIXTURE_GROUP] = {0};
	fixture_sql(*state, "create table thing(id {i} primary key, body text not null, "
	                    "of {i} not null default 99 references thing(id) deferrable initially deferred)");
	for (int i = 0; i < FIXTURE_GROUP; i++)
		in[i] = (struct insert){.id = i, .end = i == 5 ? -EPERM : 0};
	write_all(*state, in, FIXTURE_GROUP);
	for (int i = 0; i < FIXTURE_GROUP; i++)
		assert_int_equal(in[i].r, i == 5 ? -EPERM : -EEXIST);
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), 0);
	fixture_sql(*state, "insert into thing(id, body) values (99, 'y')");
}

static void a_full_queue_refuses(void **state)
{
	sem_t ended;
	struct insert in[FIXTURE_QUEUE + 1] = {0};
	struct store_stats stats;
	fixture_sql(*state, thing_table);
	sem_init(&ended, 0, 0);
	struct fixture_hold *h = fixture_hold(store_write, *state);
	for (int i = 0; i <= FIXTURE_QUEUE; i++) {
		in[i] = (struct insert){.id = i, .ended = &ended};
		assert_int_equal(store_write(*state, insert_thing, note_end, &in[i]), i < FIXTURE_QUEUE ? 0 : -EAGAIN);
	}
	store_get_stats(*state, &stats);
	assert_int_equal(stats.waiting, FIXTURE_QUEUE);
	assert_int_equal(stats.refused, 1);
	fixture_let_go(h);
	for (int i = 0; i < FIXTURE_QUEUE; i++)
		sem_wait(&ended);
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), FIXTURE_QUEUE);
	assert_int_equal(in[FIXTURE_QUEUE].dones, 0);
	sem_destroy(&ended);
}

static void closing_runs_what_is_queued(void **state)
{
	sem_t ended;
	struct insert in[FIXTURE_QUEUE] = {0};
	fixture_sql(*state, thing_table);
	sem_init(&ended, 0, 0);
	for (int i = 0; i < FIXTURE_QUEUE; i++) {
		in[i] = (struct insert){.id = i, .ended = &ended};
		assert_int_equal(store_write(*state, insert_thing, note_end, &in[i]), 0);
	}
	store_close(*state);
	for (int i = 0; i < FIXTURE_QUEUE; i++) {
		assert_int_equal(in[i].dones, 1);
		assert_int_equal(in[i].r, 0);
	}
	*state = fixture_open();
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), FIXTURE_QUEUE);
	sem_destroy(&ended);
}

static int count_twice(struct db *db, void *arg)
{
	int64_t before = -1, after = -2;
	struct insert in = {.id = 1000};
	int r = db_row(db, "select count(*) from thing", "", "i", &before);
	assert_int_equal(store_write_now(arg, insert_thing, &in), 0);
	if (!r)
		r = db_row(db, "select count(*) from thing", "", "i", &after);
	return r ? r : before == after ? 0 : -EPROTO;
}

static void a_reader_sees_one_moment(void **state)
{
	fixture_sql(*state, thing_table);
	assert_int_equal(store_read_now(*state, count_twice, *state), 0);
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), 1);
}

static void readers_run_beside_each_other_and_the_writer(void **state)
{
	struct fixture_hold *writer = fixture_hold(store_write, *state);
	struct fixture_hold *a = fixture_hold(store_read, *state);
	struct fixture_hold *b = fixture_hold(store_read, *state); /* would wait for ever behind the first */
	fixture_let_go(b);
	fixture_let_go(a);
	fixture_let_go(writer);
}

static int beat(struct db *db, void *arg)
{
	int r = store_beat(db);
	return r ? r : *(int *)arg;
}

struct pulse {
	sem_t felt;
	_Atomic int64_t n;
};

static void feel(void *arg, int64_t n)
{
	struct pulse *p = arg;
	p->n = n;
	sem_post(&p->felt);
}

static bool felt_within(struct pulse *p, int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return sem_timedwait(&p->felt, &until) == 0;
}

static void another_handle_feels_the_pulse(void **state)
{
	struct store *other = fixture_open();
	struct pulse p = {.n = 0};
	sem_init(&p.felt, 0, 0);
	store_on_pulse(other, feel, &p);
	assert_int_equal(store_write_now(*state, beat, &(int){-EPERM}), -EPERM);
	assert_false(felt_within(&p, 3 * STORE_PULSE_MS));
	assert_int_equal(store_write_now(*state, beat, &(int){0}), 0);
	assert_true(felt_within(&p, 5000));
	assert_int_equal(p.n, 1);
	store_close(other);
	sem_destroy(&p.felt);
}

static void a_store_says_what_it_is(void **state)
{
	char epoch[ID_TEXT], again[ID_TEXT];
	struct store *other = fixture_open();
	store_epoch(*state, epoch);
	store_epoch(other, again);
	assert_int_equal(strlen(epoch), 2 * ID_BYTES);
	assert_string_equal(epoch, again);
	assert_false(store_is_simulation(*state));
	assert_int_equal(
	    fixture_number(*state, "select count(*) from node_fact where node_id=1 and name='Tỉnh Thử'"), 1);
	store_close(other);
	struct err e = {0};
	assert_int_equal(store_create(fixture_where(), &(struct store_birth){"Khác", "khac", 0}, &e), -EEXIST);
}

static void nothing_is_opened_where_nothing_was_created(void **state)
{
	struct store *s;
	struct err e = {0};
	struct store_config c = {.where = fixture_where(), .readers = 1, .queue = 1, .group = 1};
	(void)state;
	assert_int_equal(store_open(&s, &c, &e), -ENOENT);
	assert_true(strlen(e.text) > 0);
}

static void a_newer_store_is_refused(void **state)
{
	struct store *s;
	struct err e = {0};
	struct store_config c = {.where = fixture_where(), .readers = 1, .queue = 1, .group = 1};
	fixture_sql(*state, "update meta set value='1000' where key='schema'");
	assert_int_equal(store_open(&s, &c, &e), -EPROTO);
	assert_non_null(strstr(e.text, "newer"));
}

static void a_step_that_fails_leaves_nothing(void **state)
{
	(void)state;
	struct db *db;
	struct err e = {0};
	enum { MOST = 64 };
	const char *steps[MOST]; /* the house's own, and one that fails half-way */
	int n = migrations_n;
	char version[8], next[8];
	bool there = true;
	assert_in_range(n, 1, MOST - 1);
	for (int i = 0; i < n; i++)
		steps[i] = migrations[i];
	steps[n] = "create table second(id {i} primary key)\n;\ncreate table second(id {i})";
	snprintf(next, sizeof next, "%d", n + 1);
	assert_int_equal(db_open(&db, fixture_where(), DB_WRITE, &e), 0);
	assert_int_equal(schema_migrate(db, steps, n + 1, &e), -EINVAL);
	assert_int_equal(db_has_table(db, "second", &there), 0);
	assert_false(there);
	steps[n] = "-- a table more\ncreate table second(id {i} primary key)\n;\ninsert into second(id) values (1)\n";
	assert_int_equal(schema_migrate(db, steps, n + 1, NULL), 0);
	assert_int_equal(schema_migrate(db, steps, n + 1, NULL), 0);
	assert_int_equal(schema_meta(db, "schema", version, sizeof version), 0);
	assert_string_equal(version, next);
	assert_int_equal(db_has_table(db, "second", &there), 0);
	assert_true(there);
	db_close(db);
}

static int move_clock(struct db *db, void *arg)
{
	return store_move_clock(db, *(int64_t *)arg);
}

static int see_clock(struct db *db, void *arg)
{
	(void)db;
	*(int64_t *)arg = clock_business_us();
	return 0;
}

static void a_simulation_has_its_own_time(void **state)
{
	struct store *s = *state, *other = fixture_open();
	struct pulse p = {.n = 0};
	int64_t seen = 0;
	sem_init(&p.felt, 0, 0);
	assert_true(store_is_simulation(s));
	assert_int_equal(clock_business_us(), FIXTURE_START_US);
	store_on_pulse(other, feel, &p);
	assert_int_equal(store_write_now(s, move_clock, &(int64_t){FIXTURE_START_US + 5}), 0);
	assert_int_equal(clock_business_us(), FIXTURE_START_US + 5);
	assert_true(felt_within(&p, 5000));
	/* what another process would know: nothing yet, until its next transaction */
	clock_simulate(FIXTURE_START_US);
	assert_int_equal(store_read_now(other, see_clock, &seen), 0);
	assert_int_equal(seen, FIXTURE_START_US + 5);
	clock_simulate(FIXTURE_START_US);
	assert_int_equal(store_write_now(other, see_clock, &seen), 0);
	assert_int_equal(seen, FIXTURE_START_US + 5);
	assert_int_equal(store_write_now(s, move_clock, &(int64_t){FIXTURE_START_US + 4}), -EPERM);
	assert_int_equal(clock_business_us(), FIXTURE_START_US + 5);
	store_close(other);
	sem_destroy(&p.felt);
	clock_simulate(0);
}

static void a_real_store_keeps_real_time(void **state)
{
	assert_int_equal(store_write_now(*state, move_clock, &(int64_t){TIME_END}), -EPERM);
	assert_false(clock_simulated());
}

static int backend_of(struct db *db, void *arg)
{
	return db_row(db, "select pg_backend_pid()", "", "i", (int64_t *)arg);
}

static int end_backend(struct db *db, void *arg)
{
	int64_t gone = 0;
	return db_row(db, "select pg_terminate_backend($1::int, 5000)", "i", *(int64_t *)arg, "i", &gone);
}

/* The job's own connection is taken away while it works. */
static int lose_connection(struct db *db, void *arg)
{
	int64_t pid = 0, n;
	int r = backend_of(db, &pid);
	if (!r)
		r = store_read_now(arg, end_backend, &pid);
	assert_int_equal(r, 0);
	return db_row(db, "select count(*) from thing", "", "i", &n);
}

static void a_lost_connection_fails_what_is_under_way_alone(void **state)
{
	struct insert in = {.id = 1};
	int64_t pid = 0;
	fixture_sql(*state, thing_table);
	assert_int_equal(store_write_now(*state, lose_connection, *state), -ECONNRESET);
	assert_int_equal(store_write_now(*state, insert_thing, &in), 0);
	/* while nothing is under way nobody notices */
	assert_int_equal(store_write_now(*state, backend_of, &pid), 0);
	assert_int_equal(store_read_now(*state, end_backend, &pid), 0);
	in.id = 2;
	assert_int_equal(store_write_now(*state, insert_thing, &in), 0);
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), 2);
}

struct contended {
	_Atomic int runs, dones, conflicts; /* conflicts: how often the database still says "try again" */
	int r;
	int64_t id;
	sem_t *ended;
};

static int write_contended(struct db *db, void *arg)
{
	struct contended *c = arg;
	c->runs++;
	int r = db_exec(db, NULL, "insert into thing(id, body) values ($1, 'x')", "i", c->id);
	if (!r && c->conflicts > 0) {
		c->conflicts--;
		r = db_script(db, "do $$ begin raise exception using errcode='40001'; end $$");
	}
	return r;
}

static void note_contended(void *arg, int r)
{
	struct contended *c = arg;
	c->r = r;
	c->dones++;
	sem_post(c->ended);
}

static void what_the_database_asks_for_is_tried_again(void **state)
{
	sem_t ended;
	struct contended all[] = {{.id = 1}, {.id = 2, .conflicts = 4}, {.id = 3}, {.id = 4, .conflicts = 100}};
	fixture_sql(*state, thing_table);
	sem_init(&ended, 0, 0);
	struct fixture_hold *h = fixture_hold(store_write, *state);
	for (int i = 0; i < 4; i++) {
		all[i].ended = &ended;
		assert_int_equal(store_write(*state, write_contended, note_contended, &all[i]), 0);
	}
	fixture_let_go(h);
	for (int i = 0; i < 4; i++)
		sem_wait(&ended);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(all[i].r, i == 3 ? -EBUSY : 0);
		assert_int_equal(all[i].dones, 1);
	}
	assert_true(all[1].runs > 1);
	assert_int_equal(fixture_number(*state, "select count(*) from thing"), 3);
	sem_destroy(&ended);
}

#define EACH(f) EACH_WITH(f, fixture_store, fixture_close)

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    EACH(a_failing_job_is_undone_alone),
	    EACH(whoever_fails_in_a_group_fails_alone),
	    EACH(the_last_of_a_group_fails_alone),
	    EACH(what_is_sent_before_a_refusal_is_undone),
	    EACH(what_a_job_has_read_stays_true),
	    EACH(a_commit_that_fails_fails_the_group),
	    EACH(a_full_queue_refuses),
	    EACH(closing_runs_what_is_queued),
	    EACH(a_reader_sees_one_moment),
	    EACH(readers_run_beside_each_other_and_the_writer),
	    EACH(another_handle_feels_the_pulse),
	    EACH(a_store_says_what_it_is),
	    EACH_WITH(nothing_is_opened_where_nothing_was_created, fixture_database, fixture_drop),
	    EACH(a_newer_store_is_refused),
	    EACH(a_step_that_fails_leaves_nothing),
	    EACH_WITH(a_simulation_has_its_own_time, fixture_simulation, fixture_close),
	    EACH(a_real_store_keeps_real_time),
	    /* the last two: SQLite has no connection to lose, and asks for nothing once it has its lock */
	    EACH(a_lost_connection_fails_what_is_under_way_alone),
	    EACH(what_the_database_asks_for_is_tried_again),
	};
	size_t n = sizeof cases / sizeof cases[0];
	return _cmocka_run_group_tests(kind, cases, fixture_is_postgres() ? n : n - 2, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
