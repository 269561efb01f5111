/* khien-scan: see scan_int.h. Started by khien-agent with the channel as descriptor 3. */
#include "scan_int.h"
#include "bounds.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANNEL = 3, LAST_JOB_US = 700000000 };

struct flags {
	const char *user, *check;
	bool verbose;
};

static int usage(void)
{
	fputs("usage: khien-scan [--user NAME] [--verbose]   (started by khien-agent)\n"
	      "       khien-scan --check FOLDER [--user NAME]   (tries the signatures of a folder)\n",
	    stderr);
	return -EINVAL;
}

static int read_flags(int argc, char **argv, struct flags *f)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0)
			f->verbose = true;
		else if (i + 1 < argc && strcmp(argv[i], "--user") == 0)
			f->user = argv[++i];
		else if (i + 1 < argc && strcmp(argv[i], "--check") == 0)
			f->check = argv[++i];
		else
			return usage();
	}
	return 0;
}

static int open_signals(struct template *t)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return t->signals < 0 ? -errno : 0;
}

/* Files, because engines look for theirs by name while they load; the template's rights end with its user's. */
static int start(struct template *t, const char *user)
{
	struct sandbox_plan plan = {.user = user, .no_core = true, .max_files = 256};
	t->out = BUF_INIT(MAX_IPC_MESSAGE);
	for (size_t i = 0; i < MAX_PENDING; i++)
		t->pending[i].pidfd = -1;
	prctl(PR_SET_NAME, "khien-scan");
	int r = sandbox_enter(&plan, &t->sandbox);
	if (r)
		return r;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* not earlier: becoming another user forgets it */
	r = open_signals(t);
	if (!r && pipe2(t->life, O_CLOEXEC) < 0)
		r = -errno;
	return r ? r : ipc_channel_new(CHANNEL, &t->parent);
}

static void take_signals(struct template *t)
{
	struct signalfd_siginfo s;
	while (read(t->signals, &s, sizeof s) == sizeof s)
		;
	template_collect(t);
}

/* fds[0] parent, [1] signals, [2 …] workers that are not handed over. */
static bool fill(const struct template *t, struct pollfd *fds)
{
	bool waits = false;
	short events = (short)(POLLIN | (ipc_channel_wants_write(t->parent) ? POLLOUT : 0));
	fds[0] = (struct pollfd){CHANNEL, events, 0};
	fds[1] = (struct pollfd){t->signals, POLLIN, 0};
	for (size_t i = 0; i < MAX_PENDING; i++) {
		bool used = t->pending[i].pid;
		waits = waits || used;
		fds[2 + i] = (struct pollfd){used ? ipc_channel_fd(t->pending[i].channel) : -1, POLLIN, 0};
	}
	return waits;
}

static int turn(struct template *t)
{
	struct pollfd fds[2 + MAX_PENDING];
	int r = 0;
	bool waits = fill(t, fds);
	if (poll(fds, 2 + MAX_PENDING, waits ? 1000 : -1) < 0)
		return errno == EINTR ? 0 : -errno;
	for (size_t i = 0; i < MAX_PENDING; i++)
		if (fds[2 + i].revents & POLLIN && t->pending[i].pid)
			template_hear_pending(t, &t->pending[i]);
	if (fds[1].revents)
		take_signals(t);
	if (fds[0].revents & POLLOUT)
		r = ipc_channel_flush(t->parent);
	if (!r && fds[0].revents)
		r = template_hear(t);
	if (waits)
		template_tick(t, clock_mono_us());
	return r;
}

/* Nobody asks for workers any more; those that are there end when whoever feeds them lets them go. */
static void see_workers_off(struct template *t)
{
	int64_t until = clock_mono_us() + LAST_JOB_US;
	while (clock_mono_us() < until && (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD)) {
		struct pollfd f = {t->signals, POLLIN, 0};
		struct signalfd_siginfo s;
		if (poll(&f, 1, 1000) > 0 && read(t->signals, &s, sizeof s) < 0 && errno != EAGAIN)
			return;
	}
}

int main(int argc, char **argv)
{
	static struct template t = {.signals = -1, .life = {-1, -1}};
	struct flags f = {0};
	log_open("khien-scan", LOG_LEVEL_INFO);
	if (read_flags(argc, argv, &f))
		return 2;
	if (f.check)
		return scan_check(f.check, f.user);
	t.verbose = f.verbose;
	int r = start(&t, f.user);
	if (r) {
		log_error("cannot start", "error", strerror(-r), NULL);
		return 1;
	}
	while (!r)
		r = turn(&t);
	for (size_t i = 0; i < MAX_PENDING; i++)
		ipc_channel_free(t.pending[i].channel);
	if (r == -EPIPE)
		see_workers_off(&t);
	else
		log_error("ends", "error", strerror(-r), NULL);
	return r == -EPIPE ? 0 : 1; /* the workers end with us */
}
