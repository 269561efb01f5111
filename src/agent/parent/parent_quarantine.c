#include "parent_quarantine.h"
#include "allow.h"
#include "file.h"
#include "log.h"
#include "parent_int.h"
#include "path_display.h"
#include "quarantine.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- telling the centre ---- */

static void open_quarantine(struct parent *p)
{
	struct quarantine_works *w = &p->quarantine;
	char folder[PATH_MAX];
	struct err e = {0};
	if (snprintf(folder, sizeof folder, "%s/%s", p->options.state, QUARANTINE_FOLDER_NAME) >= (int)sizeof folder)
		return;
	bool was_well = !*w->problem;
	if (quarantine_open(folder, &QUARANTINE_LIMITS_STANDARD, &w->q, &e) == 0) {
		w->problem[0] = 0;
		return;
	}
	snprintf(w->problem, sizeof w->problem, "nothing can be quarantined: %s", e.text);
	if (was_well)
		log_error("the quarantine cannot be opened", "error", e.text, NULL);
}

static void stored(struct parent *p, int64_t slot, int why)
{
	struct quarantine_works *w = &p->quarantine;
	struct err e = {0};
	(void)why; /* one that will never be is done with as well */
	int r = quarantine_told(w->q, w->told[slot].item, w->told[slot].what, &e);
	if (r && r != -ENOENT && r != -EBUSY)
		log_error("the quarantine cannot be changed", "error", e.text, NULL);
	w->told[slot].used = false;
	if (!r)
		parent_quarantine_changed(p); /* what came next to the same item, or had no place */
}

static bool is_being_told(const struct quarantine_works *w, id16 item, enum detection_action what)
{
	for (size_t i = 0; i < MOST_TOLD; i++)
		if (w->told[i].used && w->told[i].what == what && memcmp(w->told[i].item.b, item.b, ID_BYTES) == 0)
			return true;
	return false;
}

static int tell(void *arg, const struct event *e, id16 item, enum detection_action what)
{
	struct parent *p = arg;
	struct quarantine_works *w = &p->quarantine;
	size_t slot = 0;
	if (is_being_told(w, item, what))
		return 0;
	while (slot < MOST_TOLD && w->told[slot].used)
		slot++;
	if (slot == MOST_TOLD || !parent_events_have_room(p))
		return 1;
	w->told[slot].used = true;
	w->told[slot].item = item;
	w->told[slot].what = what;
	int r = parent_event_add(p, e, stored, (int64_t)slot);
	if (r == -EMSGSIZE) /* longer than the protocol allows: the item is there all the same */
		stored(p, (int64_t)slot, EMSGSIZE);
	else if (r)
		w->told[slot].used = false;
	return 0;
}

void parent_quarantine_changed(struct parent *p)
{
	struct quarantine_works *w = &p->quarantine;
	struct err e = {0};
	if (!w->q)
		open_quarantine(p);
	if (w->q && quarantine_outstanding(w->q, tell, p, &e) < 0)
		log_error("the quarantine cannot be read", "error", e.text, NULL);
}

/* ---- what is allowed ---- */

void parent_allow_publish(struct parent *p)
{
	struct allow_item centre[MAX_ALLOWANCES];
	size_t n = p->allow ? p->allow->n : 0;
	struct err e = {0};
	for (size_t i = 0; i < n; i++) {
		centre[i] = (struct allow_item){.until_us = p->allow->v[i].until_us, .reason = p->allow->v[i].reason};
		memcpy(centre[i].sha256, p->allow->v[i].sha256, SHA256_BYTES);
	}
	int r = allow_publish(p->state_folder, centre, n, &e);
	if (r)
		log_error("the allow list does not count", "error", e.text, NULL);
	parent_scan_allow(p);
}

/* ---- the process that works ---- */

/* Nothing of the parent's stays open: the lock of its folder, its clients and its link would outlive it here. */
static void become_worker(const struct parent *p, const struct buf *request, int pipe)
{
	enum { PIPE = 3 };
	struct buf out = BUF_INIT(MAX_IPC_MESSAGE);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if ((pipe != PIPE && dup2(pipe, PIPE) < 0) || close_range(PIPE + 1, ~0U, 0) < 0)
		_exit(1);
	quarantine_work(p->options.state, request, &out);
	_exit(file_write_all(PIPE, out.p, out.n) ? 1 : 0);
}

static int start_worker(struct parent *p, const struct buf *request)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		become_worker(p, request, fds[1]);
	int r = pid < 0 ? -errno : fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	close(fds[1]);
	if (r) {
		close(fds[0]);
		return r;
	}
	buf_clear(&p->quarantine.answer);
	p->quarantine.pipe = fds[0];
	return 0;
}

static void answer_task(struct parent *p, int failed, const char *why);

static struct client *next_client(struct parent *p)
{
	struct client *first = NULL;
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &p->clients[i];
		if (c->channel && c->waits == WAITS_FOR_WORK && (!first || c->ticket < first->ticket))
			first = c;
	}
	return first;
}

static void start_recovery(struct parent *p)
{
	struct buf request = BUF_INIT(16);
	ipc_begin(&request, WORK_RECOVER);
	p->quarantine.recover = false;
	int r = start_worker(p, &request);
	if (r)
		log_error("the quarantine cannot be looked over", "error", strerror(-r), NULL);
	buf_release(&request);
}

static void start_next(struct parent *p)
{
	struct quarantine_works *w = &p->quarantine;
	struct client *c;
	int r = 0;
	if (w->pipe < 0 && w->recover)
		start_recovery(p);
	if (w->pipe < 0 && w->task) {
		r = start_worker(p, &w->task_request);
		w->task_runs = !r;
		if (r)
			answer_task(p, 0, strerror(-r));
	}
	while (w->pipe < 0 && (c = next_client(p))) {
		r = start_worker(p, &c->asked);
		if (r)
			parent_refuse(p, c, -r, "no process can be started for it");
		else
			w->client = c->ticket;
	}
}

/* ---- its answer ---- */

static void tell_failure(struct parent *p, int64_t task, struct ipc_reader *r)
{
	struct buf display = BUF_INIT(MAX_DISPLAY);
	struct event e = {.kind = EVENT_QUARANTINE, .quarantine = {.change = QUARANTINE_FAILED, .task_id = task}};
	struct quarantine_event *q = &e.quarantine;
	q->item = ipc_get_id(r);
	ipc_get_fixed(r, q->sha256, SHA256_BYTES);
	q->name = ipc_get_text(r, MAX_TEXT);
	q->path.form = PATH_BYTES;
	q->path.raw = ipc_get_bytes(r, MAX_PATH_BYTES, &q->path.n);
	q->why = ipc_get_text(r, MAX_TEXT);
	path_display(&display, q->path.raw, q->path.n);
	q->path.display = buf_str(&display);
	if (!r->error && parent_event_add(p, &e, NULL, 0))
		log_warn("a failure could not be told", "path", q->path.display, NULL);
	buf_release(&display);
}

static void answer_task(struct parent *p, int failed, const char *why)
{
	struct quarantine_works *w = &p->quarantine;
	struct task_reply reply = {.outcome = TASK_WAS_DONE, .facts = BUF_INIT(16)};
	w->done_task = w->task;
	w->done_well = !*why;
	str_copy(w->done_why, sizeof w->done_why, "");
	snprintf(w->done_why, sizeof w->done_why, "%s", why);
	if (*why)
		parent_task_refuse(&reply, "%s", why);
	log_info("task done", "id", log_num(w->task), "failed", log_num(failed), "why", *why ? why : NULL, NULL);
	parent_task_tell(p, w->task, &reply);
	buf_release(&reply.facts);
	w->task = 0;
	w->task_runs = false;
}

static void finish_task(struct parent *p, uint16_t type, struct ipc_reader *r)
{
	char why[256] = "the work was cut off";
	uint32_t done = 0, failed = 0;
	if (type == CONTROL_REFUSED) {
		ipc_get_i64(r);
		snprintf(why, sizeof why, "%s", ipc_get_text(r, CONTROL_MAX_FACT));
	} else if (type == WORK_TASK_DONE) {
		done = ipc_get_u32(r);
		failed = ipc_get_u32(r);
		why[0] = 0;
		if (failed)
			snprintf(why, sizeof why, "%u of %u items failed", failed, done + failed);
		for (uint32_t i = 0; i < failed && i < MOST_FAILURES; i++)
			tell_failure(p, p->quarantine.task, r);
	}
	answer_task(p, (int)failed, why);
}

static void finish_work(struct parent *p)
{
	struct quarantine_works *w = &p->quarantine;
	struct ipc_reader r = {0};
	uint16_t type = 0;
	bool whole = ipc_open(&r, w->answer.p, w->answer.n, &type) == 0;
	parent_allow_publish(p); /* before anybody is told that it is done */
	struct client *c = w->client ? parent_waiting(p, WAITS_FOR_WORK, w->client) : NULL;
	if (w->task_runs)
		finish_task(p, type, &r);
	else if (c && whole)
		parent_answer_client(p, c, &w->answer);
	else if (c)
		parent_refuse(p, c, EIO, "the work was cut off");
	w->client = 0;
	buf_release(&w->answer);
	parent_quarantine_changed(p);
	start_next(p);
}

void parent_quarantine_readable(struct parent *p)
{
	struct quarantine_works *w = &p->quarantine;
	char part[16384];
	ssize_t n;
	while ((n = read(w->pipe, part, sizeof part)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && buf_add(&w->answer, part, (size_t)n))
			break;
	if (n < 0 && errno == EAGAIN)
		return;
	close(w->pipe);
	w->pipe = -1;
	finish_work(p);
}

struct pollfd parent_quarantine_poll(const struct parent *p)
{
	return (struct pollfd){p->quarantine.pipe, POLLIN, 0};
}

/* ---- who asks ---- */

int parent_quarantine_request(struct parent *p, struct client *c, uint16_t type, struct ipc_reader *r)
{
	c->waits = WAITS_FOR_WORK;
	c->ticket = ++p->next_ticket;
	ipc_begin(&c->asked, type);
	ipc_put_fixed(&c->asked, r->p, r->n);
	start_next(p);
	return 0;
}

void parent_quarantine_task(struct parent *p, const struct task *t, const struct task_args *a, struct task_reply *reply)
{
	struct quarantine_works *w = &p->quarantine;
	if (t->id == w->done_task) { /* a new link asks again */
		if (!w->done_well)
			parent_task_refuse(reply, "%s", w->done_why);
		return;
	}
	reply->later = true;
	if (t->id == w->task)
		return;
	if (w->task) { /* the link has one at a time: this one is of a link that is gone, and its answer nobody's */
		reply->later = false;
		parent_task_refuse(reply, "another task is being done");
		return;
	}
	w->task = t->id;
	ipc_begin(&w->task_request, WORK_TASK);
	ipc_put_i64(&w->task_request, t->id);
	ipc_put_u8(&w->task_request, (uint8_t)t->kind);
	ipc_put_bool(&w->task_request, a->quarantine.by_item);
	ipc_put_id(&w->task_request, a->quarantine.item);
	ipc_put_fixed(&w->task_request, a->quarantine.sha256, SHA256_BYTES);
	start_next(p);
}

void parent_quarantine_start(struct parent *p)
{
	struct quarantine_works *w = &p->quarantine;
	w->pipe = -1;
	w->answer = BUF_INIT(MAX_IPC_MESSAGE);
	w->task_request = BUF_INIT(256);
	w->recover = true;
	open_quarantine(p);
	parent_allow_publish(p);
	start_next(p);
}

/* Who works goes on to its end; nobody reads what it says. */
void parent_quarantine_release(struct parent *p)
{
	struct quarantine_works *w = &p->quarantine;
	if (w->pipe >= 0)
		close(w->pipe);
	quarantine_close(w->q);
	buf_release(&w->answer);
	buf_release(&w->task_request);
}
