#include "pool_int.h"
#include "bounds.h"
#include "clock.h"
#include "pool_messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_PAUSE_US = 100000, LAST_PAUSE_US = 10000000, BUSY_PAUSE_US = 50000 };

int pool_new(const struct pool_config *config, struct pool **ret)
{
	if (!config->max_workers || config->max_workers > POOL_MAX_WORKERS)
		return -EINVAL;
	struct pool *p = calloc(1, sizeof *p);
	struct pool_worker *workers = calloc(config->max_workers, sizeof *workers);
	if (!p || !workers) {
		free(p);
		free(workers);
		return -ENOMEM;
	}
	p->config = *config;
	p->workers = workers;
	p->out = BUF_INIT(MAX_IPC_MESSAGE);
	p->pause_us = FIRST_PAUSE_US;
	for (size_t i = 0; i < config->max_workers; i++)
		workers[i] = (struct pool_worker){.pidfd = -1, .life = -1};
	pool_list_init(&p->waiting);
	pool_list_init(&p->told);
	*ret = p;
	return 0;
}

static void drop_all(struct pool_list *l)
{
	struct pool_job *j;
	while ((j = pool_list_take(l)))
		pool_job_free(j);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->config.max_workers; i++) {
		pool_job_free(p->workers[i].job);
		pool_worker_close(&p->workers[i]);
	}
	drop_all(&p->waiting);
	drop_all(&p->told);
	pool_memory_clear(&p->memory);
	buf_release(&p->out);
	free(p->workers);
	free(p);
}

/* ---- workers come ---- */

static struct pool_worker *free_place(struct pool *p)
{
	for (size_t i = 0; i < p->config.max_workers; i++)
		if (!p->workers[i].channel)
			return &p->workers[i];
	return NULL;
}

static void refuse(struct pool *p, int why)
{
	p->stats.last_refusal = why;
	p->ask_at_us = clock_mono_us() + p->pause_us;
	p->pause_us = p->pause_us * 2 < LAST_PAUSE_US ? p->pause_us * 2 : LAST_PAUSE_US;
}

static void answered(struct pool *p)
{
	if (p->stats.asked_for)
		p->stats.asked_for--;
}

void pool_no_worker(struct pool *p, int why)
{
	answered(p);
	refuse(p, why);
}

int pool_add_worker(struct pool *p, const struct pool_worker_ends *ends)
{
	struct pool_worker *w = free_place(p);
	struct ipc_channel *channel = NULL;
	int r = w ? ipc_channel_new(ends->channel, &channel) : -ENOSPC;
	answered(p);
	if (r) {
		const int fds[] = {ends->channel, ends->pidfd, ends->life};
		for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		refuse(p, r);
		return r;
	}
	*w = (struct pool_worker){.channel = channel,
	    .pidfd = ends->pidfd,
	    .life = ends->life,
	    .pid = ends->pid,
	    .idle_since_us = clock_mono_us(),
	    .added_us = clock_mono_us()};
	p->pause_us = FIRST_PAUSE_US;
	p->stats.last_refusal = 0;
	if (pool_worker_shun_all(p, w))
		pool_worker_close(w); /* dead already: another is asked for */
	return 0;
}

static size_t count(const struct pool *p, bool busy)
{
	size_t n = 0;
	for (size_t i = 0; i < p->config.max_workers; i++)
		n += p->workers[i].channel && (!busy || p->workers[i].job);
	return n;
}

static size_t wanted(const struct pool *p)
{
	size_t n = count(p, true) + p->waiting.n;
	if (n < p->config.min_workers)
		n = p->config.min_workers;
	return n < p->config.max_workers ? n : p->config.max_workers;
}

static bool lacks_workers(const struct pool *p)
{
	return count(p, false) + p->stats.asked_for < wanted(p);
}

static void ask_for_workers(struct pool *p, int64_t now)
{
	while (now >= p->ask_at_us && lacks_workers(p)) {
		int r = p->config.want_worker(p->config.arg);
		if (r < 0) {
			refuse(p, r);
			return;
		}
		p->stats.asked_for++;
	}
}

/* ---- jobs come ---- */

static void hand_out(struct pool *p, int64_t now);

static struct pool_job *new_job(struct pool *p)
{
	struct pool_job *j = calloc(1, sizeof *j);
	if (j) {
		j->id = ++p->next_id;
		j->waits_since_us = clock_mono_us();
	}
	return j;
}

int pool_submit(struct pool *p, const struct scan_job *job)
{
	struct stat st;
	if (fstat(job->fd, &st) < 0)
		return -errno;
	if (p->waiting.n + p->told.n >= p->config.max_queue)
		return -EAGAIN;
	struct pool_job *j = new_job(p);
	if (!j)
		return -ENOMEM;
	j->job = *job;
	j->file = pool_file_of(&st);
	j->result.size = st.st_size;
	p->stats.jobs++;
	const struct pool_memory_entry *e = pool_memory_find(&p->memory, &j->file);
	if (!e) {
		pool_list_add(&p->waiting, j);
		hand_out(p, j->waits_since_us);
		return 0;
	}
	if (e->has_sha256) {
		j->result.digests = SCAN_HAS_SHA256;
		memcpy(j->result.sha256, e->sha256, sizeof e->sha256);
	}
	pool_give_up(p, j, e->reason);
	return 0;
}

int pool_check(struct pool *p, pool_check_fn *done, void *arg)
{
	if (p->checking)
		return -EALREADY;
	struct pool_job *j = new_job(p);
	if (!j)
		return -ENOMEM;
	j->job = (struct scan_job){.fd = -1, .arg = arg};
	j->check = done;
	p->checking = true;
	pool_list_add_first(&p->waiting, j);
	return 0;
}

static void cancel_in(struct pool_list *l, const void *arg)
{
	for (struct pool_job *j = l->first; j; j = j->next)
		if (j->job.arg == arg && !j->check)
			j->cancelled = true;
}

void pool_cancel(struct pool *p, const void *arg)
{
	cancel_in(&p->waiting, arg);
	cancel_in(&p->told, arg);
	for (size_t i = 0; i < p->config.max_workers; i++) {
		struct pool_job *j = p->workers[i].job;
		if (j && j->job.arg == arg && !j->check)
			j->cancelled = true;
	}
}

void pool_forget(struct pool *p)
{
	pool_memory_clear(&p->memory);
}

void pool_renew(struct pool *p)
{
	for (size_t i = 0; i < p->config.max_workers; i++) {
		struct pool_worker *w = &p->workers[i];
		w->retires = true;
		if (w->channel && !w->job)
			pool_worker_close(w);
	}
}

/* One that cannot be told must not judge by the old list. */
void pool_set_allow(struct pool *p, int fd)
{
	for (size_t i = 0; i < p->config.max_workers; i++) {
		struct pool_worker *w = &p->workers[i];
		if (!w->channel || pool_worker_allow(p, w, fd) == 0)
			continue;
		w->retires = true;
		if (!w->job)
			pool_worker_close(w);
	}
}

/* ---- and go ---- */

void pool_settle(struct pool *p, struct pool_job *j)
{
	pool_list_add(&p->told, j);
}

void pool_give_up(struct pool *p, struct pool_job *j, enum scan_reason reason)
{
	j->result.verdict = SCAN_NOT_SCANNED;
	j->result.reason = reason;
	pool_settle(p, j);
}

/* Whoever is told may hand in the next job. */
static void tell_one(struct pool *p, struct pool_job *j)
{
	if (j->check) {
		p->checking = false;
		j->check(j->job.arg, j->states);
	} else if (!j->cancelled) {
		j->job.done(j->job.arg, &j->result);
	}
	pool_job_free(j);
}

static void tell(struct pool *p)
{
	struct pool_job *j;
	while ((j = pool_list_take(&p->told)))
		tell_one(p, j);
}

static struct pool_worker *idle_worker(struct pool *p)
{
	for (size_t i = 0; i < p->config.max_workers; i++)
		if (p->workers[i].channel && !p->workers[i].job)
			return &p->workers[i];
	return NULL;
}

static void hand_out(struct pool *p, int64_t now)
{
	struct pool_worker *w;
	while (p->waiting.n && (w = idle_worker(p))) {
		struct pool_job *j = pool_list_take(&p->waiting);
		if (j->cancelled) {
			pool_job_free(j);
		} else if (!pool_worker_hand(p, w, j, now)) {
			pool_list_add_first(&p->waiting, j);
			if (w->channel)
				return; /* we are short of something, not the worker */
		}
	}
}

static bool is_out_of_patience(const struct pool *p, const struct pool_job *j, int64_t now)
{
	return now - j->waits_since_us >= p->config.patience_ms * 1000;
}

static void give_up_waiting(struct pool *p, int64_t now)
{
	while (p->waiting.first && is_out_of_patience(p, p->waiting.first, now))
		pool_give_up(p, pool_list_take(&p->waiting), SCAN_BUSY);
}

static void look_at_times(struct pool *p, int64_t now)
{
	size_t n = count(p, false);
	for (size_t i = 0; i < p->config.max_workers; i++) {
		struct pool_worker *w = &p->workers[i];
		if (w->job && now >= w->until_us) {
			pool_worker_late(p, w);
		} else if (w->channel && !w->job && n > p->config.min_workers &&
		           now - w->idle_since_us >= p->config.idle_ms * 1000) {
			pool_worker_close(w);
			n--;
		}
	}
}

size_t pool_fill(const struct pool *p, struct pollfd *fds)
{
	for (size_t i = 0; i < p->config.max_workers; i++) {
		const struct ipc_channel *c = p->workers[i].channel;
		fds[i] = (struct pollfd){.fd = -1};
		if (c)
			fds[i] = (struct pollfd){.fd = ipc_channel_fd(c),
			    .events = (short)(POLLIN | (ipc_channel_wants_write(c) ? POLLOUT : 0))};
	}
	return p->config.max_workers;
}

void pool_serve(struct pool *p, const struct pollfd *fds, size_t n, int64_t now)
{
	for (size_t i = 0; i < n && i < p->config.max_workers; i++) {
		struct pool_worker *w = &p->workers[i];
		if (!w->channel || !fds[i].revents)
			continue;
		if (fds[i].revents & POLLOUT && ipc_channel_flush(w->channel))
			pool_worker_ended(p, w, now);
		else
			pool_worker_hear(p, w, now);
	}
	look_at_times(p, now);
	tell(p);
	hand_out(p, now);
	give_up_waiting(p, now);
	ask_for_workers(p, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t pool_next_us(const struct pool *p)
{
	if (p->told.n)
		return 0;
	int64_t next = lacks_workers(p) ? p->ask_at_us : INT64_MAX;
	size_t n = count(p, false);
	bool idle = false;
	for (size_t i = 0; i < p->config.max_workers; i++) {
		const struct pool_worker *w = &p->workers[i];
		idle = idle || (w->channel && !w->job);
		if (w->job)
			next = earlier(next, w->until_us);
		else if (w->channel && n > p->config.min_workers)
			next = earlier(next, w->idle_since_us + p->config.idle_ms * 1000);
	}
	if (p->waiting.n && idle) /* one is handed out at once, or when what we are short of is there again */
		next = earlier(next, p->stats.last_refusal ? clock_mono_us() + BUSY_PAUSE_US : 0);
	if (p->waiting.n)
		next = earlier(next, p->waiting.first->waits_since_us + p->config.patience_ms * 1000);
	return next;
}

void pool_get_stats(const struct pool *p, struct pool_stats *ret)
{
	*ret = p->stats;
	ret->workers = count(p, false);
	ret->busy = count(p, true);
	ret->waiting = p->waiting.n;
	ret->remembered = p->memory.n;
}
