#include "parent_sweep.h"
#include "clock.h"
#include "control_messages.h"
#include "file.h"
#include "log.h"
#include "parent_int.h"
#include "parent_scan.h"
#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SAVE_EVERY_US = 10000000,
	MOST_FALLS = 3,
	FALL_PAUSE_US = 5000000,
	SPREAD_S = 1800, /* computers of a building begin a scheduled scan within this time of each other */
};

static int64_t setting(const struct parent *p, enum setting_id id)
{
	return parent_setting(p, id);
}

/* ---- what is written down ---- */

static void save(struct parent *p)
{
	int r = scan_jobs_save(p->state_folder, &p->sweeps);
	p->sweeps.save_at_us = clock_mono_us() + SAVE_EVERY_US;
	if (r)
		log_error("the scans cannot be written down", "error", strerror(-r), NULL);
}

static struct scan_job *find_job(struct parent *p, int64_t number)
{
	struct sweeps *s = &p->sweeps;
	for (size_t i = 0; i < s->n_queue; i++)
		if (s->queue[i].number == number)
			return &s->queue[i];
	return s->foreground.number == number && number ? &s->foreground : NULL;
}

/* A running sweep points at its job; the array moves under it. */
static void remove_from_queue(struct parent *p, struct scan_job *j)
{
	struct sweeps *s = &p->sweeps;
	size_t at = (size_t)(j - s->queue);
	scan_job_clear(j);
	memmove(j, j + 1, (s->n_queue - at - 1) * sizeof *j);
	s->queue[--s->n_queue] = (struct scan_job){0};
	struct sweep_run *run = &s->runs[SCAN_BACKGROUND];
	if (run->job)
		run->job = NULL; /* only the first runs, and it is removed when its process is gone */
}

/* ---- accounts ---- */

static void account_stored(struct parent *p, int64_t number, int why)
{
	struct scan_job *j = find_job(p, number);
	(void)why;
	if (!j)
		return;
	if (j != &p->sweeps.foreground)
		remove_from_queue(p, j);
	else if (j->end != SCAN_INTERRUPTED) /* an interrupted one can be gone on with */
		scan_job_clear(j);
	save(p);
}

static void add_reasons(struct scan_event *e, const struct sweep_progress *done)
{
	for (int i = 1; i < SCAN_REASON_COUNT && e->n_reasons < MAX_SCAN_REASONS; i++) {
		if (!done->not_scanned[i])
			continue;
		e->not_scanned[e->n_reasons].reason = scan_reason_name((enum scan_reason)i);
		e->not_scanned[e->n_reasons++].files = done->not_scanned[i];
	}
}

static void tell_account(struct parent *p, const struct scan_job *j)
{
	struct event e = {.kind = EVENT_SCAN, .body = "{}"};
	e.scan = (struct scan_event){.extent = j->extent,
	    .end = j->end,
	    .task_id = j->task_id,
	    .started_us = j->started_us,
	    .files = j->done.files,
	    .bytes = j->done.bytes,
	    .infected = j->done.infected,
	    .suspicious = j->done.suspicious,
	    .why = j->why};
	memcpy(e.id, j->event_id, sizeof e.id);
	add_reasons(&e.scan, &j->done);
	int r = parent_event_add(p, &e, account_stored, j->number);
	if (r && r != -EAGAIN)
		account_stored(p, j->number, -r); /* it cannot be told at all; it was logged */
}

/* The job is over: first on the disk, then told, then forgotten. */
static void end_job(struct parent *p, struct scan_job *j, enum scan_end end, const char *why)
{
	j->end = end;
	str_copy(j->why, sizeof j->why, why);
	rnd_bytes(j->event_id, sizeof j->event_id);
	save(p);
	log_info("scan ended", "extent", scan_extent_name(j->extent), "files", log_num(j->done.files), "infected",
	    log_num(j->done.infected), "why", *why ? why : NULL, NULL);
	tell_account(p, j);
}

/* ---- the process ---- */

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
	const struct scan_job *j = run->job;
	struct sweep_begin b = {.extent = j->extent,
	    .background = background,
	    .quarantine = !j->report_only && setting(p, SETTING_DETECTION_QUARANTINE),
	    .stop_processes = !j->report_only && setting(p, SETTING_DETECTION_STOP),
	    .on_battery = setting(p, SETTING_SCAN_ON_BATTERY),
	    .removable = setting(p, SETTING_SCAN_REMOVABLE),
	    .cpu_percent = setting(p, SETTING_SCAN_CPU),
	    .max_file_bytes = setting(p, SETTING_SCAN_FILE_MIB) << 20,
	    .file_s = setting(p, SETTING_SCAN_FILE_S),
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

static int start(struct parent *p, enum scan_class class, struct scan_job *j)
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

static void stop(struct parent *p, struct sweep_run *run)
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
		stop(p, run);
	}
}

static void take_worker(struct parent *p, int64_t tag, const struct pool_worker_ends *ends, int why)
{
	struct sweep_run *run = NULL;
	for (int i = 0; i < SCAN_CLASS_END; i++)
		if (p->sweeps.runs[i].pid && p->sweeps.runs[i].started_us == tag)
			run = &p->sweeps.runs[i];
	if (ends && !run) {
		close(ends->channel);
		close(ends->life);
		if (ends->pidfd >= 0)
			close(ends->pidfd);
		return;
	}
	if (!run || !run->channel)
		return;
	int fds[3], n = 0;
	ipc_begin(&p->out, ends ? SWEEP_WORKER : SWEEP_NO_WORKER);
	ipc_put_i64(&p->out, ends ? ends->pid : why);
	if (ends) {
		ipc_put_bool(&p->out, ends->pidfd >= 0);
		fds[n++] = ends->channel;
		if (ends->pidfd >= 0)
			fds[n++] = ends->pidfd;
		fds[n++] = ends->life;
	}
	if (ipc_channel_send_fds(run->channel, &p->out, fds, (size_t)n))
		kill(run->pid, SIGKILL);
}

static int hear_want(struct parent *p, struct sweep_run *run, enum scan_class class, struct ipc_reader *r)
{
	if (ipc_end(r))
		return -EBADMSG;
	int k = parent_scan_want(p, class, take_worker, run->started_us);
	if (k)
		take_worker(p, run->started_us, NULL, -k);
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
		parent_event_add(p, &e, NULL, 0);
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
		save(p); /* we are going away: it goes on after the next start */
		return 0;
	}
	relay(p, run, CONTROL_SCAN_ENDED, &whole);
	struct client *c = run->ticket ? parent_waiting(p, WAITS_FOR_SCAN, run->ticket) : NULL;
	if (c)
		c->waits = WAITS_FOR_NOTHING;
	run->ticket = 0;
	end_job(p, run->job, end, why);
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
static void readable(struct parent *p, struct sweep_run *run, enum scan_class class)
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

/* ---- the loop ---- */

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
			readable(p, run, (enum scan_class)i);
	}
}

static void fell(struct parent *p, struct sweep_run *run, enum scan_class class)
{
	run->falls++;
	run->start_at_us = clock_mono_us() + FALL_PAUSE_US;
	if (class == SCAN_BACKGROUND && run->falls < MOST_FALLS)
		return; /* it goes on where it was */
	struct client *c = run->ticket ? parent_waiting(p, WAITS_FOR_SCAN, run->ticket) : NULL;
	if (c)
		parent_refuse(p, c, EIO, "the scan fell over");
	run->ticket = 0;
	run->falls = 0;
	end_job(p, run->job, SCAN_BROKE_OFF, "the scan fell over");
}

void parent_sweep_gone(struct parent *p, pid_t pid, int status)
{
	for (int i = 0; i < SCAN_CLASS_END; i++) {
		struct sweep_run *run = &p->sweeps.runs[i];
		if (run->pid != pid)
			continue;
		while (run->channel && parent_events_have_room(p) && !run->told_end) {
			struct ipc_channel *before = run->channel;
			readable(p, run, (enum scan_class)i);
			if (run->channel == before)
				break;
		}
		ipc_channel_free(run->channel);
		run->channel = NULL;
		run->pid = 0;
		if (!run->told_end && run->job) {
			log_warn("khien-sweep fell over", "status", log_num(status), NULL);
			fell(p, run, (enum scan_class)i);
		}
		run->job = NULL;
	}
}

static int add_background(struct parent *p, const struct scan_job *j)
{
	struct sweeps *s = &p->sweeps;
	if (s->n_queue == MAX_QUEUED_SCANS)
		return -EBUSY;
	s->queue[s->n_queue] = *j;
	s->queue[s->n_queue++].number = ++s->next_number;
	return 0;
}

static int64_t spread_us(const struct parent *p)
{
	uint32_t v;
	memcpy(&v, p->identity.install_id.b, sizeof v);
	return (int64_t)(v % SPREAD_S) * US_PER_S;
}

/* A schedule that came due while the computer was off is made up for, once. */
static void look_at_schedule(struct parent *p)
{
	struct sweeps *s = &p->sweeps;
	int64_t kind = setting(p, SETTING_SCAN_SCHEDULE), now = clock_real_us();
	int64_t due = scan_schedule_last(
	    now, (int)setting(p, SETTING_SCAN_WEEKDAY), (int)setting(p, SETTING_SCAN_HOUR), spread_us(p));
	if (!s->scheduled_us || s->scheduled_us > now) { /* new here, or the clock was turned back: begin to count */
		s->scheduled_us = now;
		save(p);
	}
	if (kind == SCHEDULE_NONE || due <= s->scheduled_us)
		return;
	const struct scan_job j = {.extent = kind == SCHEDULE_FULL ? SCAN_FULL : SCAN_QUICK};
	if (!s->n_queue) /* else one is under way already */
		add_background(p, &j);
	s->scheduled_us = now;
	save(p);
}

static struct scan_job *next_job(struct sweeps *s)
{
	for (size_t i = 0; i < s->n_queue; i++)
		if (!s->queue[i].end)
			return &s->queue[i];
	return NULL;
}

void parent_sweep_tick(struct parent *p, int64_t now_us)
{
	struct sweeps *s = &p->sweeps;
	struct sweep_run *run = &s->runs[SCAN_BACKGROUND];
	if (p->stopping)
		return;
	look_at_schedule(p);
	struct scan_job *j = next_job(s);
	if (!run->pid && j && now_us >= run->start_at_us && parent_scan_protects(p)) {
		int r = start(p, SCAN_BACKGROUND, j);
		if (r) {
			log_error("a scan cannot be started", "error", strerror(-r), NULL);
			run->start_at_us = now_us + FALL_PAUSE_US;
		}
	}
	/* what was found must be on the disk before it is written down that it lies behind us */
	if (run->pid && now_us >= s->save_at_us && !parent_events_wait(p))
		save(p);
}

int64_t parent_sweep_next_us(const struct parent *p)
{
	const struct sweeps *s = &p->sweeps;
	int64_t now = clock_mono_us(), next = now + 60 * US_PER_S; /* the schedule is looked at each minute */
	if (s->runs[SCAN_BACKGROUND].pid && s->save_at_us < next)
		next = s->save_at_us > now ? s->save_at_us : now + US_PER_S;
	if (!s->runs[SCAN_BACKGROUND].pid && s->n_queue)
		next = now + US_PER_S;
	return next;
}

/* ---- asking ---- */

static int copy_paths(struct scan_job *j, const char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		j->paths[j->n_paths] = strdup(paths[i]);
		if (!j->paths[j->n_paths])
			return -ENOMEM;
		j->n_paths++;
	}
	return 0;
}

void parent_sweep_task(struct parent *p, const struct task *t, const struct task_args *a, struct task_reply *reply)
{
	struct scan_job j = {.extent = a->scan.extent, .task_id = t->id};
	int r = copy_paths(&j, a->scan.paths, a->scan.n_paths);
	if (!r)
		r = add_background(p, &j);
	if (!r)
		r = scan_jobs_save(p->state_folder, &p->sweeps);
	if (r == -EBUSY)
		parent_task_refuse(reply, "%d scans wait already", MAX_QUEUED_SCANS);
	else if (r)
		parent_task_refuse(reply, "the scan cannot be written down: %s", strerror(-r));
	else
		reply->outcome = TASK_WAS_STARTED;
	if (r == -EBUSY || r == -ENOMEM)
		scan_job_clear(&j);
	else if (r)
		remove_from_queue(p, &p->sweeps.queue[p->sweeps.n_queue - 1]);
}

static int get_paths(struct ipc_reader *r, struct scan_job *j)
{
	size_t n = ipc_get_enum(r, MAX_SCAN_PATHS + 1);
	for (size_t i = 0; i < n; i++) {
		size_t bytes;
		const char *path = ipc_get_bytes(r, MAX_PATH_BYTES, &bytes);
		if (r->error || !bytes || path[0] != '/' || memchr(path, 0, bytes))
			return -EINVAL;
		j->paths[j->n_paths] = strndup(path, bytes);
		if (!j->paths[j->n_paths])
			return -ENOMEM;
		j->n_paths++;
	}
	return 0;
}

/* Goes on with the interrupted one, or takes the new one's place. */
static const char *choose_foreground(struct parent *p, bool resume, struct scan_job *j)
{
	struct scan_job *f = &p->sweeps.foreground;
	if (resume && f->end != SCAN_INTERRUPTED)
		return "no scan was interrupted";
	if (!resume && (!j->extent || (j->extent == SCAN_CUSTOM) != (j->n_paths > 0)))
		return "what is to be scanned is not said";
	if (resume) {
		f->end = 0;
		f->number = ++p->sweeps.next_number;
		return NULL;
	}
	scan_job_clear(f);
	*f = *j;
	f->number = ++p->sweeps.next_number;
	*j = (struct scan_job){0};
	return NULL;
}

void parent_sweep_ask(struct parent *p, struct client *c, struct ipc_reader *r)
{
	struct sweep_run *run = &p->sweeps.runs[SCAN_FOREGROUND];
	struct scan_job j = {.extent = ipc_get_enum(r, SCAN_EXTENT_END)};
	bool resume = ipc_get_bool(r);
	j.report_only = ipc_get_bool(r);
	const char *why = get_paths(r, &j) || ipc_end(r) ? "paths must be absolute" : NULL;
	int code = EINVAL;
	if (!why && run->pid) {
		why = "another scan is under way";
		code = EBUSY;
	}
	if (!why && !parent_scan_protects(p)) {
		why = "no engine protects this computer at the moment: nothing can be scanned";
		code = ENODEV;
	}
	if (!why)
		why = choose_foreground(p, resume, &j);
	int k = why ? 0 : start(p, SCAN_FOREGROUND, &p->sweeps.foreground);
	if (k) {
		why = strerror(-k);
		code = -k;
	}
	scan_job_clear(&j);
	if (why) {
		parent_refuse(p, c, code, why);
		return;
	}
	c->waits = WAITS_FOR_SCAN;
	c->ticket = run->ticket = ++p->next_ticket;
}

void parent_sweep_left(struct parent *p, int64_t ticket)
{
	struct sweep_run *run = &p->sweeps.runs[SCAN_FOREGROUND];
	if (run->pid && run->ticket == ticket) {
		run->ticket = 0;
		stop(p, run);
	}
}

/* ---- life ---- */

int parent_sweep_open(struct parent *p)
{
	struct sweeps *s = &p->sweeps;
	int r = scan_jobs_load(p->state_folder, s);
	if (r == -EBADMSG) {
		log_error("the list of scans is broken: it begins anew", NULL);
		renameat(p->state_folder, "scans", p->state_folder, "scans.broken");
		r = 0;
	}
	if (r == -ENOENT)
		r = 0;
	for (size_t i = 0; i < s->n_queue && !r; i++)
		if (s->queue[i].end)
			tell_account(p, &s->queue[i]); /* the end was written down, and perhaps not told */
	if (!r && s->foreground.number && !s->foreground.end)
		s->foreground.end = SCAN_INTERRUPTED; /* by our end */
	return r;
}

void parent_sweep_release(struct parent *p)
{
	struct sweeps *s = &p->sweeps;
	if (s->next_number)
		save(p);
	for (int i = 0; i < SCAN_CLASS_END; i++)
		ipc_channel_free(s->runs[i].channel);
	for (size_t i = 0; i < s->n_queue; i++)
		scan_job_clear(&s->queue[i]);
	scan_job_clear(&s->foreground);
}
