#include "store_fixture.h"

#include "faulty_vfs.h"

#include <semaphore.h>
#include <sqlite3.h>

enum { JOBS = 40, ROWS = 3, FILLER = 900 };

struct write {
	int64_t id;
	int r;
	_Atomic int dones;
	bool synced; /* when it was acknowledged */
	sem_t *ended;
};

static int insert_rows(struct db *db, void *arg)
{
	struct write *w = arg;
	static char filler[FILLER];
	int r = 0;
	memset(filler, 'x', sizeof filler - 1);
	for (int64_t i = 0; i < ROWS && !r; i++)
		r = db_exec(db, NULL, "insert into thing(id, part, body) values ($1, $2, $3)", "iit", w->id, i, filler);
	return r;
}

static void note_end(void *arg, int r)
{
	struct write *w = arg;
	w->r = r;
	w->synced = faulty_vfs_log_synced();
	w->dones++;
	sem_post(w->ended);
}

static void write_all(struct store *s, struct write *writes, int64_t first)
{
	sem_t ended;
	sem_init(&ended, 0, 0);
	for (int i = 0; i < JOBS; i++) {
		writes[i] = (struct write){.id = first + i, .ended = &ended};
		assert_int_equal(store_write(s, insert_rows, note_end, &writes[i]), 0);
	}
	for (int i = 0; i < JOBS; i++)
		sem_wait(&ended);
	sem_destroy(&ended);
}

/* What was acknowledged is there, whole; what was not is not there at all. */
static void assert_kept(struct store *s, const struct write *writes)
{
	for (int i = 0; i < JOBS; i++) {
		char sql[80];
		snprintf(sql, sizeof sql, "select count(*) from thing where id=%d", (int)writes[i].id);
		assert_int_equal(fixture_number(s, sql), writes[i].r ? 0 : ROWS);
		assert_int_equal(writes[i].dones, 1);
		assert_true(writes[i].r || writes[i].synced);
	}
}

static int integrity(struct db *db, void *arg)
{
	char answer[64];
	(void)arg;
	int r = db_row(db, "pragma integrity_check", "", "T", answer, sizeof answer);
	return r ? r : strcmp(answer, "ok") == 0 ? 0 : -EBADMSG;
}

static int open_with_table(void **state)
{
	fixture_store(state);
	fixture_sql(*state,
	    "create table thing(id {i} not null, part {i} not null, body text not null, primary key(id, part))");
	return 0;
}

struct fault {
	enum fault_call call;
	int rc, code;
	bool lasting;
};

/* One fault at the n-th call: everything that was said holds, now and after opening again, and the store works on.
 * False: there were not so many calls. */
static bool strike(void **state, const struct fault *f, int n, int64_t *id)
{
	static struct write writes[JOBS];
	faulty_vfs_plan(f->call, n, f->rc, f->lasting);
	write_all(*state, writes, *id);
	bool struck = faulty_vfs_struck();
	faulty_vfs_heal();
	for (int i = 0; i < JOBS; i++)
		assert_true(writes[i].r == 0 || (struck && writes[i].r == f->code));
	assert_kept(*state, writes);
	store_close(*state);
	*state = fixture_open();
	assert_kept(*state, writes);
	assert_int_equal(store_read_now(*state, integrity, NULL), 0);
	*id += JOBS;
	return struck;
}

static void strike_everywhere(void **state, const struct fault *f)
{
	int64_t id = 1;
	int n = 0, failed = 0;
	while (strike(state, f, n, &id)) {
		n += n < 10 ? 1 : 7; /* the first calls each, then here and there */
		failed++;
	}
	print_message("%d strikes\n", failed);
	assert_true(failed > 0);
}

static void a_full_disk(void **state)
{
	strike_everywhere(state, &(struct fault){FAULT_WRITE, SQLITE_FULL, -ENOSPC, false});
}

static void a_disk_that_stays_full(void **state)
{
	strike_everywhere(state, &(struct fault){FAULT_WRITE, SQLITE_FULL, -ENOSPC, true});
}

static void a_write_error(void **state)
{
	strike_everywhere(state, &(struct fault){FAULT_WRITE, SQLITE_IOERR_WRITE, -EIO, false});
}

static void a_disk_that_stays_broken(void **state)
{
	strike_everywhere(state, &(struct fault){FAULT_WRITE, SQLITE_IOERR_WRITE, -EIO, true});
}

static void a_sync_error(void **state)
{
	strike_everywhere(state, &(struct fault){FAULT_SYNC, SQLITE_IOERR_FSYNC, -EIO, false});
}

static void a_disk_that_does_not_sync(void **state)
{
	strike_everywhere(state, &(struct fault){FAULT_SYNC, SQLITE_IOERR_FSYNC, -EIO, true});
}

static void all_is_synced_before_it_is_acknowledged(void **state)
{
	struct write writes[JOBS];
	for (int64_t i = 0; i < 20; i++) {
		write_all(*state, writes, 1 + i * JOBS);
		for (int k = 0; k < JOBS; k++) {
			assert_int_equal(writes[k].r, 0);
			assert_true(writes[k].synced);
		}
	}
}

#define EACH(f) EACH_WITH(f, open_with_table, fixture_close)

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    EACH(all_is_synced_before_it_is_acknowledged),
	    EACH(a_full_disk),
	    EACH(a_disk_that_stays_full),
	    EACH(a_write_error),
	    EACH(a_disk_that_stays_broken),
	    EACH(a_sync_error),
	    EACH(a_disk_that_does_not_sync),
	};
	faulty_vfs_register();
	return cmocka_run_group_tests_name(kind, cases, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
