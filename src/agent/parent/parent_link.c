#include "parent_int.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MISSED_HEARTBEATS = 3,
	SHORT_LIFE_US = 2000000, /* shorter: something is wrong with it, not with the moment */
	FIRST_PAUSE_US = 100000,
	LAST_PAUSE_US = 30000000,
	CHILD_CHANNEL = 3,
};

/* The child: between fork and exec only what is safe there. */
static void become_link(const struct parent *p, int fd)
{
	char state[600];
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	snprintf(state, sizeof state, "%s/link", p->options.state);
	if (fd == CHILD_CHANNEL ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, CHILD_CHANNEL) < 0)
		_exit(125);
	const char *argv[] = {"khien-link", "--state", state, "--user", p->options.link_user, NULL};
	if (!*p->options.link_user)
		argv[3] = NULL;
	execv(p->options.link, (char *const *)argv);
	_exit(126);
}

int parent_link_start(struct parent *p)
{
	int fds[2];
	struct ipc_channel *channel = NULL;
	int r = ipc_pair(fds);
	if (r)
		return r;
	r = ipc_channel_new(fds[0], &channel);
	if (r) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	pid_t pid = fork();
	if (pid == 0)
		become_link(p, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		r = -errno;
		ipc_channel_free(channel);
		return r;
	}
	int64_t now = clock_mono_us();
	p->link.phase = LINK_STARTING;
	p->link.pid = pid;
	p->link.channel = channel;
	p->link.started_us = p->link.heard_us = p->link.pinged_us = now;
	parent_link_begin(p);
	return 0;
}

void parent_link_begin(struct parent *p)
{
	const struct identity *id = &p->identity;
	struct link_begin begin = {.enrolled = id->standing == STANDING_ENROLLED,
	    .install_id = id->install_id,
	    .machine = id->machine,
	    .server = id->server,
	    .agents_server = id->agents_server,
	    .spool_max_bytes = p->options.spool_bytes,
	    .policy = id->policy};
	parent_allow_hash(p, begin.allow_hash);
	memcpy(begin.start_id, p->start_id, sizeof begin.start_id);
	ipc_begin(&p->out, LINK_BEGIN);
	link_put_begin(&p->out, &begin);
	parent_link_send(p, &p->out);
	parent_link_send(p, &p->facts);
}

void parent_link_send(struct parent *p, const struct buf *m)
{
	if (!p->link.channel)
		return;
	int r = ipc_channel_send(p->link.channel, m);
	if (r && p->link.phase != LINK_DYING)
		parent_link_kill(p, r == -EPIPE ? "it is gone" : "it does not take what it is told");
}

/* The channel stays until the exit is collected, so that what it still says is not half heard; nothing is read any
 * more. */
void parent_link_kill(struct parent *p, const char *why)
{
	if (p->link.phase == LINK_DOWN || p->link.phase == LINK_DYING)
		return;
	log_warn("ending khien-link", "pid", log_num(p->link.pid), "why", why, NULL);
	p->link.phase = LINK_DYING;
	kill(p->link.pid, SIGKILL);
}

static int64_t pause_before_start(const struct link *l)
{
	int64_t pause = FIRST_PAUSE_US;
	for (int i = 1; i < l->short_lives && pause < LAST_PAUSE_US; i++)
		pause *= 2;
	return pause < LAST_PAUSE_US ? pause : LAST_PAUSE_US;
}

static void schedule(struct parent *p, int64_t now)
{
	struct link *l = &p->link;
	l->phase = LINK_DOWN;
	l->short_lives = now - l->started_us < SHORT_LIFE_US ? l->short_lives + 1 : 0;
	l->start_at_us = now + pause_before_start(l);
}

void parent_link_gone(struct parent *p, pid_t pid, int status)
{
	if (pid != p->link.pid || p->link.phase == LINK_DOWN)
		return;
	if (!p->stopping)
		log_warn("khien-link has ended", "pid", log_num(pid), "status",
		    log_num(WIFEXITED(status) ? WEXITSTATUS(status) : -1), "signal",
		    log_num(WIFSIGNALED(status) ? WTERMSIG(status) : 0), NULL);
	ipc_channel_free(p->link.channel);
	p->link.channel = NULL;
	p->link.pid = 0;
	p->link.restarts++;
	schedule(p, clock_mono_us());
}

void parent_link_readable(struct parent *p)
{
	struct ipc_reader r;
	uint16_t type;
	int k;
	while (p->link.channel && p->link.phase != LINK_DYING &&
	       (k = ipc_channel_receive(p->link.channel, &r, &type)) != 0) {
		if (k < 0) {
			parent_link_kill(p, k == -EPIPE ? "it is gone" : "it speaks nonsense");
			return;
		}
		p->link.heard_us = clock_mono_us();
		k = parent_answer(p, type, &r);
		if (k) {
			log_error(
			    "khien-link asks what it may not", "message", log_num(type), "error", log_num(k), NULL);
			parent_link_kill(p, "it asks what it may not");
		}
	}
}

static void beat(struct parent *p, int64_t now)
{
	int64_t interval = p->options.heartbeat_ms * 1000;
	if (now - p->link.heard_us > MISSED_HEARTBEATS * interval) {
		parent_link_kill(p, "it misses its heartbeats");
		return;
	}
	if (now - p->link.pinged_us < interval)
		return;
	p->link.pinged_us = now;
	ipc_begin(&p->out, LINK_PING);
	ipc_put_i64(&p->out, now);
	parent_link_send(p, &p->out);
}

void parent_link_tick(struct parent *p, int64_t now)
{
	if (p->link.phase == LINK_STARTING || p->link.phase == LINK_UP) {
		beat(p, now);
	} else if (p->link.phase == LINK_DOWN && !p->stopping && now >= p->link.start_at_us) {
		int r = parent_link_start(p);
		if (r) {
			log_error("khien-link cannot be started", "error", strerror(-r), NULL);
			p->link.started_us = now;
			schedule(p, now);
		}
	}
}

int64_t parent_link_next_us(const struct parent *p)
{
	if (p->link.phase == LINK_DOWN)
		return p->stopping ? INT64_MAX : p->link.start_at_us;
	return p->link.phase == LINK_DYING ? INT64_MAX : p->link.pinged_us + p->options.heartbeat_ms * 1000;
}
