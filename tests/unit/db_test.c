#include "store_fixture.h"

#include <unistd.h>

static struct db *open_db(enum db_mode mode)
{
	struct db *db = NULL;
	struct err e = {0};
	if (db_open(&db, fixture_where(), mode, &e))
		fail_msg("%s", e.text);
	return db;
}

static int open_fresh(void **state)
{
	fixture_database(state);
	struct db *db = open_db(DB_CREATE);
	assert_int_equal(
	    db_script(db, "create table thing(id {i} primary key, body text, raw {b}, of {i} references thing(id))"),
	    0);
	*state = db;
	return 0;
}

static int close_fresh(void **state)
{
	db_close(*state);
	return fixture_drop(state);
}

static int insert(struct db *db, int64_t id)
{
	return db_exec(db, NULL, "insert into thing(id) values ($1)", "i", id);
}

static int64_t count(struct db *db)
{
	int64_t n = -1;
	assert_int_equal(db_row(db, "select count(*) from thing", "", "i", &n), 0);
	return n;
}

static void every_value_comes_back(void **state)
{
	struct db *db = *state;
	static const unsigned char raw[] = {0, 255, '\\', '\'', 0, 'x'};
	static const int64_t numbers[] = {0, -1, INT64_MAX, INT64_MIN, INT64_C(1) << 53};
	for (size_t i = 0; i < 5; i++) {
		int64_t number = 7;
		char body[32], got[sizeof raw], *copy = NULL;
		assert_int_equal(db_exec(db, NULL, "insert into thing(raw, body, id) values ($3, $2, $1)", "itb",
		                     numbers[i], "Sở Nội vụ \\ '", (const void *)raw, sizeof raw),
		    0);
		assert_int_equal(db_row(db, "select id, body, raw, body, of from thing where id=$1", "i", numbers[i],
		                     "iTbtn", &number, body, sizeof body, got, sizeof got, &copy),
		    0);
		assert_true(number == numbers[i]);
		assert_string_equal(body, "Sở Nội vụ \\ '");
		assert_memory_equal(got, raw, sizeof raw);
		assert_string_equal(copy, body);
		free(copy);
	}
}

static void null_is_null_and_empty_is_empty(void **state)
{
	struct db *db = *state;
	struct db_rows *rows;
	size_t n = 9;
	assert_int_equal(db_exec(db, NULL, "insert into thing(id, body, raw, of) values ($1, $2, $3, $4)", "itbn",
	                     (int64_t)1, (char *)NULL, (void *)NULL, (size_t)0),
	    0);
	assert_int_equal(db_exec(db, NULL, "insert into thing(id, body, raw, of) values ($1, $2, $3, $4)", "itbi",
	                     (int64_t)2, "", (const void *)"", (size_t)0, (int64_t)1),
	    0);
	assert_int_equal(db_query(db, &rows, "select body, raw, of from thing order by id", ""), 0);
	assert_true(db_next(rows));
	for (int i = 0; i < 3; i++)
		assert_true(db_null(rows, i));
	assert_string_equal(db_text(rows, 0), "");
	assert_null(db_blob(rows, 1, &n));
	assert_int_equal(n, 0);
	assert_int_equal(db_i64(rows, 2), 0);
	assert_true(db_next(rows));
	assert_false(db_null(rows, 0));
	assert_string_equal(db_text(rows, 0), "");
	assert_non_null(db_blob(rows, 1, &n));
	assert_int_equal(n, 0);
	assert_false(db_next(rows));
	assert_false(db_next(rows));
	assert_int_equal(db_done(rows), 0);
	char *copy = (char *)1;
	unsigned char zeros[4] = {1, 2, 3, 4};
	assert_int_equal(db_row(db, "select body, raw from thing where id=1", "", "tb", &copy, zeros, sizeof zeros), 0);
	assert_null(copy);
	assert_memory_equal(zeros, "\0\0\0\0", 4);
}

static void two_blobs_of_a_row_live_together(void **state)
{
	struct db *db = *state;
	struct db_rows *rows;
	size_t a_n, b_n;
	assert_int_equal(
	    db_exec(db, NULL, "insert into thing(id, raw) values (1, $1)", "b", (const void *)"abc", (size_t)3), 0);
	assert_int_equal(db_query(db, &rows, "select raw, raw from thing", ""), 0);
	assert_true(db_next(rows));
	const char *a = db_blob(rows, 0, &a_n), *b = db_blob(rows, 1, &b_n);
	assert_memory_equal(a, "abc", 3);
	assert_memory_equal(b, "abc", 3);
	assert_memory_equal(db_blob(rows, 0, &a_n), "abc", 3);
	assert_int_equal(db_done(rows), 0);
}

static void a_sum_and_a_comparison_are_numbers(void **state)
{
	struct db *db = *state;
	int64_t sum = 0, more = 0;
	assert_int_equal(insert(db, INT64_C(5000000000)), 0);
	assert_int_equal(insert(db, 2), 0);
	assert_int_equal(db_row(db, "select sum(id), max(id)>3 from thing", "", "ii", &sum, &more), 0);
	assert_true(sum == INT64_C(5000000002));
	assert_int_equal(more, 1);
}

static void what_both_speak(void **state)
{
	struct db *db = *state;
	int64_t id = 0, n = 0, changed = 0;
	assert_int_equal(db_script(db, "create table counted(id {id}, n {i} not null unique)"), 0);
	for (int64_t i = 1; i < 4; i++) {
		assert_int_equal(
		    db_row(db, "insert into counted(n) values ($1) returning id", "i", i * 10, "i", &id), 0);
		assert_int_equal(id, i);
	}
	assert_int_equal(
	    db_exec(db, &changed, "insert into counted(n) values ($1) on conflict(n) do update set n=excluded.n+$2",
	        "ii", (int64_t)10, (int64_t)1),
	    0);
	assert_int_equal(changed, 1);
	assert_int_equal(
	    db_exec(db, &changed, "insert into counted(n) values ($1) on conflict do nothing", "i", (int64_t)11), 0);
	assert_int_equal(changed, 0);
	assert_int_equal(db_row(db,
	                     "with ranked as (select n, row_number() over (order by n desc) as place from counted) "
	                     "select n from ranked where place=$1",
	                     "i", (int64_t)3, "i", &n),
	    0);
	assert_int_equal(n, 11);
	assert_int_equal(db_exec(db, &changed, "delete from counted where n>$1", "i", (int64_t)11), 0);
	assert_int_equal(changed, 2);
}

static void exactly_one_row(void **state)
{
	struct db *db = *state;
	int64_t id = 77;
	char body[4] = "abc";
	unsigned char raw[2];
	assert_int_equal(db_row(db, "select id from thing", "", "i", &id), -ENOENT);
	assert_int_equal(id, 77);
	assert_int_equal(insert(db, 1), 0);
	assert_int_equal(insert(db, 2), 0);
	assert_int_equal(db_row(db, "select id from thing", "", "i", &id), -EINVAL);
	assert_int_equal(
	    db_exec(db, NULL, "update thing set body='abcd', raw=$1", "b", (const void *)"abc", (size_t)3), 0);
	assert_int_equal(db_row(db, "select body from thing where id=1", "", "T", body, sizeof body), -ENAMETOOLONG);
	assert_int_equal(db_row(db, "select raw from thing where id=1", "", "b", raw, sizeof raw), -EINVAL);
	assert_int_equal(db_row(db, "select id from thing where id=1", "", "ii", &id, &id), -EINVAL);
}

static void errors_have_their_codes(void **state)
{
	struct db *db = *state;
	assert_int_equal(insert(db, 1), 0);
	assert_int_equal(insert(db, 1), -EEXIST);
	assert_true(strlen(db_error(db)) > 0);
	assert_int_equal(db_exec(db, NULL, "insert into thing(id, of) values (2, 99)", ""), -EEXIST);
	assert_int_equal(db_exec(db, NULL, "insert into thing(id) values ($1)", "t", "two"), -EINVAL);
	assert_int_equal(db_exec(db, NULL, "insert into thing(id, of) values (2, $1)", "t", "one"), -EINVAL);
	assert_int_equal(db_exec(db, NULL, "insert into nothing(id) values ($1)", "i", (int64_t)1), -EINVAL);
	assert_int_equal(db_exec(db, NULL, "insert into thing(id) values ($1)", ""), -EINVAL);
	assert_int_equal(db_exec(db, NULL, "update thing set body=$1", "t", "\xc3("), -EILSEQ);
	assert_int_equal(db_exec(db, NULL, "update thing set body=$1", "t", "12345678\xff"), -EILSEQ);
	assert_int_equal(count(db), 1);
}

static void a_reader_cannot_write(void **state)
{
	(void)state;
	struct db *reader = open_db(DB_READ);
	assert_int_equal(insert(reader, 1), -EROFS);
	assert_int_equal(db_begin(reader), 0);
	assert_int_equal(insert(reader, 1), -EROFS);
	db_rollback(reader);
	assert_int_equal(count(reader), 0);
	db_close(reader);
}

static void nothing_runs_after_an_error(void **state)
{
	struct db *db = *state;
	int64_t n;
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(insert(db, 1), 0);
	assert_int_equal(insert(db, 1), -EEXIST);
	assert_int_equal(insert(db, 2), -EEXIST);
	assert_int_equal(db_row(db, "select count(*) from thing", "", "i", &n), -EEXIST);
	assert_int_equal(db_failure(db), -EEXIST);
	assert_int_equal(db_commit(db), -EEXIST);
	assert_int_equal(count(db), 0);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(insert(db, 3), 0);
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(count(db), 1);
}

/* More than are sent at once, and between them what needs an answer. */
static void what_is_sent_arrives_in_order(void **state)
{
	struct db *db = *state;
	assert_int_equal(db_begin(db), 0);
	for (int64_t i = 1; i <= 1000; i++) {
		assert_int_equal(db_send(db, "insert into thing(id, body) values ($1, $2)", "it", i, "xyz"), 0);
		if (i % 300 == 7)
			assert_int_equal(count(db), i);
	}
	assert_int_equal(db_send(db, "update thing set of=id", ""), 0);
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(count(db), 1000);
	assert_int_equal(db_send(db, "delete from thing where id<>5", ""), 0);
	assert_int_equal(count(db), 1);
}

static void what_is_sent_fails_by_the_end(void **state)
{
	struct db *db = *state;
	int64_t n;
	for (int way = 0; way < 4; way++) {
		assert_int_equal(db_begin(db), 0);
		assert_int_equal(db_savepoint(db), 0);
		assert_int_equal(db_send(db, "insert into thing(id) values ($1)", "i", (int64_t)1), 0);
		int r = db_send(db, "insert into thing(id) values ($1)", "i", (int64_t)1);
		assert_true(r == 0 || r == -EEXIST);
		r = db_send(db, "insert into thing(id) values ($1)", "i", (int64_t)2);
		assert_true(r == 0 || r == -EEXIST);
		if (way == 0)
			assert_int_equal(db_settle(db), -EEXIST);
		if (way == 1)
			assert_int_equal(db_release_savepoint(db), -EEXIST);
		if (way == 2)
			assert_int_equal(db_row(db, "select count(*) from thing", "", "i", &n), -EEXIST);
		if (way != 3)
			assert_int_equal(db_rollback_savepoint(db), 0);
		assert_int_equal(db_commit(db), way == 3 ? -EEXIST : 0);
		assert_int_equal(count(db), 0);
	}
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(db_begin(db), 0);
		for (int i = 0; i <= twice; i++) {
			int r = db_send(db, "insert into thing(id) values ($1)", "i", (int64_t)1);
			assert_true(r == 0 || r == -EEXIST);
		}
		db_rollback(db);
		assert_int_equal(count(db), 0);
	}
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(insert(db, 1), 0);
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(count(db), 1);
}

static void a_savepoint_undoes_alone(void **state)
{
	struct db *db = *state;
	assert_int_equal(db_begin(db), 0);
	for (int64_t i = 0; i < 5; i++) {
		assert_int_equal(db_savepoint(db), 0);
		assert_int_equal(insert(db, i), 0);
		if (i % 2)
			assert_int_equal(insert(db, i), -EEXIST);
		assert_int_equal(i % 2 ? db_rollback_savepoint(db) : db_release_savepoint(db), 0);
	}
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(count(db), 3);
}

static void what_is_owed_is_not_committed(void **state)
{
	struct db *db = *state;
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(insert(db, 1), 0);
	db_owe(db, true);
	assert_int_equal(db_commit(db), -EPROTO);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(db_savepoint(db), 0);
	db_owe(db, true);
	assert_int_equal(db_release_savepoint(db), -EPROTO);
	assert_int_equal(db_rollback_savepoint(db), 0);
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(count(db), 0);
}

/* The same text, running inside itself: each run has its own place. */
static int64_t below(struct db *db, int64_t id)
{
	struct db_rows *rows;
	int64_t n = 0;
	assert_int_equal(db_query(db, &rows, "select id from thing where of=$1 order by id", "i", id), 0);
	while (db_next(rows))
		n += 1 + below(db, db_i64(rows, 0));
	assert_int_equal(db_done(rows), 0);
	return n;
}

static void a_query_runs_inside_itself(void **state)
{
	struct db *db = *state;
	assert_int_equal(insert(db, 1), 0);
	for (int64_t i = 2; i <= 15; i++)
		assert_int_equal(db_exec(db, NULL, "insert into thing(id, of) values ($1, $2)", "ii", i, i / 2), 0);
	assert_int_equal(below(db, 1), 14);
}

/* What a query was asked with may be gone before its first row is read. */
static void a_query_keeps_its_values(void **state)
{
	struct db *db = *state;
	struct db_rows *rows;
	char text[] = "right";
	assert_int_equal(db_exec(db, NULL, "insert into thing(id, body) values (1, 'right'), (2, 'wrong')", ""), 0);
	assert_int_equal(db_query(db, &rows, "select id from thing where body=$1", "t", text), 0);
	memcpy(text, "wrong", sizeof text);
	assert_true(db_next(rows));
	assert_int_equal(db_i64(rows, 0), 1);
	assert_int_equal(db_done(rows), 0);
}

/* Text at one address that changes is not run as the text that stood there before. */
static void built_text_is_taken_as_it_stands(void **state)
{
	struct db *db = *state;
	char sql[64];
	struct db_rows *rows;
	for (int i = 0; i < 3; i++) {
		snprintf(sql, sizeof sql, "select %d, $1", i);
		assert_int_equal(db_query_built(db, &rows, sql, "i", (int64_t)5), 0);
		assert_true(db_next(rows));
		assert_int_equal(db_i64(rows, 0), i);
		assert_int_equal(db_i64(rows, 1), 5);
		assert_int_equal(db_done(rows), 0);
		int64_t same = -1;
		assert_int_equal(db_row(db, sql, "i", (int64_t)5, "in", &same), 0);
		assert_int_equal(same, i);
	}
}

static void a_snapshot_stands_still(void **state)
{
	struct db *db = *state, *reader = open_db(DB_READ);
	assert_int_equal(db_begin(reader), 0);
	assert_int_equal(count(reader), 0);
	assert_int_equal(insert(db, 1), 0);
	assert_int_equal(count(reader), 0);
	assert_int_equal(db_commit(reader), 0);
	assert_int_equal(count(reader), 1);
	db_close(reader);
}

static void text_sorts_by_bytes(void **state)
{
	struct db *db = *state;
	static const char *const texts[] = {"B", "a", "ă", "đ"};
	struct db_rows *rows;
	for (int64_t i = 3; i >= 0; i--)
		assert_int_equal(
		    db_exec(db, NULL, "insert into thing(id, body) values ($1, $2)", "it", i, texts[i]), 0);
	assert_int_equal(db_query(db, &rows, "select id from thing order by body", ""), 0);
	for (int i = 0; i < 4; i++) {
		assert_true(db_next(rows));
		assert_int_equal(db_i64(rows, 0), i);
	}
	assert_int_equal(db_done(rows), 0);
}

/* More statements than the cache began with. */
static void many_statements_are_kept(void **state)
{
	struct db *db = *state;
	static char sql[2000][24];
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 2000; i++) {
			int64_t n = -1;
			snprintf(sql[i], sizeof sql[i], "select %d", i);
			assert_int_equal(db_row(db, sql[i], "", "i", &n), 0);
			assert_int_equal(n, i);
		}
}

static void nothing_is_opened_that_is_not_there(void **state)
{
	struct db *db;
	struct err e = {0};
	(void)state;
	assert_int_equal(db_open(&db, "sqlite:/nowhere/khien.db", DB_CREATE, &e), -ENOENT);
	assert_int_equal(db_open(&db, "sqlite:/tmp/khien-no-such-file", DB_WRITE, NULL), -ENOENT);
	assert_int_not_equal(access("/tmp/khien-no-such-file", F_OK), 0);
	assert_int_equal(db_open(&db, "postgresql://nobody@/none?host=/nowhere", DB_WRITE, NULL), -ECONNREFUSED);
	assert_int_equal(db_open(&db, "mysql:x", DB_WRITE, NULL), -EINVAL);
	assert_true(strlen(e.text) > 0);
}

#define EACH(f) EACH_WITH(f, open_fresh, close_fresh)

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    EACH(every_value_comes_back),
	    EACH(null_is_null_and_empty_is_empty),
	    EACH(two_blobs_of_a_row_live_together),
	    EACH(a_sum_and_a_comparison_are_numbers),
	    EACH(what_both_speak),
	    EACH(exactly_one_row),
	    EACH(errors_have_their_codes),
	    EACH(a_reader_cannot_write),
	    EACH(nothing_runs_after_an_error),
	    EACH(what_is_sent_arrives_in_order),
	    EACH(what_is_sent_fails_by_the_end),
	    EACH(a_savepoint_undoes_alone),
	    EACH(what_is_owed_is_not_committed),
	    EACH(a_query_runs_inside_itself),
	    EACH(a_query_keeps_its_values),
	    EACH(built_text_is_taken_as_it_stands),
	    EACH(a_snapshot_stands_still),
	    EACH(text_sorts_by_bytes),
	    EACH(many_statements_are_kept),
	    EACH(nothing_is_opened_that_is_not_there),
	};
	return cmocka_run_group_tests_name(kind, cases, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
