#include "parent_scan_int.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
	MISSED_HEARTBEATS = 3,
	SHORT_LIFE_US = 2000000,
	FIRST_PAUSE_US = 100000,
	LAST_PAUSE_US = 30000000,
	LOAD_WITHIN_US = 900000000, /* body signatures of millions on a slow disk; it cannot answer meanwhile */
};

void parent_scan_trouble(struct parent *p, const char *what, const char *why)
{
	snprintf(p->scan.trouble, sizeof p->scan.trouble, "%s%s%s", what, *why ? ": " : "", why);
}

static int64_t pause_before_start(const struct scan *s)
{
	int64_t pause = FIRST_PAUSE_US;
	for (int i = 1; i < s->short_lives && pause < LAST_PAUSE_US; i++)
		pause *= 2;
	return pause < LAST_PAUSE_US ? pause : LAST_PAUSE_US;
}

static void schedule(struct scan *s, int64_t now)
{
	s->short_lives = now - s->now.started_us < SHORT_LIFE_US ? s->short_lives + 1 : 0;
	s->now = (struct scan_process){.phase = SCAN_PHASE_DOWN, .started_us = s->now.started_us};
	s->looked = false;
	s->start_at_us = now + pause_before_start(s);
}

static void lost(struct parent *p, int status)
{
	char why[96];
	snprintf(why, sizeof why, WIFSIGNALED(status) ? "it was ended by signal %d" : "it ended with status %d",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
		snprintf(why, sizeof why, "the program is not there");
	parent_scan_trouble(p, "the scanner does not run", why);
	ipc_channel_free(p->scan.now.channel);
	p->scan.restarts++;
	schedule(&p->scan, clock_mono_us());
	parent_scan_refuse_all(p, ESRCH);
	if (!p->stopping)
		parent_collect(p);
}

bool parent_scan_gone(struct parent *p, pid_t pid, int status)
{
	struct scan *s = &p->scan;
	if (s->now.pid == pid && s->now.phase != SCAN_PHASE_OFF) {
		if (!p->stopping)
			log_warn("khien-scan has ended", "pid", log_num(pid), "status",
			    log_num(WIFEXITED(status) ? WEXITSTATUS(status) : -1), "signal",
			    log_num(WIFSIGNALED(status) ? WTERMSIG(status) : 0), NULL);
		parent_scan_hear(p, &s->now);
		lost(p, status);
		return true;
	}
	if (s->next.pid == pid && s->next.phase != SCAN_PHASE_OFF) {
		ipc_channel_free(s->next.channel);
		s->next = (struct scan_process){0};
		parent_scan_not_in_force(p, "the scanner ended while it loaded them");
		return true;
	}
	return false;
}

static void beat(struct parent *p, struct scan_process *s, int64_t now)
{
	int64_t interval = p->options.heartbeat_ms * 1000;
	if (s->phase == SCAN_PHASE_LOADING && now - s->started_us > LOAD_WITHIN_US) {
		parent_scan_end(p, s, "it does not come to an end with loading");
	} else if (s->phase == SCAN_PHASE_UP && now - s->heard_us > MISSED_HEARTBEATS * interval) {
		parent_scan_end(p, s, "it misses its heartbeats");
	} else if (s->phase == SCAN_PHASE_UP && now - s->pinged_us >= interval) {
		s->pinged_us = now;
		ipc_begin(&p->out, SCAN_PING);
		ipc_put_i64(&p->out, now);
		parent_scan_tell(p, s, NULL, 0);
	}
}

static void checked(void *arg, const struct engine_states *states)
{
	struct parent *p = arg;
	if (states)
		p->scan.up.engines = *states;
	else
		p->scan.up.engines.all_found = false;
	parent_collect(p);
}

/* Other limits are for workers to come: those that are there end with their job. */
static void follow_policy(struct parent *p)
{
	struct scan_limits wanted = parent_scan_limits(p);
	if (memcmp(&wanted, &p->scan.limits, sizeof wanted) == 0)
		return;
	p->scan.limits = wanted;
	ipc_begin(&p->out, SCAN_LIMITS_NOW);
	scan_put_limits(&p->out, &wanted);
	if (p->scan.now.phase == SCAN_PHASE_UP)
		parent_scan_tell(p, &p->scan.now, NULL, 0);
	pool_renew(p->scan.pool);
}

static void start(struct parent *p, int64_t now)
{
	int r = parent_scan_start(p, &p->scan.now);
	if (!r)
		return;
	log_error("khien-scan cannot be started", "error", strerror(-r), NULL);
	parent_scan_trouble(p, "the scanner cannot be started", strerror(-r));
	p->scan.now.started_us = now;
	schedule(&p->scan, now);
}

void parent_scan_tick(struct parent *p, int64_t now)
{
	struct scan *s = &p->scan;
	if (s->now.phase == SCAN_PHASE_OFF)
		return;
	follow_policy(p);
	if (s->now.phase == SCAN_PHASE_DOWN && !p->stopping && now >= s->start_at_us)
		start(p, now);
	beat(p, &s->now, now);
	beat(p, &s->next, now);
	if (s->looked && now >= s->check_at_us && pool_check(s->pool, checked, p) == 0)
		s->check_at_us = now + p->options.check_s * US_PER_S;
}

static int64_t next_beat(const struct parent *p, const struct scan_process *s)
{
	if (s->phase == SCAN_PHASE_LOADING)
		return s->started_us + LOAD_WITHIN_US;
	return s->phase == SCAN_PHASE_UP ? s->pinged_us + p->options.heartbeat_ms * 1000 : INT64_MAX;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t parent_scan_next_us(const struct parent *p)
{
	const struct scan *s = &p->scan;
	if (s->now.phase == SCAN_PHASE_OFF)
		return INT64_MAX;
	int64_t next = earlier(next_beat(p, &s->now), next_beat(p, &s->next));
	if (s->now.phase == SCAN_PHASE_DOWN && !p->stopping)
		next = earlier(next, s->start_at_us);
	if (s->looked)
		next = earlier(next, s->check_at_us);
	return earlier(next, pool_next_us(s->pool));
}

static struct pollfd of_process(const struct scan_process *s)
{
	if (!s->channel || s->phase == SCAN_PHASE_DYING)
		return (struct pollfd){.fd = -1};
	short events = (short)(POLLIN | (ipc_channel_wants_write(s->channel) ? POLLOUT : 0));
	return (struct pollfd){.fd = ipc_channel_fd(s->channel), .events = events};
}

size_t parent_scan_fill(const struct parent *p, struct pollfd *fds)
{
	if (p->scan.now.phase == SCAN_PHASE_OFF)
		return 0;
	fds[0] = of_process(&p->scan.now);
	fds[1] = of_process(&p->scan.next);
	return 2 + pool_fill(p->scan.pool, fds + 2);
}

static void serve_process(struct parent *p, struct scan_process *s, short revents)
{
	if (!s->channel || !revents)
		return;
	if (revents & POLLOUT && ipc_channel_flush(s->channel))
		parent_scan_end(p, s, "it does not take what it is told");
	else
		parent_scan_hear(p, s);
}

void parent_scan_serve(struct parent *p, const struct pollfd *fds, size_t n, int64_t now)
{
	if (n < 2)
		return;
	/* the second first: what it says may make it the first */
	serve_process(p, &p->scan.next, fds[1].revents);
	if (p->scan.now.channel && fds[0].fd == ipc_channel_fd(p->scan.now.channel))
		serve_process(p, &p->scan.now, fds[0].revents);
	pool_serve(p->scan.pool, fds + 2, n - 2, now);
}
