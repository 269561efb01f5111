#include "sweep.h"
#include "clock.h"
#include "quick.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MOST_TRIES = 3,
	COUNT_US = 3000000, /* what there is to do is counted for no longer than this */
	AHEAD = 64,         /* files opened and not done with: what workers have, and what waits for them */
};

/* ---- beginning ---- */

static int want_worker(void *arg)
{
	struct sweep *s = arg;
	ipc_begin(&s->out, SWEEP_WANT_WORKER);
	return ipc_channel_send(s->parent, &s->out);
}

static int new_walk(struct sweep *s, struct walk **ret)
{
	const struct walk_plan plan = {.n_roots = s->n_roots,
	    .roots = s->roots,
	    .n_left_out = 1,
	    .left_out = (const char *const *)s->left_out,
	    .after = s->position,
	    .mounts = s->mounts,
	    .removable = s->begin.removable,
	    .no_repeats = s->begin.extent == SCAN_FULL};
	return walk_new(&plan, ret);
}

/* For somebody who watches: how much there is. Names and sizes alone, and not for long. */
static void count(struct sweep *s)
{
	struct walk *w;
	struct walk_item item;
	int64_t files = 0, bytes = 0, until = clock_mono_us() + COUNT_US;
	int r = new_walk(s, &w);
	if (r)
		return;
	while ((r = walk_next(w, &item)) == 1 && clock_mono_us() < until) {
		files++;
		bytes += item.st.st_size;
		if (item.fd >= 0)
			close(item.fd);
	}
	if (r == 1 && item.fd >= 0)
		close(item.fd);
	walk_free(w);
	if (r == 0) {
		s->progress.all_files = s->progress.files + files;
		s->progress.all_bytes = s->progress.bytes + bytes;
	}
}

static int begin_pool(struct sweep *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	const struct pool_config config = {.max_workers = s->begin.background || cores < 2 ? 1
	                                                  : cores > 8                      ? 8
	                                                                                   : (size_t)cores,
	    .min_workers = 1,
	    .max_queue = AHEAD,
	    .deadline_ms = s->begin.file_s * 1000,
	    .patience_ms = 120000,
	    .idle_ms = 60000,
	    .want_worker = want_worker,
	    .arg = s};
	return pool_new(&config, &s->pool);
}

static int begin_quarantine(struct sweep *s)
{
	char folder[MAX_PATH_BYTES];
	struct err e = {0};
	int n = snprintf(folder, sizeof folder, "%s/" QUARANTINE_FOLDER_NAME, s->begin.state);
	if (n < 0 || (size_t)n >= sizeof folder)
		return -ENAMETOOLONG;
	int r = quarantine_open(folder, &QUARANTINE_LIMITS_STANDARD, &s->quarantine, &e);
	if (r)
		snprintf(s->why, sizeof s->why, "the quarantine cannot be used: %s", e.text);
	return r;
}

/* A custom scan names its places; a full one begins at the root; a quick one looks where it looks. */
static int choose_roots(struct sweep *s)
{
	static const char *const all[] = {"/"};
	s->roots = s->begin.paths;
	s->n_roots = s->begin.n_paths;
	if (s->begin.extent == SCAN_FULL) {
		s->roots = all;
		s->n_roots = 1;
	}
	if (s->begin.extent != SCAN_QUICK)
		return 0;
	int r = quick_places(&s->quick, &s->n_roots);
	s->roots = (const char *const *)s->quick;
	return r;
}

int sweep_begin(struct sweep *s)
{
	TAILQ_INIT(&s->window);
	s->progress = s->begin.before;
	s->progress.all_files = s->progress.all_bytes = -1;
	if (s->progress.position_n) {
		s->position = strndup(s->progress.position, s->progress.position_n);
		if (!s->position)
			return -ENOMEM;
	}
	s->left_out[0] = strdup(s->begin.state);
	int r = s->left_out[0] ? mounts_read("/proc/self/mountinfo", "/sys", &s->mounts) : -ENOMEM;
	if (!r)
		r = choose_roots(s);
	if (!r && s->begin.quarantine)
		r = begin_quarantine(s);
	if (!r)
		r = begin_pool(s);
	if (!r)
		r = new_walk(s, &s->walk);
	if (r) {
		if (!*s->why)
			snprintf(s->why, sizeof s->why, "%s", strerror(-r));
		return r;
	}
	s->begun = true;
	s->pace = (struct pace){.background = s->begin.background,
	    .percent = (int)s->begin.cpu_percent,
	    .on_battery = s->begin.on_battery,
	    .sys = "/sys",
	    .proc = "/proc"};
	if (s->begin.background)
		pace_lower_priority();
	else
		count(s);
	pace_begin(&s->pace, clock_mono_us());
	return 0;
}

/* ---- files ---- */

static void file_free(struct sweep_file *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	walk_folder_drop(f->folder);
	free(f->path);
	free(f);
}

static void count_missed(struct sweep *s, enum scan_reason reason, const char *path)
{
	s->progress.not_scanned[reason]++;
	sweep_tell_missed(s, reason, path);
}

/* Those at the head that are done: behind the last of them the scan can be gone on with. */
static void close_window(struct sweep *s)
{
	struct sweep_file *f;
	while ((f = TAILQ_FIRST(&s->window)) && f->done) {
		TAILQ_REMOVE(&s->window, f, in_order);
		s->in_window--;
		free(s->position);
		s->position = f->path;
		f->path = NULL;
		file_free(f);
	}
}

static void end_file(struct sweep *s, struct sweep_file *f)
{
	close(f->fd);
	f->fd = -1;
	walk_folder_drop(f->folder);
	f->folder = NULL;
	f->done = true;
	s->progress.files++;
	s->progress.bytes += f->st.st_size;
	close_window(s);
}

static void submit(struct sweep *s, struct sweep_file *f);

static bool is_changed(const struct scan_result *r)
{
	return r->verdict == SCAN_NOT_SCANNED && r->reason == SCAN_CHANGED;
}

static void on_result(void *arg, const struct scan_result *r)
{
	struct sweep_file *f = arg;
	struct sweep *s = f->sweep;
	bool anew = is_changed(r) || (r->n_finds && sweep_act(s, f, r));
	if (anew && ++f->tries < MOST_TRIES && !s->stopping) {
		submit(s, f);
		return;
	}
	if (anew && r->n_finds)
		count_missed(
		    s, SCAN_CHANGED, f->path); /* it runs away under our hands: said, and met again by the next scan */
	else if (r->verdict == SCAN_NOT_SCANNED)
		count_missed(s, r->reason, f->path);
	else if (r->verdict == SCAN_ERROR)
		count_missed(s, SCAN_FAILED, f->path);
	end_file(s, f);
}

static void submit(struct sweep *s, struct sweep_file *f)
{
	const struct scan_job job = {.fd = f->fd, .done = on_result, .arg = f};
	int r = pool_submit(s->pool, &job);
	if (r) { /* not for want of room: the queue takes a whole window */
		count_missed(s, SCAN_FAILED, f->path);
		end_file(s, f);
	}
}

static int take_item(struct sweep *s, const struct walk_item *item)
{
	struct sweep_file *f = calloc(1, sizeof *f);
	if (f)
		f->path = strndup(item->path, item->path_n);
	if (!f || !f->path) {
		free(f);
		close(item->fd);
		return -ENOMEM;
	}
	f->sweep = s;
	f->fd = item->fd;
	f->folder = walk_folder_hold(item->folder);
	f->name = f->path + (item->name - item->path);
	f->st = item->st;
	f->device = item->device;
	TAILQ_INSERT_TAIL(&s->window, f, in_order);
	s->in_window++;
	if (!item->st.st_size) {
		end_file(s, f); /* nothing is in it */
	} else if (item->st.st_size > s->begin.max_file_bytes) {
		count_missed(s, SCAN_TOO_BIG, f->path);
		end_file(s, f);
	} else {
		submit(s, f);
	}
	return 0;
}

static enum scan_reason reason_of(int error)
{
	return error == ELOOP || error == ENAMETOOLONG ? SCAN_LIMITS : SCAN_UNREADABLE;
}

static int take_next(struct sweep *s)
{
	struct walk_item item;
	int r = walk_next(s->walk, &item);
	if (r == 0)
		s->walked = true;
	else if (r == 1 && item.kind == WALK_MISSED)
		count_missed(s, reason_of(item.error), item.path);
	else if (r == 1)
		r = take_item(s, &item);
	return r < 0 ? r : 0;
}

void sweep_feed(struct sweep *s, int64_t now_us)
{
	int r = 0;
	s->progress.rest = (uint8_t)pace_ask(&s->pace, now_us, &s->pace_again_us);
	while (!r && !s->stopping && !s->walked && s->progress.rest == PACE_GOES && s->in_window < AHEAD)
		r = take_next(s);
	if (r) {
		snprintf(s->why, sizeof s->why, "%s", strerror(-r));
		s->stopping = true;
	}
}

bool sweep_is_over(const struct sweep *s)
{
	return s->begun && (s->stopping || (s->walked && !s->in_window));
}

int64_t sweep_next_us(const struct sweep *s)
{
	int64_t pool = pool_next_us(s->pool);
	return pool < s->pace_again_us ? pool : s->pace_again_us;
}

void sweep_release(struct sweep *s)
{
	struct sweep_file *f;
	pool_free(s->pool);
	while (s->begun && (f = TAILQ_FIRST(&s->window))) {
		TAILQ_REMOVE(&s->window, f, in_order);
		file_free(f);
	}
	walk_free(s->walk);
	mounts_free(s->mounts);
	quarantine_close(s->quarantine);
	quick_free(s->quick, s->quick ? s->n_roots : 0);
	free(s->position);
	free(s->left_out[0]);
	buf_release(&s->begin_bytes);
	buf_release(&s->out);
	buf_release(&s->display);
	ipc_channel_free(s->parent);
}
