#include "parent_sweep_int.h"
#include "clock.h"
#include "log.h"
#include "parent_scan.h"
#include "rnd.h"
#include "str.h"

#include <errno.h>
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

/* ---- what is written down ---- */

void sweeps_save(struct parent *p)
{
	int r = scan_jobs_save(p->state_folder, &p->sweeps);
	p->sweeps.save_at_us = clock_mono_us() + SAVE_EVERY_US;
	if (r)
		log_error("the scans cannot be written down", "error", strerror(-r), NULL);
}

static struct sweep_job *find_job(struct parent *p, int64_t number)
{
	struct sweeps *s = &p->sweeps;
	for (size_t i = 0; i < s->n_queue; i++)
		if (s->queue[i].number == number)
			return &s->queue[i];
	return s->foreground.number == number && number ? &s->foreground : NULL;
}

/* A running sweep points at its job; the array moves under it. */
static void remove_from_queue(struct parent *p, struct sweep_job *j)
{
	struct sweeps *s = &p->sweeps;
	size_t at = (size_t)(j - s->queue);
	sweep_job_clear(j);
	memmove(j, j + 1, (s->n_queue - at - 1) * sizeof *j);
	s->queue[--s->n_queue] = (struct sweep_job){0};
	struct sweep_run *run = &s->runs[SCAN_BACKGROUND];
	if (run->job)
		run->job = NULL; /* only the first runs, and it is removed when its process is gone */
}

/* ---- accounts ---- */

static void account_stored(struct parent *p, int64_t number, int why)
{
	struct sweep_job *j = find_job(p, number);
	(void)why;
	if (!j)
		return;
	if (j != &p->sweeps.foreground)
		remove_from_queue(p, j);
	else if (j->end != SCAN_INTERRUPTED) /* an interrupted one can be gone on with */
		sweep_job_clear(j);
	sweeps_save(p);
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

static void tell_account(struct parent *p, const struct sweep_job *j)
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
void sweep_job_end(struct parent *p, struct sweep_job *j, enum scan_end end, const char *why)
{
	j->end = end;
	str_copy(j->why, sizeof j->why, why);
	rnd_bytes(j->event_id, sizeof j->event_id);
	sweeps_save(p);
	log_info("scan ended", "extent", scan_extent_name(j->extent), "files", log_num(j->done.files), "infected",
	    log_num(j->done.infected), "why", *why ? why : NULL, NULL);
	tell_account(p, j);
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
	sweep_job_end(p, run->job, SCAN_ENDED_BADLY, "the scan fell over");
}

bool parent_sweep_gone(struct parent *p, pid_t pid, int status)
{
	for (int i = 0; i < SCAN_CLASS_END; i++) {
		struct sweep_run *run = &p->sweeps.runs[i];
		if (run->pid != pid)
			continue;
		while (run->channel && parent_events_have_room(p) && !run->told_end) {
			struct ipc_channel *before = run->channel;
			sweep_readable(p, run, (enum scan_class)i);
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
		return true;
	}
	return false;
}

static int add_background(struct parent *p, const struct sweep_job *j)
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
	int64_t kind = parent_setting(p, SETTING_SCAN_SCHEDULE), now = clock_real_us();
	int64_t due = scan_schedule_last(
	    now, (int)parent_setting(p, SETTING_SCAN_WEEKDAY), (int)parent_setting(p, SETTING_SCAN_HOUR), spread_us(p));
	if (!s->scheduled_us || s->scheduled_us > now) { /* new here, or the clock was turned back: begin to count */
		s->scheduled_us = now;
		sweeps_save(p);
	}
	if (kind == SCHEDULE_NONE || due <= s->scheduled_us)
		return;
	const struct sweep_job j = {.extent = kind == SCHEDULE_FULL ? SCAN_FULL : SCAN_QUICK};
	if (!s->n_queue) /* else one is under way already */
		add_background(p, &j);
	s->scheduled_us = now;
	sweeps_save(p);
}

static struct sweep_job *next_job(struct sweeps *s)
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
	struct sweep_job *j = next_job(s);
	if (!run->pid && j && now_us >= run->start_at_us && parent_scan_protects(p)) {
		int r = sweep_start(p, SCAN_BACKGROUND, j);
		if (r) {
			log_error("a scan cannot be started", "error", strerror(-r), NULL);
			run->start_at_us = now_us + FALL_PAUSE_US;
		}
	}
	/* what was found must be on the disk before it is written down that it lies behind us */
	if (run->pid && now_us >= s->save_at_us && !parent_events_wait(p))
		sweeps_save(p);
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

static int copy_paths(struct sweep_job *j, const char *const *paths, size_t n)
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
	struct sweep_job j = {.extent = a->scan.extent, .task_id = t->id};
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
		sweep_job_clear(&j);
	else if (r)
		remove_from_queue(p, &p->sweeps.queue[p->sweeps.n_queue - 1]);
}

static int get_paths(struct ipc_reader *r, struct sweep_job *j)
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
static const char *choose_foreground(struct parent *p, bool resume, struct sweep_job *j)
{
	struct sweep_job *f = &p->sweeps.foreground;
	if (resume && f->end != SCAN_INTERRUPTED)
		return "no scan was interrupted";
	if (!resume && (!j->extent || (j->extent == SCAN_CUSTOM) != (j->n_paths > 0)))
		return "what is to be scanned is not said";
	if (resume) {
		f->end = 0;
		f->number = ++p->sweeps.next_number;
		return NULL;
	}
	sweep_job_clear(f);
	*f = *j;
	f->number = ++p->sweeps.next_number;
	*j = (struct sweep_job){0};
	return NULL;
}

void parent_sweep_ask(struct parent *p, struct client *c, struct ipc_reader *r)
{
	struct sweep_run *run = &p->sweeps.runs[SCAN_FOREGROUND];
	struct sweep_job j = {.extent = ipc_get_enum(r, SCAN_EXTENT_END)};
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
	int k = why ? 0 : sweep_start(p, SCAN_FOREGROUND, &p->sweeps.foreground);
	if (k) {
		why = strerror(-k);
		code = -k;
	}
	sweep_job_clear(&j);
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
		sweep_stop(p, run);
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
		sweeps_save(p);
	for (int i = 0; i < SCAN_CLASS_END; i++)
		ipc_channel_free(s->runs[i].channel);
	for (size_t i = 0; i < s->n_queue; i++)
		sweep_job_clear(&s->queue[i]);
	sweep_job_clear(&s->foreground);
}
