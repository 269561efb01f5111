#include "store_fixture.h"

#include "rnd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 50, IN_FLIGHT = 32, ROWS = 3 };

static int insert_rows(struct db *db, void *arg)
{
	int r = 0;
	for (int64_t i = 0; i < ROWS && !r; i++)
		r = db_exec(db, NULL, "insert into thing(id, part) values ($1, $2)", "ii", *(int64_t *)arg, i);
	return r;
}

/* The process that will be killed: writes without end, and says through the pipe what was acknowledged. */
struct victim {
	struct store *store;
	int acknowledged; /* the pipe */
	_Atomic int64_t next;
	struct victim_job {
		struct victim *victim;
		int64_t id;
	} jobs[IN_FLIGHT];
};

static int write_job(struct db *db, void *arg)
{
	struct victim_job *job = arg;
	return insert_rows(db, &job->id);
}

static void acknowledge(void *arg, int r)
{
	struct victim_job *job = arg;
	if (r || write(job->victim->acknowledged, &job->id, sizeof job->id) != sizeof job->id)
		_exit(3);
	job->id = job->victim->next++;
	if (store_write(job->victim->store, write_job, acknowledge, job))
		_exit(4);
}

static _Noreturn void be_victim(int pipe, int64_t first)
{
	static struct victim v;
	v.acknowledged = pipe;
	v.store = fixture_open();
	v.next = first;
	for (int i = 0; i < IN_FLIGHT; i++) {
		v.jobs[i] = (struct victim_job){&v, v.next++};
		if (store_write(v.store, write_job, acknowledge, &v.jobs[i]))
			_exit(5);
	}
	for (;;)
		pause();
}

/* Reads acknowledgements until the pipe ends; kills the process at a moment of its own choosing after the first. */
static int64_t kill_and_collect(pid_t child, int pipe, int64_t *acknowledged, size_t max)
{
	size_t n = 0;
	int64_t id;
	uint16_t when;
	rnd_bytes(&when, sizeof when);
	while (read(pipe, &id, sizeof id) == sizeof id && n < max) {
		acknowledged[n++] = id;
		if (n == 1 + when % 200u)
			kill(child, SIGKILL);
	}
	kill(child, SIGKILL);
	return (int64_t)n;
}

static int64_t one_round(int64_t first, int64_t *acknowledged, size_t max)
{
	int ends[2], status;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child)
		be_victim(ends[1], first);
	close(ends[1]);
	int64_t n = kill_and_collect(child, ends[0], acknowledged, max);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(n > 0);
	return n;
}

static struct db *open_db(void)
{
	struct db *db = NULL;
	struct err e = {0};
	if (db_open(&db, fixture_where(), DB_READ, &e))
		fail_msg("%s", e.text);
	return db;
}

static void nothing_acknowledged_is_lost_by_a_kill(void **state)
{
	static int64_t acknowledged[100000];
	int64_t first = 1, all = 0;
	fixture_sql(*state, "create table thing(id {i} not null, part {i} not null, primary key(id, part))");
	store_close(*state);
	*state = NULL;
	for (int round = 0; round < ROUNDS; round++) {
		int64_t n = one_round(first, acknowledged, sizeof acknowledged / sizeof acknowledged[0]), last = 0,
		        halves = 0;
		struct db *db = open_db();
		for (int64_t i = 0; i < n; i++) {
			int64_t rows = 0;
			assert_int_equal(
			    db_row(db, "select count(*) from thing where id=$1", "i", acknowledged[i], "i", &rows), 0);
			assert_int_equal(rows, ROWS);
		}
		assert_int_equal(db_row(db, "select max(id) from thing", "", "i", &last), 0);
		assert_int_equal(
		    db_row(db, "select count(*) from (select id from thing group by id having count(*)<>$1) as halves",
		        "i", (int64_t)ROWS, "i", &halves),
		    0);
		assert_int_equal(halves, 0);
		db_close(db);
		first = last + IN_FLIGHT + 1;
		all += n;
	}
	print_message("%d kills, %d acknowledged\n", ROUNDS, (int)all);
	*state = fixture_open();
}

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    EACH_WITH(nothing_acknowledged_is_lost_by_a_kill, fixture_store, fixture_close),
	};
	return cmocka_run_group_tests_name(kind, cases, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
