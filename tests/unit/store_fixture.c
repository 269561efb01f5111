#include "store_fixture.h"

#include <semaphore.h>
#include <unistd.h>

static bool postgres;
static char folder[64], name[64], where[512];

bool fixture_is_postgres(void)
{
	return postgres;
}

const char *fixture_where(void)
{
	return where;
}

int fixture_main(int argc, char **argv, int (*run)(const char *kind))
{
	if (argc != 2 || (strcmp(argv[1], "sqlite") != 0 && strcmp(argv[1], "postgresql") != 0)) {
		fprintf(stderr, "%s sqlite|postgresql\n", argv[0]);
		return 2;
	}
	postgres = argv[1][0] == 'p';
	if (postgres && !getenv("KHIEN_TEST_PG")) {
		fprintf(stderr, "KHIEN_TEST_PG names no PostgreSQL to test with (see tools/pg-temp)\n");
		return 1;
	}
	return run(argv[1]);
}

/* Names another database of the server under test. */
static void name_database(const char *database)
{
	const char *server = getenv("KHIEN_TEST_PG");
	int n = snprintf(where, sizeof where, "%s%cdbname=%s", server, strchr(server, '?') ? '&' : '?', database);
	assert_in_range(n, 1, sizeof where - 1);
}

static void administer(const char *before, const char *after)
{
	struct db *db = NULL;
	struct err e = {0};
	char sql[160];
	snprintf(sql, sizeof sql, "%s %s %s", before, name, after);
	if (db_open(&db, getenv("KHIEN_TEST_PG"), DB_WRITE, &e))
		fail_msg("%s", e.text);
	int r = db_script(db, sql);
	if (r)
		print_error("%s: %s\n", sql, db_error(db));
	db_close(db);
	assert_int_equal(r, 0);
}

int fixture_database(void **state)
{
	static int number;
	*state = NULL;
	if (postgres) {
		snprintf(name, sizeof name, "khien_%d_%d", (int)getpid(), number++);
		administer("create database", "template template0 encoding 'UTF8' locale 'C.UTF-8'");
		name_database(name);
		return 0;
	}
	snprintf(folder, sizeof folder, "/tmp/khien-store-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(where, sizeof where, "sqlite:%s/khien.db", folder);
	return 0;
}

int fixture_drop(void **state)
{
	(void)state;
	if (postgres) {
		administer("drop database", "with (force)");
		return 0;
	}
	static const char *const files[] = {"khien.db", "khien.db-wal", "khien.db-shm"};
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
	return rmdir(folder);
}

struct store *fixture_open(void)
{
	struct store *s = NULL;
	struct err e = {0};
	struct store_config c = {
	    .where = where, .readers = FIXTURE_READERS, .queue = FIXTURE_QUEUE, .group = FIXTURE_GROUP};
	if (store_open(&s, &c, &e))
		fail_msg("%s", e.text);
	return s;
}

static int open_born(void **state, int64_t simulation_us)
{
	struct err e = {0};
	fixture_database(state);
	if (store_create(where, &(struct store_birth){"Tỉnh Thử", "tinh thu", simulation_us}, &e))
		fail_msg("%s", e.text);
	*state = fixture_open();
	return 0;
}

int fixture_store(void **state)
{
	return open_born(state, 0);
}

int fixture_simulation(void **state)
{
	return open_born(state, FIXTURE_START_US);
}

int fixture_close(void **state)
{
	store_close(*state);
	return fixture_drop(state);
}

static int run_sql(struct db *db, void *arg)
{
	return db_script(db, arg);
}

void fixture_sql(struct store *s, const char *sql)
{
	assert_int_equal(store_write_now(s, run_sql, (void *)(uintptr_t)sql), 0);
}

struct question {
	const char *sql;
	int64_t answer;
};

static int ask(struct db *db, void *arg)
{
	struct question *q = arg;
	struct db_rows *rows;
	int r = db_query_built(db, &rows, q->sql, "");
	if (r)
		return r;
	r = db_next(rows) ? 0 : -ENOENT;
	if (!r)
		q->answer = db_i64(rows, 0);
	int ended = db_done(rows);
	return r ? r : ended;
}

int64_t fixture_number(struct store *s, const char *sql)
{
	struct question q = {.sql = sql};
	assert_int_equal(store_read_now(s, ask, &q), 0);
	return q.answer;
}

struct fixture_hold {
	sem_t reached, go, ended;
};

static int stand_still(struct db *db, void *arg)
{
	struct fixture_hold *h = arg;
	(void)db;
	sem_post(&h->reached);
	sem_wait(&h->go);
	return 0;
}

static void held_ended(void *arg, int r)
{
	struct fixture_hold *h = arg;
	assert_int_equal(r, 0);
	sem_post(&h->ended);
}

struct fixture_hold *fixture_hold(int (*put)(struct store *, store_run, store_done, void *), struct store *s)
{
	struct fixture_hold *h = calloc(1, sizeof *h);
	assert_non_null(h);
	sem_init(&h->reached, 0, 0);
	sem_init(&h->go, 0, 0);
	sem_init(&h->ended, 0, 0);
	assert_int_equal(put(s, stand_still, held_ended, h), 0);
	sem_wait(&h->reached);
	return h;
}

void fixture_let_go(struct fixture_hold *h)
{
	sem_post(&h->go);
	sem_wait(&h->ended);
	sem_destroy(&h->reached);
	sem_destroy(&h->go);
	sem_destroy(&h->ended);
	free(h);
}
