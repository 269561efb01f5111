/* How much the store adds to its database: the same inserts through jobs and group commits, and by SQLite's own calls
 * with the same settings and as many a commit. Prints a median of several runs each, by wall clock and by processor
 * time of this process (PostgreSQL's own is not in it). */
#include "bounds.h"
#include "clock.h"
#include "store.h"

#include <semaphore.h>
#include <sqlite3.h>
#include <unistd.h>

enum { RUNS = 5, IN_FLIGHT = 512, GROUP = 256, STREAMS = 1000 };

static const char detection_sql[] =
    "insert into bench_detection(pos, stream_num, seq, event_id, at, received_at, engine, name, type, path_form, path, "
    "path_display, md5, sha256, device, action, request) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
static const char path[] =
    "/home/nguyen.van.a/Tải xuống/bao-cao-quy-2/phu-luc/Bảng tổng hợp số liệu phòng chống mã độc của các đơn vị "
    "trực thuộc (bản chính thức, đã ký số).xlsm";
static const char live_sql[] =
    "update bench_live set last_seen=$2, last_seen_real=$3, policy_version=$4 where machine_id=$1";

/* A load: what one job does, the text and rows of it. */
struct load {
	const char *name;
	int rows; /* a job */
	int jobs; /* a run */
	int (*through_store)(struct db *db, int64_t number, int rows);
	int (*raw)(sqlite3_stmt *h, int64_t number, int rows);
	const char *sql;
};

static int store_detections(struct db *db, int64_t job, int rows)
{
	static const unsigned char digest[32] = {1, 2, 3};
	int r = 0;
	for (int64_t pos = job * rows; pos < (job + 1) * rows && !r; pos++)
		r = db_send(db, detection_sql, "iiibiitttibtbbiit", pos, job % STREAMS, pos, (const void *)digest,
		    (size_t)8, pos, pos, "clamav", "Win.Trojan.Agent-1234567-0", "trojan", (int64_t)1,
		    (const void *)path, sizeof path - 1, path, (const void *)digest, (size_t)16, (const void *)digest,
		    (size_t)32, (int64_t)1, (int64_t)3, "5f2c1e9a7b3d4f60");
	return r;
}

static int raw_detection(sqlite3_stmt *h, int64_t pos, int rows)
{
	static const unsigned char digest[32] = {1, 2, 3};
	const int64_t numbers[] = {pos, pos / rows % STREAMS, pos};
	for (int i = 0; i < 3; i++)
		sqlite3_bind_int64(h, i + 1, numbers[i]);
	sqlite3_bind_blob(h, 4, digest, 8, SQLITE_STATIC);
	sqlite3_bind_int64(h, 5, pos);
	sqlite3_bind_int64(h, 6, pos);
	sqlite3_bind_text(h, 7, "clamav", -1, SQLITE_STATIC);
	sqlite3_bind_text(h, 8, "Win.Trojan.Agent-1234567-0", -1, SQLITE_STATIC);
	sqlite3_bind_text(h, 9, "trojan", -1, SQLITE_STATIC);
	sqlite3_bind_int64(h, 10, 1);
	sqlite3_bind_blob(h, 11, path, sizeof path - 1, SQLITE_STATIC);
	sqlite3_bind_text(h, 12, path, -1, SQLITE_STATIC);
	sqlite3_bind_blob(h, 13, digest, 16, SQLITE_STATIC);
	sqlite3_bind_blob(h, 14, digest, 32, SQLITE_STATIC);
	sqlite3_bind_int64(h, 15, 1);
	sqlite3_bind_int64(h, 16, 3);
	sqlite3_bind_text(h, 17, "5f2c1e9a7b3d4f60", -1, SQLITE_STATIC);
	return sqlite3_step(h) == SQLITE_DONE && sqlite3_reset(h) == SQLITE_OK ? 0 : -EIO;
}

static int store_seen(struct db *db, int64_t job, int rows)
{
	(void)rows;
	return db_exec(db, NULL, live_sql, "iiii", job % STREAMS, job, job, (int64_t)7);
}

static int raw_seen(sqlite3_stmt *h, int64_t job, int rows)
{
	(void)rows;
	sqlite3_bind_int64(h, 1, job % STREAMS);
	sqlite3_bind_int64(h, 2, job);
	sqlite3_bind_int64(h, 3, job);
	sqlite3_bind_int64(h, 4, 7);
	return sqlite3_step(h) == SQLITE_DONE && sqlite3_reset(h) == SQLITE_OK ? 0 : -EIO;
}

static const struct load loads[] = {
    {"detections, 100 a job", 100, 768, store_detections, raw_detection, detection_sql},
    {"detections, 1 a job", 1, 16384, store_detections, raw_detection, detection_sql},
    {"last seen, 1 a job", 1, 16384, store_seen, raw_seen, live_sql},
};

/* Of the shape of the tables of detections and of machines last seen. */
static const char tables[] =
    "create table bench_detection(pos {i} primary key, stream_num {i} not null, seq {i} not null, event_id {b} not "
    "null, "
    "at {i} not null, received_at {i} not null, engine text not null, name text not null, type text not null, "
    "path_form {i} not null, path {b} not null, path_display text not null, md5 {b}, sha256 {b}, device {i} not null, "
    "action {i} not null, request text not null)\n;\n"
    "create unique index bench_place on bench_detection(stream_num, seq)\n;\n"
    "create table bench_live(machine_id {i} primary key, last_seen {i} not null, last_seen_real {i} not null, "
    "branch {b} not null, state_hash {b} not null, policy_version {i} not null, address text not null)";

static int make_tables(struct db *db, void *arg)
{
	(void)arg;
	int r = db_script(db, tables);
	for (int64_t i = 0; i < STREAMS && !r; i++)
		r = db_exec(db, NULL,
		    "insert into bench_live(machine_id, last_seen, last_seen_real, branch, state_hash, policy_version, "
		    "address) "
		    "values ($1, 0, 0, $2, $2, 0, '10.20.30.40')",
		    "ib", i, (const void *)"0123456789abcdef", (size_t)16);
	return r;
}

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-store: %s: %s\n", what, why);
	exit(1);
}

struct run {
	const struct load *load;
	struct store *store;
	_Atomic int64_t next;
	int64_t total;
	sem_t ended;
	struct bench_job {
		struct run *run;
		int64_t number;
	} jobs[IN_FLIGHT];
};

static int run_job(struct db *db, void *arg)
{
	struct bench_job *job = arg;
	return job->run->load->through_store(db, job->number, job->run->load->rows);
}

static void job_done(void *arg, int r)
{
	struct bench_job *job = arg;
	if (r)
		die(job->run->load->name, strerror(-r));
	job->number = job->run->next++;
	if (job->number >= job->run->total)
		sem_post(&job->run->ended);
	else if ((r = store_write(job->run->store, run_job, job_done, job)) != 0)
		die(job->run->load->name, strerror(-r));
}

struct figure {
	double rows_s, rows_cpu_s;
};

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct figure run_store(struct store *s, const struct load *l, int64_t first)
{
	static struct run run;
	run.load = l;
	run.store = s;
	run.next = first + IN_FLIGHT;
	run.total = first + l->jobs;
	sem_init(&run.ended, 0, 0);
	int64_t start = clock_mono_us();
	double cpu = cpu_s();
	for (int i = 0; i < IN_FLIGHT; i++) {
		run.jobs[i] = (struct bench_job){&run, first + i};
		if (store_write(s, run_job, job_done, &run.jobs[i]))
			die(l->name, "refused");
	}
	for (int i = 0; i < IN_FLIGHT; i++)
		sem_wait(&run.ended);
	double rows = (double)l->rows * l->jobs;
	return (struct figure){rows * 1e6 / (double)(clock_mono_us() - start), rows / (cpu_s() - cpu)};
}

static struct figure run_raw(sqlite3 *h, const struct load *l, int64_t first)
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(h, l->sql, -1, &statement, NULL))
		die(l->name, sqlite3_errmsg(h));
	int64_t start = clock_mono_us();
	double cpu = cpu_s();
	for (int64_t job = first; job < first + l->jobs; job++) {
		if ((job - first) % GROUP == 0)
			sqlite3_exec(h, "begin immediate", NULL, NULL, NULL);
		for (int i = 0; i < l->rows; i++)
			if (l->raw(statement, job * l->rows + i, l->rows))
				die(l->name, sqlite3_errmsg(h));
		if ((job - first) % GROUP == GROUP - 1 || job == first + l->jobs - 1)
			if (sqlite3_exec(h, "commit", NULL, NULL, NULL))
				die(l->name, sqlite3_errmsg(h));
	}
	double rows = (double)l->rows * l->jobs;
	struct figure f = {rows * 1e6 / (double)(clock_mono_us() - start), rows / (cpu_s() - cpu)};
	sqlite3_finalize(statement);
	return f;
}

static int by_rows(const void *a, const void *b)
{
	const struct figure *x = a, *y = b;
	return x->rows_s < y->rows_s ? -1 : x->rows_s > y->rows_s;
}

static double print(const char *kind, const struct load *l, struct figure *figures, double raw)
{
	qsort(figures, RUNS, sizeof *figures, by_rows);
	const struct figure *m = &figures[RUNS / 2];
	printf("%-12s %-24s %9.0f rows/s %9.0f rows/cpu-s", kind, l->name, m->rows_s, m->rows_cpu_s);
	if (raw > 0)
		printf("   %.2f of raw SQLite", m->rows_s / raw);
	printf("\n");
	fflush(stdout);
	return m->rows_s;
}

static struct store *open_store(const char *where)
{
	struct store *s = NULL;
	struct err e = {0};
	struct store_config c = {.where = where, .readers = 1, .queue = 2 * IN_FLIGHT, .group = GROUP};
	if (store_create(where, &(struct store_birth){"Tỉnh", "tinh", 0}, &e) || store_open(&s, &c, &e))
		die(where, e.text);
	if (store_write_now(s, make_tables, NULL))
		die(where, "tables");
	return s;
}

static sqlite3 *open_raw(const char *file)
{
	sqlite3 *h;
	if (sqlite3_open(file, &h) ||
	    sqlite3_exec(h,
	        "pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on; pragma cache_size=-65536",
	        NULL, NULL, NULL))
		die(file, "open");
	return h;
}

static void measure(const char *kind, struct store *s, sqlite3 *raw, double *raw_rows)
{
	for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
		static int64_t first = 10;
		struct figure figures[RUNS];
		for (int k = 0; k < RUNS; k++, first += 1000000)
			figures[k] = raw ? run_raw(raw, &loads[i], first) : run_store(s, &loads[i], first);
		double rows = print(kind, &loads[i], figures, raw ? 0 : raw_rows[i]);
		if (raw)
			raw_rows[i] = rows;
	}
}

int main(int argc, char **argv)
{
	double raw_rows[sizeof loads / sizeof loads[0]];
	char where[512], raw_file[512];
	if (argc != 2)
		die("usage", "bench-store FOLDER (empty; KHIEN_TEST_PG names a PostgreSQL to measure as well)");
	snprintf(where, sizeof where, "sqlite:%s/raw.db", argv[1]);
	snprintf(raw_file, sizeof raw_file, "%s/raw.db", argv[1]);
	store_close(open_store(where));
	sqlite3 *raw = open_raw(raw_file);
	measure("raw SQLite", NULL, raw, raw_rows);
	sqlite3_close(raw);
	snprintf(where, sizeof where, "sqlite:%s/store.db", argv[1]);
	struct store *s = open_store(where);
	measure("SQLite", s, NULL, raw_rows);
	store_close(s);
	if (getenv("KHIEN_TEST_PG")) {
		s = open_store(getenv("KHIEN_TEST_PG"));
		measure("PostgreSQL", s, NULL, raw_rows);
		store_close(s);
	}
	return 0;
}
