#include "store.h"

#include "clock.h"
#include "ids.h"
#include "job_queue.h"
#include "migrations.h"
#include "schema.h"
#include "str.h"
#include "writer.h"

#include <stdatomic.h>

struct reader {
	struct store *store;
	struct db *db;
	pthread_t thread;
	bool runs;
};

struct store {
	int group, readers_n;
	bool simulation;
	char epoch[ID_TEXT];
	struct job_queue writes, reads;
	struct job *jobs; /* the writer's group */
	struct db *db;    /* the writer's */
	pthread_t writer;
	bool writer_runs;
	struct reader *readers;
	struct reader pulse;
	pthread_mutex_t pulse_lock;
	pthread_cond_t pulse_end;
	bool pulse_ends;
	int64_t pulse_n;
	void (*wake)(void *arg, int64_t pulse);
	void *wake_arg;
	_Atomic int64_t commits, done, failed, commit_us;
};

static void advance_clock(int64_t us)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock); /* an older snapshot must not take back what a newer one has said */
	if (!clock_simulated() || us > clock_business_us())
		clock_simulate(us);
	pthread_mutex_unlock(&lock);
}

/* The beginning of every transaction of a simulation: its time. */
static int read_clock(void *arg, struct db *db)
{
	struct store *s = arg;
	int64_t us = 0;
	int r = s->simulation ? db_row(db, "select now_us from sim_clock where id=1", "", "i", &us) : 0;
	if (us)
		advance_clock(us);
	return r;
}

static void report_done(struct store *s, const struct job *job)
{
	atomic_fetch_add_explicit(&s->done, 1, memory_order_relaxed);
	if (job->r)
		atomic_fetch_add_explicit(&s->failed, 1, memory_order_relaxed);
	job->done(job->arg, job->r);
}

static void *writer_thread(void *arg)
{
	struct store *s = arg;
	struct writing w = {.db = s->db, .prepare = read_clock, .arg = s};
	int n;
	while ((n = job_queue_take(&s->writes, s->jobs, s->group)) > 0) {
		int64_t start = clock_mono_us();
		int commits = write_group(&w, s->jobs, n);
		atomic_fetch_add_explicit(&s->commits, commits, memory_order_relaxed);
		atomic_fetch_add_explicit(&s->commit_us, clock_mono_us() - start, memory_order_relaxed);
		if (commits)
			read_clock(
			    s, s->db); /* whoever moved it finds it moved; the next transaction reads it anyway */
		for (int i = 0; i < n; i++)
			report_done(s, &s->jobs[i]);
	}
	return NULL;
}

static int read_one(struct store *s, struct db *db, store_run run, void *arg)
{
	int r = db_begin(db);
	if (r)
		return r;
	r = read_clock(s, db);
	if (!r)
		r = run(db, arg);
	if (!r)
		return db_commit(db);
	db_rollback(db);
	return r;
}

static void *reader_thread(void *arg)
{
	struct reader *reader = arg;
	struct job job;
	while (job_queue_take(&reader->store->reads, &job, 1) > 0) {
		job.r = read_one(reader->store, reader->db, job.run, job.arg);
		report_done(reader->store, &job);
	}
	return NULL;
}

static int read_pulse(struct db *db, void *arg)
{
	return db_row(db, "select n from pulse where id=1", "", "i", (int64_t *)arg);
}

/* Waits for the next look at the pulse; false: the store ends. */
static bool pulse_waits(struct store *s)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += STORE_PULSE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&s->pulse_lock);
	int r = 0;
	while (!s->pulse_ends && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&s->pulse_end, &s->pulse_lock, &until);
	bool goes_on = !s->pulse_ends;
	pthread_mutex_unlock(&s->pulse_lock);
	return goes_on;
}

static void *pulse_thread(void *arg)
{
	struct store *s = arg;
	while (pulse_waits(s)) {
		int64_t n = s->pulse_n;
		if (read_one(s, s->pulse.db, read_pulse, &n) || n == s->pulse_n)
			continue;
		s->pulse_n = n;
		pthread_mutex_lock(&s->pulse_lock);
		if (s->wake)
			s->wake(s->wake_arg, n);
		pthread_mutex_unlock(&s->pulse_lock);
	}
	return NULL;
}

void store_on_pulse(struct store *s, void (*wake)(void *arg, int64_t pulse), void *arg)
{
	pthread_mutex_lock(&s->pulse_lock);
	s->wake = wake;
	s->wake_arg = arg;
	pthread_mutex_unlock(&s->pulse_lock);
}

int store_beat(struct db *db)
{
	return db_exec(db, NULL, "update pulse set n=n+1 where id=1", "");
}

int store_move_clock(struct db *db, int64_t to_us)
{
	int64_t changed = 0;
	int r = db_exec(db, &changed, "update sim_clock set now_us=$1 where id=1 and now_us<=$1", "i", to_us);
	if (!r && !changed)
		r = -EPERM;
	return r ? r : store_beat(db);
}

int store_create(const char *where, const struct store_birth *birth, struct err *e)
{
	struct db *db;
	int r = db_open(&db, where, DB_CREATE, e);
	if (r)
		return r;
	r = schema_create(db, birth, e);
	db_close(db);
	return r;
}

/* What the store says about itself, and the pulse from which watching begins. */
static int read_self(struct db *db, void *arg)
{
	struct store *s = arg;
	int64_t us = 0;
	int r = db_row(db, "select now_us from sim_clock where id=1", "", "i", &us);
	s->simulation = r == 0;
	if (us)
		clock_simulate(us);
	if (!r || r == -ENOENT)
		r = schema_meta(db, "epoch", s->epoch, sizeof s->epoch);
	return r ? r : read_pulse(db, &s->pulse_n);
}

static int open_reader(struct store *s, struct reader *reader, const char *where, struct err *e)
{
	reader->store = s;
	return db_open(&reader->db, where, DB_READ, e);
}

static int open_all(struct store *s, const struct store_config *c, struct err *e)
{
	int r = db_open(&s->db, c->where, DB_WRITE, e);
	if (!r)
		r = schema_migrate(s->db, migrations, migrations_n, e);
	if (!r)
		r = open_reader(s, &s->pulse, c->where, e);
	for (int i = 0; i < s->readers_n && !r; i++)
		r = open_reader(s, &s->readers[i], c->where, e);
	if (r)
		return r;
	r = read_one(s, s->pulse.db, read_self, s);
	return r ? err_set(e, r, "the store cannot be read: %s", db_error(s->pulse.db)) : 0;
}

static int start(pthread_t *thread, bool *runs, void *(*body)(void *), void *arg)
{
	int r = -pthread_create(thread, NULL, body, arg);
	*runs = !r;
	return r;
}

static int start_all(struct store *s)
{
	int r = start(&s->writer, &s->writer_runs, writer_thread, s);
	if (!r)
		r = start(&s->pulse.thread, &s->pulse.runs, pulse_thread, s);
	for (int i = 0; i < s->readers_n && !r; i++)
		r = start(&s->readers[i].thread, &s->readers[i].runs, reader_thread, &s->readers[i]);
	return r;
}

static int allocate(struct store **ret, const struct store_config *c)
{
	if (c->readers < 1 || c->queue < 1 || c->group < 1)
		return -EINVAL;
	struct store *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->pulse_lock, NULL);
	pthread_cond_init(&s->pulse_end, &monotonic);
	pthread_condattr_destroy(&monotonic);
	s->group = c->group;
	s->readers_n = c->readers;
	s->readers = calloc((size_t)c->readers, sizeof *s->readers);
	s->jobs = calloc((size_t)c->group, sizeof *s->jobs);
	int r = s->readers && s->jobs ? 0 : -ENOMEM;
	if (!r)
		r = job_queue_init(&s->writes, c->queue);
	if (!r)
		r = job_queue_init(&s->reads, c->queue);
	if (r)
		store_close(s);
	else
		*ret = s;
	return r;
}

int store_open(struct store **ret, const struct store_config *c, struct err *e)
{
	struct store *s;
	int r = allocate(&s, c);
	if (r)
		return err_set(e, r, "the store cannot be set up: %s", strerror(-r));
	r = open_all(s, c, e);
	if (!r) {
		r = start_all(s);
		if (r)
			err_set(e, r, "a thread cannot be started: %s", strerror(-r));
	}
	if (r) {
		store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void end_threads(struct store *s)
{
	if (s->writes.ring)
		job_queue_close(&s->writes);
	if (s->reads.ring)
		job_queue_close(&s->reads);
	pthread_mutex_lock(&s->pulse_lock);
	s->pulse_ends = true;
	pthread_cond_signal(&s->pulse_end);
	pthread_mutex_unlock(&s->pulse_lock);
	if (s->writer_runs)
		pthread_join(s->writer, NULL);
	if (s->pulse.runs)
		pthread_join(s->pulse.thread, NULL);
	for (int i = 0; s->readers && i < s->readers_n; i++)
		if (s->readers[i].runs)
			pthread_join(s->readers[i].thread, NULL);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	end_threads(s);
	for (int i = 0; s->readers && i < s->readers_n; i++)
		db_close(s->readers[i].db);
	db_close(s->pulse.db);
	db_close(s->db); /* last: SQLite writes its log back when the last connection goes */
	job_queue_release(&s->writes);
	job_queue_release(&s->reads);
	pthread_cond_destroy(&s->pulse_end);
	pthread_mutex_destroy(&s->pulse_lock);
	free(s->readers);
	free(s->jobs);
	free(s);
}

int store_write(struct store *s, store_run run, store_done done, void *arg)
{
	return job_queue_put(&s->writes, &(struct job){run, done, arg, 0});
}

int store_read(struct store *s, store_run run, store_done done, void *arg)
{
	return job_queue_put(&s->reads, &(struct job){run, done, arg, 0});
}

/* A caller that waits. */
struct waiter {
	store_run run;
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
	int r;
};

static int waiter_run(struct db *db, void *arg)
{
	struct waiter *w = arg;
	return w->run(db, w->arg);
}

static void waiter_done(void *arg, int r)
{
	struct waiter *w = arg;
	pthread_mutex_lock(&w->lock);
	w->r = r;
	w->done = true;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
}

static int put_and_wait(struct job_queue *q, store_run run, void *arg)
{
	struct waiter w = {run, arg, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
	int r = job_queue_put(q, &(struct job){waiter_run, waiter_done, &w, 0});
	if (r)
		return r;
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.ended, &w.lock);
	pthread_mutex_unlock(&w.lock);
	pthread_cond_destroy(&w.ended);
	pthread_mutex_destroy(&w.lock);
	return w.r;
}

int store_write_now(struct store *s, store_run run, void *arg)
{
	return put_and_wait(&s->writes, run, arg);
}

int store_read_now(struct store *s, store_run run, void *arg)
{
	return put_and_wait(&s->reads, run, arg);
}

bool store_is_simulation(struct store *s)
{
	return s->simulation;
}

void store_epoch(struct store *s, char dst[ID_TEXT])
{
	memcpy(dst, s->epoch, sizeof s->epoch);
}

void store_get_stats(struct store *s, struct store_stats *ret)
{
	*ret = (struct store_stats){
	    .commits = atomic_load(&s->commits),
	    .jobs = atomic_load(&s->done),
	    .failed = atomic_load(&s->failed),
	    .commit_us = atomic_load(&s->commit_us),
	};
	job_queue_count(&s->writes, &ret->waiting, &ret->refused);
	job_queue_count(&s->reads, &ret->waiting, &ret->refused);
}
