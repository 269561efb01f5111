#include "scan_int.h"
#include "bounds.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UP_WITHIN_US = 60000000 };

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void refuse(struct template *t, int64_t ticket, int code, const char *why)
{
	ipc_begin(&t->out, SCAN_NO_WORKER);
	ipc_put_i64(&t->out, ticket);
	ipc_put_i64(&t->out, code);
	ipc_put_text(&t->out, why);
	template_tell(t);
}

static void forget(struct pending *p)
{
	ipc_channel_free(p->channel);
	close_one(p->pidfd);
	*p = (struct pending){.pidfd = -1};
}

/* ---- start ---- */

/* Before the jail, which allows neither. Idle I/O: the disk is ours only when nobody else wants it. */
static void step_back(enum scan_class class)
{
	enum { WHO_PROCESS = 1, CLASS_IDLE = 3, CLASS_SHIFT = 13 };
	if (class != SCAN_BACKGROUND)
		return;
	setpriority(PRIO_PROCESS, 0, 19);
	syscall(SYS_ioprio_set, WHO_PROCESS, 0, CLASS_IDLE << CLASS_SHIFT);
}

static _Noreturn void become_worker(struct template *t, struct sandbox_plan *plan, int channel, enum scan_class class)
{
	struct worker_start s = {.channel = channel, .plan = plan, .verbose = t->verbose};
	step_back(class);
	worker_run(t->pipeline, &s);
}

static int fork_worker(struct template *t, struct pending *p, enum scan_class class)
{
	struct sandbox_plan plan;
	int fds[2];
	int r = ipc_pair(fds);
	if (r)
		return r;
	r = ipc_channel_new(fds[0], &p->channel);
	if (r) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	sandbox_jail_plan(&plan, NULL, 0, (uint64_t)t->begin.worker_memory, (uint64_t)t->begin.temporary_bytes);
	pid_t pid = sandbox_fork(&plan);
	if (pid == 0)
		become_worker(t, &plan, fds[1], class);
	r = pid < 0 ? -errno : 0;
	close(fds[1]);
	p->pid = pid < 0 ? 0 : pid;
	p->pidfd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	return r;
}

void template_spawn(struct template *t, int64_t ticket, enum scan_class class)
{
	struct pending *p = NULL;
	for (size_t i = 0; i < MAX_PENDING && !p; i++)
		if (!t->pending[i].pid)
			p = &t->pending[i];
	if (!p) {
		refuse(t, ticket, EAGAIN, "too many workers are being started");
		return;
	}
	int r = fork_worker(t, p, class);
	p->ticket = ticket;
	p->started_us = clock_mono_us();
	if (!r)
		return;
	forget(p);
	refuse(t, ticket, -r, strerror(-r));
}

/* ---- up, or not ---- */

/* The channel's socket goes to the parent; what was read from it ends exactly behind the message. */
static int hand_over(struct template *t, struct pending *p, const struct pool_up *up)
{
	struct scan_worker m = {.ticket = p->ticket, .pid = p->pid, .up = *up};
	int fds[3] = {-1, -1, -1}, r = 0;
	const int from[3] = {ipc_channel_fd(p->channel), t->life[0], p->pidfd};
	size_t n = p->pidfd >= 0 ? 3 : 2;
	for (size_t i = 0; !r && i < n; i++) {
		fds[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
		r = fds[i] < 0 ? -errno : 0;
	}
	if (!r) {
		ipc_begin(&t->out, SCAN_WORKER);
		scan_put_worker(&t->out, &m);
		r = ipc_channel_send_fds(t->parent, &t->out, fds, n);
	}
	for (size_t i = 0; r && i < n; i++)
		close_one(fds[i]);
	return r;
}

static void not_up(struct template *t, struct pending *p, int code, const char *why)
{
	int64_t ticket = p->ticket;
	kill(p->pid, SIGKILL);
	forget(p); /* its exit finds nobody that waits */
	refuse(t, ticket, code, why);
}

void template_hear_pending(struct template *t, struct pending *p)
{
	struct ipc_reader reader;
	struct pool_up up;
	uint16_t type;
	int r = ipc_channel_receive(p->channel, &reader, &type);
	if (r == 0 || r == -EPIPE)
		return; /* the end of it is told by its exit */
	if (r > 0)
		pool_get_up(&reader, &up);
	if (r < 0 || type != POOL_UP || ipc_end(&reader)) {
		not_up(t, p, EPROTO, "a worker spoke nonsense");
		return;
	}
	r = hand_over(t, p, &up);
	if (r)
		not_up(t, p, -r, "a worker could not be handed over");
	else
		forget(p);
}

static void ended(struct template *t, pid_t pid, int status)
{
	char why[96];
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1, sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	for (size_t i = 0; i < MAX_PENDING; i++) {
		struct pending *p = &t->pending[i];
		if (p->pid != pid)
			continue;
		int64_t ticket = p->ticket;
		snprintf(why, sizeof why, "a worker ended while it started (status %d, signal %d)", code, sig);
		forget(p);
		refuse(t, ticket, ECHILD, why);
		return;
	}
	if (code == 0)
		return;
	ipc_begin(&t->out, SCAN_ENDED);
	ipc_put_i64(&t->out, pid);
	ipc_put_i64(&t->out, code);
	ipc_put_i64(&t->out, sig);
	template_tell(t);
}

void template_collect(struct template *t)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		/* it may have come up and died at once: what it said counts first */
		for (size_t i = 0; i < MAX_PENDING; i++)
			if (t->pending[i].pid == pid)
				template_hear_pending(t, &t->pending[i]);
		ended(t, pid, status);
	}
}

void template_tick(struct template *t, int64_t now)
{
	for (size_t i = 0; i < MAX_PENDING; i++)
		if (t->pending[i].pid && now - t->pending[i].started_us > UP_WITHIN_US)
			not_up(t, &t->pending[i], ETIMEDOUT, "a worker did not come up in time");
}
