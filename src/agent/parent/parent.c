/* khien-agent: see parent_int.h. */
#include "parent_int.h"
#include "bounds.h"
#include "clock.h"
#include "control.h"
#include "log.h"
#include "rnd.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what, int r)
{
	log_error(what, "error", strerror(-r), NULL);
	return r;
}

/* ---- start ---- */

static int make_folder(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* The link's folder is the link's own; it is handed over before the link's first start. */
static int give_link_its_folder(const struct parent *p)
{
	char path[600];
	snprintf(path, sizeof path, "%s/link", p->options.state);
	int r = make_folder(path);
	if (r || !*p->options.link_user)
		return r;
	const struct passwd *user = getpwnam(p->options.link_user);
	if (!user)
		return -ENOENT;
	return chown(path, user->pw_uid, user->pw_gid) < 0 || chmod(path, 0700) < 0 ? -errno : 0;
}

/* Two agents on one folder would be two machines with one name. */
static int lock_state(struct parent *p)
{
	int fd = openat(p->state_folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return r;
	}
	p->lock = fd;
	return 0;
}

static int open_folders(struct parent *p)
{
	int r = make_folder(p->options.state);
	if (r)
		return r;
	p->state_folder = open(p->options.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->root_folder = open(p->options.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->state_folder < 0 || p->root_folder < 0)
		return -errno;
	r = lock_state(p);
	return r ? r : give_link_its_folder(p);
}

static int open_signals(struct parent *p)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signals < 0 ? -errno : 0;
}

static int open_control(struct parent *p)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", p->options.state, CONTROL_SOCKET_NAME);
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		p->clients[i] = (struct client){.asked = BUF_INIT(MAX_IPC_MESSAGE), .content = -1};
	return ipc_listen(path, 0600, &p->listener);
}

static int start(struct parent *p)
{
	struct sandbox_plan plan = {.no_core = true, .max_files = 256};
	int r = sodium_init() < 0 ? -ENOSYS : 0;
	if (!r)
		r = sandbox_enter(&plan, &p->sandbox);
	if (r)
		return fail("cannot start", r);
	r = open_folders(p);
	if (r)
		return fail(r == -EBUSY ? "another khien-agent uses this folder" : "the folders cannot be opened", r);
	r = identity_load(p->state_folder, &p->identity);
	if (r)
		return fail("the identity cannot be read", r);
	parent_allow_load(p);
	r = inventory_new(&p->texts);
	if (!r)
		r = open_signals(p);
	if (!r)
		r = open_control(p);
	if (r)
		return fail("cannot start", r);
	r = parent_scan_open(p);
	if (!r)
		r = parent_sweep_open(p);
	if (r)
		return fail("cannot start", r);
	rnd_bytes(p->start_id, sizeof p->start_id);
	parent_quarantine_start(p);
	parent_collect(p);
	p->link.phase = LINK_DOWN;
	p->link.start_at_us = clock_mono_us();
	return 0;
}

/* ---- loop ---- */

static void collect_exits(struct parent *p)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!parent_packages_gone(p, pid, status) && !parent_scan_gone(p, pid, status) &&
		    !parent_sweep_gone(p, pid, status))
			parent_link_gone(p, pid, status);
}

static void handle_signals(struct parent *p)
{
	struct signalfd_siginfo s;
	while (read(p->signals, &s, sizeof s) == sizeof s) {
		if (s.ssi_signo == SIGCHLD)
			collect_exits(p);
		else if (s.ssi_signo == SIGHUP)
			parent_collect(p);
		else
			p->stopping = true;
	}
}

static int timeout_ms(const struct parent *p, int64_t now)
{
	int64_t next = parent_link_next_us(p);
	int64_t sweep = parent_sweep_next_us(p);
	if (sweep < next)
		next = sweep;
	if (p->collect_at_us < next)
		next = p->collect_at_us;
	if (parent_scan_next_us(p) < next)
		next = parent_scan_next_us(p);
	if (parent_packages_next_us(p) < next)
		next = parent_packages_next_us(p);
	if (notify_next_us(&p->notify) < next)
		next = notify_next_us(&p->notify);
	return next <= now ? 0 : next - now > 60 * US_PER_S ? 60000 : (int)((next - now) / 1000) + 1;
}

static short wanted(const struct ipc_channel *c, bool read)
{
	return (short)((read ? POLLIN : 0) | (ipc_channel_wants_write(c) ? POLLOUT : 0));
}

/* fds[0] signals, [1] listener, [2] link, [3] who works on the quarantine, [4 …] clients, then the sweeps', then
 * khien-scan's; -1 is passed over by poll. */
enum { FIRST_CLIENT = 4, FIRST_SWEEP = FIRST_CLIENT + MAX_CLIENTS, FIXED_FDS = FIRST_SWEEP + SCAN_CLASS_END };

static size_t fill(const struct parent *p, struct pollfd *fds)
{
	fds[0] = (struct pollfd){p->signals, POLLIN, 0};
	fds[1] = (struct pollfd){p->listener, POLLIN, 0};
	fds[2] = (struct pollfd){-1, 0, 0};
	if (p->link.channel && p->link.phase != LINK_DYING)
		fds[2] = (struct pollfd){ipc_channel_fd(p->link.channel), wanted(p->link.channel, true), 0};
	fds[3] = parent_quarantine_poll(p);
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		const struct client *c = &p->clients[i];
		fds[FIRST_CLIENT + i] = (struct pollfd){-1, 0, 0};
		if (c->channel)
			fds[FIRST_CLIENT + i] = (struct pollfd){
			    ipc_channel_fd(c->channel), wanted(c->channel, c->waits == WAITS_FOR_NOTHING), 0};
	}
	parent_sweep_fill(p, fds + FIRST_SWEEP);
	return FIXED_FDS + parent_scan_fill(p, fds + FIXED_FDS);
}

/* What it asked for goes on, with nobody there to be told; a scan that somebody watched is interrupted. */
static void lose_client(struct parent *p, struct client *c)
{
	int64_t watched = c->waits == WAITS_FOR_SCAN ? c->ticket : 0;
	parent_control_drop(c);
	if (watched)
		parent_sweep_left(p, watched);
}

static void serve_clients(struct parent *p, const struct pollfd *fds)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &p->clients[i];
		if (!c->channel || !fds[i].revents)
			continue;
		bool broken = fds[i].revents & (POLLERR | POLLNVAL);
		if (!broken && fds[i].revents & POLLOUT)
			broken = ipc_channel_flush(c->channel) != 0;
		if (broken || (fds[i].revents & POLLHUP && c->waits != WAITS_FOR_NOTHING))
			lose_client(p, c);
		else
			parent_control_readable(p, c);
	}
}

static void serve_link(struct parent *p, short revents)
{
	if (!p->link.channel || !revents)
		return;
	if (revents & POLLOUT && ipc_channel_flush(p->link.channel))
		parent_link_kill(p, "it does not take what it is told");
	else
		parent_link_readable(p);
}

static int turn(struct parent *p)
{
	struct pollfd fds[FIXED_FDS + SCAN_MAX_FDS];
	size_t n = fill(p, fds);
	if (poll(fds, n, timeout_ms(p, clock_mono_us())) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents)
		handle_signals(p);
	serve_link(p, fds[2].revents);
	if (fds[3].revents)
		parent_quarantine_readable(p);
	serve_clients(p, fds + FIRST_CLIENT);
	parent_sweep_serve(p, fds + FIRST_SWEEP);
	if (fds[1].revents)
		parent_control_accept(p);
	int64_t now = clock_mono_us();
	parent_scan_serve(p, fds + FIXED_FDS, n - FIXED_FDS, now);
	if (now >= p->collect_at_us) {
		parent_collect(p);
		parent_quarantine_changed(p);
	}
	parent_link_tick(p, now);
	parent_scan_tick(p, now);
	parent_packages_tick(p, now);
	notify_alive(&p->notify, now);
	parent_sweep_tick(p, now);
	return 0;
}

/* Closing the channel asks the link to end; it is waited for, so that its folder is free when we are gone. */
static void end_link(struct parent *p)
{
	int64_t until = clock_mono_us() + 5 * US_PER_S;
	ipc_channel_free(p->link.channel);
	p->link.channel = NULL;
	while (p->link.phase != LINK_DOWN) {
		struct pollfd f = {p->signals, POLLIN, 0};
		int64_t left = until - clock_mono_us();
		if (left <= 0) {
			parent_link_kill(p, "it does not end");
			until = INT64_MAX;
		}
		poll(&f, 1, left <= 0 ? -1 : (int)(left / 1000) + 1);
		handle_signals(p);
	}
}

static void release(struct parent *p)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		parent_control_drop(&p->clients[i]);
	parent_sweep_release(p);
	parent_packages_close(p);
	parent_scan_close(p);
	parent_events_release(p);
	parent_quarantine_release(p);
	inventory_free(p->texts);
	identity_wipe(&p->identity);
	free(p->allow);
	buf_wipe(&p->out);
	buf_release(&p->facts);
	if (p->listener >= 0) {
		close(p->listener);
		unlinkat(p->state_folder, CONTROL_SOCKET_NAME, 0);
	}
}

int main(int argc, char **argv)
{
	static struct parent p = {
	    .state_folder = -1, .root_folder = -1, .lock = -1, .listener = -1, .signals = -1, .quarantine.pipe = -1};
	TAILQ_INIT(&p.events);
	p.out = BUF_INIT(MAX_IPC_MESSAGE);
	p.facts = BUF_INIT(MAX_IPC_MESSAGE);
	mallopt(M_ARENA_MAX, 1);
	if (parent_options(&p.options, argc, argv))
		return 2;
	log_open("khien-agent", p.options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (notify_open(&p.notify))
		log_warn("systemd cannot be told how we do", NULL);
	int r = start(&p);
	if (!r) {
		notify_ready(&p.notify);
		log_info(
		    "started", "version", KHIEN_VERSION, "state", identity_standing_name(p.identity.standing), NULL);
	}
	while (!r && !p.stopping)
		r = turn(&p);
	if (r)
		log_error("ends", "error", strerror(-r), NULL);
	notify_close(&p.notify);
	end_link(&p);
	release(&p);
	return r ? 1 : 0;
}
