#include "parent_scan_int.h"
#include "allow.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHILD_CHANNEL = 3, SPACE_FOR_TEMPORARY = 256 << 20, MEMORY_OF_A_WORKER = 1 << 30 };

/* ---- the process ---- */

/* The child: between fork and exec only what is safe there. */
static _Noreturn void become_scan(const struct parent *p, int fd)
{
	const struct options *o = &p->options;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (fd == CHILD_CHANNEL ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, CHILD_CHANNEL) < 0)
		_exit(125);
	const char *argv[] = {"khien-scan", *o->scan_user ? "--user" : NULL, o->scan_user, NULL};
	execv(o->scan, (char *const *)argv);
	_exit(126);
}

static int fork_scan(struct parent *p, struct scan_process *s)
{
	int fds[2];
	int r = ipc_pair(fds);
	if (r)
		return r;
	r = ipc_channel_new(fds[0], &s->channel);
	if (r) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	pid_t pid = fork();
	if (pid == 0)
		become_scan(p, fds[1]);
	r = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (r) {
		ipc_channel_free(s->channel);
		s->channel = NULL;
		return r;
	}
	s->pid = pid;
	s->phase = SCAN_PHASE_LOADING;
	s->started_us = s->heard_us = s->pinged_us = clock_mono_us();
	return 0;
}

void parent_scan_end(struct parent *p, struct scan_process *s, const char *why)
{
	if (s->phase != SCAN_PHASE_LOADING && s->phase != SCAN_PHASE_UP)
		return;
	log_warn("ending khien-scan", "pid", log_num(s->pid), "why", why, NULL);
	if (s == &p->scan.now)
		parent_scan_trouble(p, "the scanner is being started anew", why);
	s->phase = SCAN_PHASE_DYING;
	kill(s->pid, SIGKILL);
}

/* ---- what it is told ---- */

void parent_scan_tell(struct parent *p, struct scan_process *s, const int *fds, size_t n)
{
	int r = ipc_channel_send_fds(s->channel, &p->out, fds, n);
	for (size_t i = 0; r && i < n; i++)
		close(fds[i]);
	if (r)
		parent_scan_end(p, s, r == -EPIPE ? "it is gone" : "it does not take what it is told");
}

struct scan_limits parent_scan_limits(const struct parent *p)
{
	return (struct scan_limits){.max_file_bytes = parent_setting(p, SETTING_SCAN_FILE_MIB) << 20,
	    .max_expanded_bytes = parent_setting(p, SETTING_SCAN_EXPANDED_MIB) << 20,
	    .max_files = (uint32_t)parent_setting(p, SETTING_SCAN_INNER_FILES),
	    .max_depth = (uint32_t)parent_setting(p, SETTING_SCAN_DEPTH),
	    .max_ms = (uint32_t)parent_setting(p, SETTING_SCAN_FILE_S) * 1000};
}

static int open_signatures(const struct parent *p)
{
	char path[600];
	const char *folder = p->options.signatures;
	if (*folder)
		snprintf(path, sizeof path, "%s/current", folder);
	else
		snprintf(path, sizeof path, "signatures/current");
	return openat(*folder ? AT_FDCWD : p->state_folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int parent_scan_start(struct parent *p, struct scan_process *s)
{
	int r = fork_scan(p, s);
	if (r)
		return r;
	int signatures = open_signatures(p);
	struct scan_begin begin = {.has_signatures = signatures >= 0,
	    .limits = p->scan.limits,
	    .worker_memory = MEMORY_OF_A_WORKER,
	    .temporary_bytes = SPACE_FOR_TEMPORARY};
	ipc_begin(&p->out, SCAN_BEGIN);
	scan_put_begin(&p->out, &begin);
	parent_scan_tell(p, s, &signatures, signatures >= 0);
	return 0;
}

void parent_scan_tell_allow(struct parent *p, struct scan_process *s, int list)
{
	int copy = list < 0 ? -1 : fcntl(list, F_DUPFD_CLOEXEC, 3);
	ipc_begin(&p->out, SCAN_ALLOW);
	parent_scan_tell(p, s, &copy, copy >= 0);
}

int parent_scan_open_allow(const struct parent *p)
{
	return openat(p->state_folder, ALLOW_FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static void tell_all_of_allow(struct parent *p, int list)
{
	struct scan *s = &p->scan;
	if (s->now.phase == SCAN_PHASE_UP)
		parent_scan_tell_allow(p, &s->now, list);
	if (s->next.phase == SCAN_PHASE_UP)
		parent_scan_tell_allow(p, &s->next, list);
	if (s->pool)
		pool_set_allow(s->pool, list);
}

void parent_scan_allow(struct parent *p)
{
	struct scan *s = &p->scan;
	struct stat st = {0};
	int list = parent_scan_open_allow(p);
	if (list >= 0)
		fstat(list, &st);
	bool same = st.st_ctim.tv_sec == s->allow_time.tv_sec && st.st_ctim.tv_nsec == s->allow_time.tv_nsec;
	s->allow_time = st.st_ctim;
	if (!same)
		tell_all_of_allow(p, list);
	if (list >= 0)
		close(list);
}
