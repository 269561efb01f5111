#include "pool_int.h"
#include "pool_messages.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

void pool_worker_close(struct pool_worker *w)
{
	ipc_channel_free(w->channel);
	close_one(w->pidfd);
	close_one(w->life);
	*w = (struct pool_worker){.pidfd = -1, .life = -1};
}

static void kill_worker(const struct pool_worker *w)
{
	if (w->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
	else
		kill(w->pid, SIGKILL);
}

static bool template_is_gone(const struct pool_worker *w)
{
	struct pollfd f = {.fd = w->life};
	return w->life >= 0 && poll(&f, 1, 0) == 1 && f.revents & (POLLHUP | POLLERR);
}

static void happened(struct pool *p, const struct pool_worker *w, enum pool_event_kind kind)
{
	struct pool_event e = {.kind = kind, .pid = w->pid, .has_sha256 = w->has_sha256};
	memcpy(e.sha256, w->sha256, sizeof e.sha256);
	if (p->config.happened)
		p->config.happened(p->config.arg, &e);
}

/* ---- what is not looked at any more ---- */

static int shun(struct pool *p, struct pool_worker *w, const struct pool_memory_entry *e)
{
	ipc_begin(&p->out, POOL_SHUN);
	ipc_put_fixed(&p->out, e->sha256, sizeof e->sha256);
	ipc_put_u8(&p->out, (uint8_t)e->reason);
	return ipc_channel_send(w->channel, &p->out);
}

int pool_worker_shun_all(struct pool *p, struct pool_worker *w)
{
	int r = 0;
	for (size_t i = 0; !r && i < p->memory.n; i++)
		if (p->memory.v[i].has_sha256)
			r = shun(p, w, &p->memory.v[i]);
	return r;
}

int pool_worker_allow(struct pool *p, struct pool_worker *w, int fd)
{
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 && copy < 0)
		return -errno;
	ipc_begin(&p->out, POOL_ALLOW);
	int r = ipc_channel_send_fds(w->channel, &p->out, &copy, copy >= 0);
	if (r && copy >= 0)
		close(copy);
	return r;
}

/* A worker that cannot be told is found dead at its next message. */
static void remember(struct pool *p, const struct pool_worker *w, enum scan_reason reason)
{
	struct pool_memory_entry e = {.file = w->job->file, .has_sha256 = w->has_sha256, .reason = reason};
	memcpy(e.sha256, w->sha256, sizeof e.sha256);
	pool_memory_add(&p->memory, &e);
	for (size_t i = 0; e.has_sha256 && i < p->config.max_workers; i++)
		if (p->workers[i].channel && &p->workers[i] != w)
			shun(p, &p->workers[i], &e);
}

/* ---- ends ---- */

static void blame(struct pool *p, struct pool_worker *w, enum scan_reason reason)
{
	struct pool_job *j = w->job;
	if (!j->check)
		remember(p, w, reason);
	if (w->has_sha256) {
		j->result.digests |= SCAN_HAS_SHA256;
		memcpy(j->result.sha256, w->sha256, sizeof w->sha256);
	}
	pool_give_up(p, j, reason);
}

static void ask_again(struct pool *p, struct pool_job *j, int64_t now)
{
	if (j->again) {
		pool_give_up(p, j, SCAN_BUSY);
		return;
	}
	j->again = true;
	j->waits_since_us = now;
	p->stats.again++;
	pool_list_add_first(&p->waiting, j);
}

void pool_worker_ended(struct pool *p, struct pool_worker *w, int64_t now)
{
	bool innocent = template_is_gone(w);
	if (w->job && innocent) {
		happened(p, w, POOL_TEMPLATE_GONE);
		ask_again(p, w->job, now);
	} else if (w->job) {
		p->stats.crashes++;
		happened(p, w, POOL_WORKER_CRASHED);
		blame(p, w, SCAN_CRASHED);
	}
	pool_worker_close(w);
}

void pool_worker_late(struct pool *p, struct pool_worker *w)
{
	kill_worker(w);
	p->stats.lates++;
	happened(p, w, POOL_WORKER_LATE);
	blame(p, w, SCAN_TIMED_OUT);
	pool_worker_close(w);
}

/* Either it is broken or somebody has taken it over by what it scanned: the content is to blame. */
static void speaks_nonsense(struct pool *p, struct pool_worker *w)
{
	kill_worker(w);
	happened(p, w, POOL_WORKER_NONSENSE);
	if (w->job) {
		p->stats.crashes++;
		blame(p, w, SCAN_CRASHED);
	}
	pool_worker_close(w);
}

/* ---- jobs ---- */

static int send_job(struct pool *p, struct pool_worker *w, struct pool_job *j)
{
	ipc_begin(&p->out, j->check ? POOL_CHECK : POOL_JOB);
	ipc_put_i64(&p->out, j->id);
	if (j->check)
		return ipc_channel_send(w->channel, &p->out);
	int fd = fcntl(j->job.fd, F_DUPFD_CLOEXEC, 3); /* what is sent is the channel's */
	if (fd < 0)
		return -errno;
	int r = ipc_channel_send_fds(w->channel, &p->out, &fd, 1);
	if (r)
		close(fd);
	return r;
}

bool pool_worker_hand(struct pool *p, struct pool_worker *w, struct pool_job *j, int64_t now)
{
	int r = send_job(p, w, j);
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS) {
		p->stats.last_refusal = r;
		return false;
	}
	if (r == -EBADF) {
		pool_give_up(p, j, SCAN_UNREADABLE);
		return true;
	}
	if (r) { /* it has ended without work */
		pool_worker_close(w);
		return false;
	}
	p->stats.last_refusal = 0;
	w->job = j;
	w->has_sha256 = false;
	w->until_us = now + (j->job.deadline_ms ? j->job.deadline_ms : p->config.deadline_ms) * 1000;
	return true;
}

/* A worker whose temporary folder is full or that lacks memory is not what it was. */
static bool is_spent(const struct scan_result *r)
{
	return r->verdict == SCAN_ERROR || r->reason == SCAN_NO_SPACE || r->reason == SCAN_FAILED;
}

static void finished(struct pool *p, struct pool_worker *w, int64_t now)
{
	struct pool_job *j = w->job;
	w->job = NULL;
	w->idle_since_us = now;
	bool old = p->config.age_ms && now - w->added_us >= p->config.age_ms * 1000;
	if (w->retires || old || (!j->check && is_spent(&j->result)))
		pool_worker_close(w);
	pool_settle(p, j);
}

static bool take_result(struct pool *p, struct pool_worker *w, struct ipc_reader *r, int64_t now)
{
	struct scan_result result;
	pool_get_result(r, &result);
	if (ipc_end(r) || w->job->check)
		return false;
	w->job->result = result;
	finished(p, w, now);
	return true;
}

static bool take_check(struct pool *p, struct pool_worker *w, struct ipc_reader *r, int64_t now)
{
	struct engine_states states;
	pool_get_engines(r, &states);
	if (ipc_end(r) || !w->job->check)
		return false;
	w->job->states = malloc(sizeof states);
	if (w->job->states)
		*w->job->states = states;
	finished(p, w, now);
	return true;
}

static bool take_digest(struct pool_worker *w, struct ipc_reader *r)
{
	uint8_t sha256[SHA256_BYTES];
	ipc_get_fixed(r, sha256, sizeof sha256);
	if (ipc_end(r) || w->job->check || w->has_sha256)
		return false;
	memcpy(w->sha256, sha256, sizeof sha256);
	w->has_sha256 = true;
	return true;
}

/* All that a worker may say begins with the number of its job. */
static bool take(struct pool *p, struct pool_worker *w, uint16_t type, struct ipc_reader *r, int64_t now)
{
	int64_t id = ipc_get_i64(r);
	if (!w->job || id != w->job->id)
		return false;
	switch (type) {
	case POOL_DIGEST:
		return take_digest(w, r);
	case POOL_RESULT:
		return take_result(p, w, r, now);
	case POOL_CHECKED:
		return take_check(p, w, r, now);
	default:
		return false;
	}
}

void pool_worker_hear(struct pool *p, struct pool_worker *w, int64_t now)
{
	struct ipc_reader r;
	uint16_t type;
	while (w->channel) {
		int k = ipc_channel_receive(w->channel, &r, &type);
		if (k == 0)
			return;
		if (k == -EBADMSG || (k > 0 && !take(p, w, type, &r, now))) {
			speaks_nonsense(p, w);
			return;
		}
		if (k < 0) {
			pool_worker_ended(p, w, now);
			return;
		}
	}
}
