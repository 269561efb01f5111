/* A sweep as a process: starting it, handing it workers, hearing what it says. */
#include "parent_sweep_int.h"
#include "clock.h"
#include "control_messages.h"
#include "log.h"
#include "parent_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void become_sweep(const struct parent *p, int fd)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd == SWEEP_CHANNEL ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, SWEEP_CHANNEL) < 0)
		_exit(125);
	char *argv[] = {(char *)(uintptr_t) "khien-sweep", NULL};
	execv(p->options.sweep, argv);
	_exit(126);
}

static int spawn(struct parent *p, struct sweep_run *run)
{
	int fds[2];
	int r = ipc_pair(fds);
	if (r)
		return r;
	r = ipc_channel_new(fds[0], &run->channel);
	if (r) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	pid_t pid = fork();
	if (pid == 0)
		become_sweep(p, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		r = -errno;
		ipc_channel_free(run->channel);
		run->channel = NULL;
		return r;
	}
	run->pid = pid;
	run->started_us = clock_mono_us();
	run->told_end = run->stopped = false;
	return 0;
}

static int send_begin(struct parent *p, struct sweep_run *run, bool background, const char *state)
{
	const struct sweep_job *j = run->job;
	struct sweep_begin b = {.extent = j->extent,
	    .background = background,
	    .quarantine = !j->report_only && parent_setting(p, SETTING_DETECTION_QUARANTINE),
	    .stop_processes = !j->report_only && parent_setting(p, SETTING_DETECTION_STOP),
	    .on_battery = parent_setting(p, SETTING_SCAN_ON_BATTERY),
	    .removable = parent_setting(p, SETTING_SCAN_REMOVABLE),
	    .cpu_percent = parent_setting(p, SETTING_SCAN_CPU),
	    .max_file_bytes = parent_setting(p, SETTING_SCAN_FILE_MIB) << 20,
	    .file_s = parent_setting(p, SETTING_SCAN_FILE_S),
	    .state = state,
	    .before = j->done,
	    .n_paths = j->n_paths};
	b.before.position = j->position;
	b.before.position_n = j->position ? strlen(j->position) : 0;
	for (size_t i = 0; i < j->n_paths; i++)
		b.paths[i] = j->paths[i];
	ipc_begin(&p->out, SWEEP_BEGIN);
	sweep_put_begin(&p->out, &b);
	return ipc_channel_send(run->channel, &p->out);
}

int sweep_start(struct parent *p, enum scan_class class, struct sweep_job *j)
{
	struct sweep_run *run = &p->sweeps.runs[class];
	char state[PATH_MAX];
	if (!realpath(p->options.state, state))
		return -errno;
	int r = spawn(p, run);
	if (r)
		return r;
	run->job = j;
	if (!j->started_us)
		j->started_us = clock_real_us();
	r = send_begin(p, run, class == SCAN_BACKGROUND, state);
	if (r)
		kill(run->pid, SIGKILL);
	return 0;
}

void sweep_stop(struct parent *p, struct sweep_run *run)
{
	if (!run->channel || run->stopped)
		return;
	run->stopped = true;
	ipc_begin(&p->out, SWEEP_STOP);
	if (ipc_channel_send(run->channel, &p->out))
		kill(run->pid, SIGKILL);
}

/* ---- what it says ---- */

static void relay(struct parent *p, struct sweep_run *run, uint16_t type, const struct ipc_reader *r)
{
	struct client *c = run->ticket ? parent_waiting(p, WAITS_FOR_SCAN, run->ticket) : NULL;
	if (!c)
		return;
	ipc_begin(&p->out, type);
	buf_add(&p->out, r->p, r->n);
	if (ipc_channel_send(c->channel, &p->out)) {
		parent_control_drop(c);
		sweep_stop(p, run);
	}
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* The moment of its start tells a run from the one before. */
static struct sweep_run *run_of(struct parent *p, int64_t started_us)
{
	for (int i = 0; i < SCAN_CLASS_END; i++)
		if (p->sweeps.runs[i].pid && p->sweeps.runs[i].started_us == started_us)
			return &p->sweeps.runs[i];
	return NULL;
}

/* What the template has made, or why it has not: handed on with its descriptors. */
static void hand_on_worker(struct parent *p, int64_t tag, const struct pool_worker_ends *w, int why)
{
	struct sweep_run *run = run_of(p, tag);
	int fds[3];
	size_t n = 0;
	ipc_begin(&p->out, w ? SWEEP_WORKER : SWEEP_NO_WORKER);
	ipc_put_i64(&p->out, w ? w->pid : why < 0 ? -why : why);
	if (w) {
		ipc_put_bool(&p->out, w->pidfd >= 0);
		fds[n++] = w->channel;
		if (w->pidfd >= 0)
			fds[n++] = w->pidfd;
		fds[n++] = w->life;
	}
	if (!run || !run->channel)
		close_all(fds, n);
	else if (ipc_channel_send_fds(run->channel, &p->out, fds, n))
		kill(run->pid, SIGKILL);
}

static int hear_want(struct parent *p, struct sweep_run *run, enum scan_class class, struct ipc_reader *r)
{
	if (ipc_end(r))
		return -EBADMSG;
	int k = parent_scan_want(p, class, hand_on_worker, run->started_us);
	if (k)
		hand_on_worker(p, run->started_us, NULL, k);
	return 0;
}

static int hear_progress(struct parent *p, struct sweep_run *run, enum scan_class class, struct ipc_reader *r)
{
	const struct ipc_reader whole = *r;
	struct sweep_progress done;
	(void)class;
	sweep_get_progress(r, &done);
	if (ipc_end(r))
		return -EBADMSG;
	if (done.position_n) {
		char *position = strndup(done.position, done.position_n);
		if (!position)
			return -ENOMEM;
		if (!run->job->position || strcmp(run->job->position, position) != 0)
			run->falls = 0;
		free(run->job->position);
		run->job->position = position;
	}
	done.position = NULL;
	done.position_n = 0;
	run->job->done = done;
	relay(p, run, CONTROL_SCAN_PROGRESS, &whole);
	return 0;
}

/* What went into quarantine is told from there (parent_act.c), so that it is told once whatever happens here. */
static int hear_found(struct parent *p, struct sweep_run *run, enum scan_class class, struct ipc_reader *r)
{
	const struct ipc_reader whole = *r;
	struct sweep_found f;
	(void)class;
	sweep_get_found(r, &f);
	if (ipc_end(r))
		return -EBADMSG;
	log_warn(
	    "found", "name", f.detection.name, "path", f.detection.path.display, "why", *f.why ? f.why : NULL, NULL);
	if (f.detection.action == ACTION_QUARANTINED) {
		parent_quarantine_changed(p);
	} else {
		struct event e = {.kind = EVENT_DETECTION, .body = "{}", .detection = f.detection};
		int k = parent_event_add(p, &e, NULL, 0);
		if (k)
			log_error("a find cannot be told", "error", strerror(-k), NULL);
	}
	relay(p, run, CONTROL_SCAN_FOUND, &whole);
	return 0;
}

static int hear_missed(struct parent *p, struct sweep_run *run, enum scan_class class, struct ipc_reader *r)
{
	const struct ipc_reader whole = *r;
	size_t n;
	(void)class;
	ipc_get_enum(r, SCAN_REASON_COUNT);
	ipc_get_bytes(r, MAX_PATH_BYTES, &n);
	if (ipc_end(r))
		return -EBADMSG;
	relay(p, run, CONTROL_SCAN_MISSED, &whole);
	return 0;
}

static int hear_ended(struct parent *p, struct sweep_run *run, enum scan_class class, struct ipc_reader *r)
{
	const struct ipc_reader whole = *r;
	enum scan_end end = ipc_get_enum(r, SCAN_END_END);
	const char *why = ipc_get_text(r, SWEEP_MAX_WHY - 1);
	if (ipc_end(r) || !end)
		return -EBADMSG;
	run->told_end = true;
	if (end == SCAN_INTERRUPTED && class == SCAN_BACKGROUND) {
		sweeps_save(p); /* we are going away: it goes on after the next start */
		return 0;
	}
	relay(p, run, CONTROL_SCAN_ENDED, &whole);
	struct client *c = run->ticket ? parent_waiting(p, WAITS_FOR_SCAN, run->ticket) : NULL;
	if (c)
		c->waits = WAITS_FOR_NOTHING;
	run->ticket = 0;
	sweep_job_end(p, run->job, end, why);
	return 0;
}

static const struct {
	uint16_t type;
	int (*hear)(struct parent *p, struct sweep_run *run, enum scan_class class, struct ipc_reader *r);
} words[] = {
    {SWEEP_WANT_WORKER, hear_want},
    {SWEEP_PROGRESS, hear_progress},
    {SWEEP_FOUND, hear_found},
    {SWEEP_MISSED, hear_missed},
    {SWEEP_ENDED, hear_ended},
};

static int hear(struct parent *p, struct sweep_run *run, enum scan_class class, uint16_t type, struct ipc_reader *r)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].type == type)
			return run->told_end ? -EPERM : words[i].hear(p, run, class, r);
	return -EPERM;
}

/* A sweep whose finds have no place yet is not heard further: its channel fills, and it waits. */
void sweep_readable(struct parent *p, struct sweep_run *run, enum scan_class class)
{
	struct ipc_reader r;
	uint16_t type;
	int k = 0;
	while (run->channel && parent_events_have_room(p) && (k = ipc_channel_receive(run->channel, &r, &type)) == 1) {
		k = hear(p, run, class, type, &r);
		if (k) {
			log_warn("ending khien-sweep", "why", strerror(-k), NULL);
			kill(run->pid, SIGKILL);
			return;
		}
	}
	if (k < 0 && run->channel) {
		ipc_channel_free(run->channel);
		run->channel = NULL;
		if (k != -EPIPE)
			kill(run->pid, SIGKILL);
	}
}

size_t parent_sweep_fill(const struct parent *p, struct pollfd fds[SCAN_CLASS_END])
{
	for (int i = 0; i < SCAN_CLASS_END; i++) {
		const struct ipc_channel *c = p->sweeps.runs[i].channel;
		fds[i] = (struct pollfd){-1, 0, 0};
		if (c)
			fds[i] = (struct pollfd){ipc_channel_fd(c),
			    (short)((parent_events_have_room(p) ? POLLIN : 0) |
			            (ipc_channel_wants_write(c) ? POLLOUT : 0)),
			    0};
	}
	return SCAN_CLASS_END;
}

void parent_sweep_serve(struct parent *p, const struct pollfd *fds)
{
	for (int i = 0; i < SCAN_CLASS_END; i++) {
		struct sweep_run *run = &p->sweeps.runs[i];
		if (!run->channel || !fds[i].revents)
			continue;
		if (fds[i].revents & POLLOUT && ipc_channel_flush(run->channel))
			kill(run->pid, SIGKILL);
		else
			sweep_readable(p, run, (enum scan_class)i);
	}
}
