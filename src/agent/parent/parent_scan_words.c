#include "parent_scan_int.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <unistd.h>

static int hear_loaded(struct parent *p, struct scan_process *s, struct ipc_reader *r)
{
	struct scan_loaded loaded;
	scan_get_loaded(r, &loaded);
	if (ipc_end(r) || s->phase != SCAN_PHASE_LOADING)
		return -EBADMSG;
	s->loaded = loaded;
	s->phase = SCAN_PHASE_UP;
	s->pinged_us = clock_mono_us();
	log_info("khien-scan is up", "pid", log_num(s->pid), "generation", log_num(loaded.engines.generation), "ms",
	    log_num(loaded.took_ms), "problem", loaded.problem, NULL);
	int list = parent_scan_open_allow(p);
	parent_scan_tell_allow(p, s, list);
	if (list >= 0)
		close(list);
	parent_packages_tell(p, s);
	if (s == &p->scan.next)
		parent_scan_swap(p);
	else
		parent_scan_in_force(p);
	return 0;
}

static void close_ends(const struct pool_worker_ends *w)
{
	const int fds[] = {w->channel, w->life, w->pidfd};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int hear_worker(struct parent *p, struct scan_process *s, struct ipc_reader *r)
{
	struct scan_worker m;
	struct pool_worker_ends w;
	scan_get_worker(r, &m);
	struct scan_spawn *asked = parent_scan_spawn_of(p, m.ticket);
	if (ipc_end(r) || !asked || s != &p->scan.now)
		return -EBADMSG;
	w.pid = (pid_t)m.pid;
	w.channel = ipc_channel_take_fd(s->channel);
	w.life = ipc_channel_take_fd(s->channel);
	w.pidfd = ipc_channel_take_fd(s->channel);
	if (w.channel < 0 || w.life < 0) { /* too many files are open: the channel's other end finds itself alone */
		close_ends(&w);
		parent_scan_answer(p, asked, NULL, EMFILE);
		return 0;
	}
	if (w.pidfd < 0)
		w.pidfd = -1;
	bool first = !p->scan.looked;
	p->scan.up = m.up;
	p->scan.looked = true;
	parent_scan_answer(p, asked, &w, 0);
	if (first)
		parent_collect(p);
	return 0;
}

static int hear_no_worker(struct parent *p, struct scan_process *s, struct ipc_reader *r)
{
	int64_t ticket = ipc_get_i64(r), code = ipc_get_i64(r);
	const char *why = ipc_get_text(r, SCAN_MAX_WHY);
	struct scan_spawn *asked = parent_scan_spawn_of(p, ticket);
	if (ipc_end(r) || code < 1 || code > 4095 || !asked || s != &p->scan.now)
		return -EBADMSG;
	log_warn("no worker could be started", "why", why, NULL);
	parent_scan_trouble(p, "no process for scanning could be started", why);
	parent_scan_answer(p, asked, NULL, (int)code);
	return 0;
}

static int hear_ended(struct parent *p, struct scan_process *s, struct ipc_reader *r)
{
	int64_t pid = ipc_get_i64(r), code = ipc_get_i64(r), sig = ipc_get_i64(r);
	(void)p;
	(void)s;
	if (ipc_end(r))
		return -EBADMSG;
	log_warn("a worker has ended", "pid", log_num(pid), "status", log_num(code), "signal", log_num(sig), NULL);
	return 0;
}

static int hear_pong(struct parent *p, struct scan_process *s, struct ipc_reader *r)
{
	(void)p; /* that it was heard is noted for every message */
	(void)s;
	ipc_get_i64(r);
	return ipc_end(r);
}

static int (*const words[SCAN_MESSAGE_END])(struct parent *p, struct scan_process *s, struct ipc_reader *r) = {
    [SCAN_LOADED] = hear_loaded,
    [SCAN_PONG] = hear_pong,
    [SCAN_WORKER] = hear_worker,
    [SCAN_NO_WORKER] = hear_no_worker,
    [SCAN_ENDED] = hear_ended,
};

void parent_scan_hear(struct parent *p, struct scan_process *s)
{
	struct ipc_reader r;
	uint16_t type;
	int k;
	while (s->channel && s->phase != SCAN_PHASE_DYING && (k = ipc_channel_receive(s->channel, &r, &type)) != 0) {
		pid_t pid = s->pid;
		s->heard_us = clock_mono_us();
		if (k > 0 && type < SCAN_MESSAGE_END && words[type])
			k = words[type](p, s, &r);
		else if (k > 0)
			k = -EPERM;
		if (s->pid != pid)
			return; /* it has taken the other one's place */
		if (k < 0)
			parent_scan_end(p, s, k == -EPIPE ? "it is gone" : "it speaks nonsense");
	}
}
