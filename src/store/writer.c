#include "writer.h"

struct transaction {
	struct db *db;
	int (*prepare)(void *arg, struct db *db);
	void *arg;
};

static int begin(const struct transaction *t)
{
	int r = db_begin(t->db);
	if (r)
		return r;
	r = t->prepare(t->arg, t->db);
	if (r)
		db_rollback(t->db);
	return r;
}

/* The job in the transaction that has begun, with no other. */
static int finish_alone(struct db *db, struct job *job)
{
	job->r = job->run(db, job->arg);
	if (!job->r) {
		job->r = db_commit(db);
		return job->r;
	}
	int again = db_failure(db) == -EBUSY ? -EBUSY : 0;
	db_rollback(db);
	return again;
}

/* -EBUSY: the database asks for another try. */
static int write_alone(const struct transaction *t, struct job *job)
{
	enum { TRIES = 3 };
	int r = -EBUSY;
	for (int i = 0; i < TRIES && r == -EBUSY; i++) {
		r = begin(t);
		if (r) { /* it has waited for the lock long enough */
			job->r = r;
			return r;
		}
		r = finish_alone(t->db, job);
	}
	return 0;
}

static int write_each(const struct transaction *t, struct job *jobs, int n)
{
	int r = 0, commits = 0;
	for (int i = 0; i < n; i++) {
		if (r) /* no transaction to be had: the rest need not wait as long */
			jobs[i].r = r;
		else
			r = write_alone(t, &jobs[i]);
		commits += !jobs[i].r;
	}
	return commits;
}

/* A job among others. Returns what ends the whole group: a savepoint that could not be kept, or a lock to wait for. */
static int write_among(struct db *db, struct job *job)
{
	int r = db_savepoint(db);
	if (r)
		return r;
	job->r = job->run(db, job->arg);
	if (!job->r)
		job->r = db_release_savepoint(db);
	if (!job->r)
		return 0;
	bool busy = db_failure(db) == -EBUSY;
	r = db_rollback_savepoint(db);
	return busy ? -EBUSY : r;
}

/* The group in the transaction that has begun, a savepoint each. */
static int finish_among(struct db *db, struct job *jobs, int n)
{
	int r = 0;
	for (int i = 0; i < n && !r; i++)
		r = write_among(db, &jobs[i]);
	if (!r)
		return db_commit(db);
	db_rollback(db);
	return r;
}

/* The group without savepoints, which cost more than most jobs. -ECANCELED: a job failed that had written something;
 * nothing stands, and the group must be run with them. */
static int finish_trusting(struct db *db, struct job *jobs, int n)
{
	bool good = true;
	for (int i = 0; i < n && good; i++) {
		db_mark(db);
		jobs[i].r = jobs[i].run(db, jobs[i].arg);
		good = jobs[i].r ? db_unchanged(db) : !db_owes(db);
	}
	if (good && !db_settle(db))
		return db_commit(db);
	db_rollback(db);
	return -ECANCELED;
}

static int write_each_or_fail(const struct transaction *t, struct job *jobs, int n, int r)
{
	if (r == -EBUSY)
		return write_each(t, jobs, n);
	for (int i = 0; i < n && r; i++)
		if (!jobs[i].r)
			jobs[i].r = r;
	return !r;
}

static void forget(struct job *jobs, int n)
{
	for (int i = 0; i < n; i++)
		jobs[i].r = 0;
}

static void fail_all(struct job *jobs, int n, int r)
{
	for (int i = 0; i < n; i++)
		jobs[i].r = r;
}

int write_group(struct writing *w, struct job *jobs, int n)
{
	enum { CAREFUL_GROUPS = 16 };
	struct transaction t = {w->db, w->prepare, w->arg};
	if (n == 1)
		return write_each(&t, jobs, n);
	int r = begin(&t), finished = -ECANCELED;
	if (!r && !w->careful) {
		finished = finish_trusting(w->db, jobs, n);
		if (finished == -ECANCELED) { /* where one fails others will */
			w->careful = CAREFUL_GROUPS;
			forget(jobs, n);
			r = begin(&t);
		}
	}
	if (r) {
		fail_all(jobs, n, r);
		return 0;
	}
	if (finished == -ECANCELED) {
		w->careful--;
		finished = finish_among(w->db, jobs, n);
	}
	return write_each_or_fail(&t, jobs, n, finished);
}
