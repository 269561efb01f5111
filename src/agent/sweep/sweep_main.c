/* khien-sweep: started by khien-agent with its channel as descriptor 3; makes one scan and ends. */
#include "sweep.h"
#include "clock.h"
#include "log.h"
#include "sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { TELL_EVERY_US = 250000, PATIENCE_MS = 60000 };

/* The texts of a beginning outlive its message. */
static int take_begin(struct sweep *s, const struct ipc_reader *message)
{
	buf_add(&s->begin_bytes, message->p, message->n);
	struct ipc_reader r = {.p = (const unsigned char *)s->begin_bytes.p, .n = s->begin_bytes.n};
	sweep_get_begin(&r, &s->begin);
	if (s->begun || s->begin_bytes.error || ipc_end(&r))
		return -EBADMSG;
	return sweep_begin(s);
}

static int take_worker(struct sweep *s, struct ipc_reader *r)
{
	struct pool_worker_ends w = {.channel = -1, .pidfd = -1, .life = -1, .pid = (pid_t)ipc_get_i64(r)};
	bool has_pidfd = ipc_get_bool(r);
	if (ipc_end(r) || !s->begun)
		return -EBADMSG;
	w.channel = ipc_channel_take_fd(s->parent);
	if (has_pidfd)
		w.pidfd = ipc_channel_take_fd(s->parent);
	w.life = ipc_channel_take_fd(s->parent);
	if (w.channel < 0 || w.life < 0)
		return -EBADMSG;
	pace_add_worker(&s->pace, w.pid);
	int k = pool_add_worker(s->pool, &w);
	if (k)
		log_warn("a worker cannot be used", "error", strerror(-k), NULL);
	return 0;
}

static int take_no_worker(struct sweep *s, struct ipc_reader *r)
{
	int64_t why = ipc_get_i64(r);
	if (ipc_end(r) || !s->begun || why < 1 || why > 4095)
		return -EBADMSG;
	pool_no_worker(s->pool, -(int)why);
	return 0;
}

static int take(struct sweep *s, uint16_t type, struct ipc_reader *r)
{
	switch (type) {
	case SWEEP_BEGIN:
		return take_begin(s, r);
	case SWEEP_WORKER:
		return take_worker(s, r);
	case SWEEP_NO_WORKER:
		return take_no_worker(s, r);
	case SWEEP_STOP:
		s->stopping = true;
		return ipc_end(r);
	default:
		return -EBADMSG;
	}
}

static int hear(struct sweep *s)
{
	struct ipc_reader r;
	uint16_t type;
	int k;
	while ((k = ipc_channel_receive(s->parent, &r, &type)) == 1) {
		k = take(s, type, &r);
		if (k)
			return k;
	}
	return k;
}

static int timeout_ms(const struct sweep *s, int64_t now)
{
	int64_t next = s->begun ? sweep_next_us(s) : INT64_MAX;
	if (next > s->told_us + TELL_EVERY_US)
		next = s->told_us + TELL_EVERY_US;
	return !s->begun ? PATIENCE_MS : next <= now ? 0 : (int)((next - now) / 1000) + 1;
}

static int turn(struct sweep *s)
{
	struct pollfd fds[1 + POOL_MAX_FDS];
	size_t n = 1;
	fds[0] = (struct pollfd){
	    ipc_channel_fd(s->parent), (short)(POLLIN | (ipc_channel_wants_write(s->parent) ? POLLOUT : 0)), 0};
	if (s->begun)
		n += pool_fill(s->pool, fds + 1);
	int k = poll(fds, n, timeout_ms(s, clock_mono_us()));
	if (k < 0)
		return errno == EINTR ? 0 : -errno;
	if (!k && !s->begun)
		return -ETIMEDOUT;
	if (fds[0].revents & POLLOUT)
		ipc_channel_flush(s->parent);
	bool begun = s->begun;
	k = fds[0].revents ? hear(s) : 0;
	if (k || !s->begun)
		return k;
	int64_t now = clock_mono_us();
	if (begun)
		pool_serve(s->pool, fds + 1, n - 1, now);
	sweep_feed(s, now);
	if (now - s->told_us >= TELL_EVERY_US) {
		s->told_us = now;
		sweep_tell_progress(s);
	}
	return 0;
}

/* The last words must arrive: the channel is written to its end, or the parent is gone. */
static void say_goodbye(struct sweep *s)
{
	while (ipc_channel_wants_write(s->parent)) {
		struct pollfd f = {ipc_channel_fd(s->parent), POLLOUT, 0};
		if (poll(&f, 1, 5000) <= 0 || ipc_channel_flush(s->parent))
			return;
	}
}

int main(void)
{
	static struct sweep s;
	const struct sandbox_plan plan = {.no_core = true, .max_files = 4096};
	struct sandbox_report report;
	s.out = BUF_INIT(MAX_IPC_MESSAGE);
	s.display = BUF_INIT(MAX_DISPLAY);
	s.begin_bytes = BUF_INIT(MAX_IPC_MESSAGE);
	log_open("khien-sweep", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	int r = sodium_init() < 0 ? -ENOSYS : sandbox_enter(&plan, &report);
	if (!r)
		r = ipc_channel_new(SWEEP_CHANNEL, &s.parent);
	if (r) {
		log_error("cannot start", "error", strerror(-r), NULL);
		return 1;
	}
	s.told_us = clock_mono_us();
	while (!r && !sweep_is_over(&s))
		r = turn(&s);
	if (r && !*s.why)
		snprintf(s.why, sizeof s.why, "%s", strerror(-r));
	if (s.begun)
		sweep_tell_progress(&s);
	bool well = !r && s.walked && !s.in_window;
	sweep_tell_end(&s, well ? SCAN_ENDED_WELL : r || *s.why ? SCAN_ENDED_BADLY : SCAN_INTERRUPTED);
	say_goodbye(&s);
	sweep_release(&s);
	return r ? 1 : 0;
}
