#include "link_int.h"
#include "clock.h"
#include "ipc_model.h"
#include "log.h"
#include "rnd.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Tasks are begun one after the other, in the order of their numbers; those at or below task_seen have been. */
void link_take_tasks(struct link *l, const struct sync_down *d)
{
	if (l->n_tasks) /* some are being done: the centre will name the others again */
		return;
	for (size_t i = 0; i < d->n_tasks; i++) {
		char *args = NULL;
		if (d->tasks[i].task.id <= l->sync.task_seen)
			continue;
		if (d->tasks[i].args && !(args = strdup(d->tasks[i].args)))
			break; /* no memory: this one and the rest are named again */
		l->tasks[l->n_tasks++] = (struct sync_task){d->tasks[i].task, args};
	}
	l->task_asked = 0;
}

static void drop_first(struct link *l)
{
	free(l->tasks[0].args);
	l->n_tasks--;
	memmove(l->tasks, l->tasks + 1, l->n_tasks * sizeof *l->tasks);
}

void link_forget_tasks(struct link *l)
{
	while (l->n_tasks)
		drop_first(l);
	l->task_asked = 0;
}

/* {"ok":…,"why":…,"started":true,"status":{…}}; NULL without memory. The caller frees. */
static char *result_text(enum task_outcome outcome, const char *why, struct ipc_reader *r, uint32_t n)
{
	json_t *body = json_object(), *facts = n ? json_object() : NULL;
	json_object_set_new(body, "ok", json_boolean(outcome != TASK_WAS_REFUSED));
	if (*why)
		json_object_set_new(body, "why", json_string(why));
	if (outcome == TASK_WAS_STARTED)
		json_object_set_new(body, "started", json_true());
	for (uint32_t i = 0; i < n; i++) {
		const char *name = ipc_get_text(r, LINK_MAX_FACT), *value = ipc_get_text(r, LINK_MAX_FACT);
		json_object_set_new(facts, name, json_string(value));
	}
	if (facts)
		json_object_set_new(body, "status", facts);
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(body);
	return text;
}

/* The result is safe before the task counts as seen: a link that dies between finds the result in its spool and takes
 * the task as seen. */
static void keep_result(struct link *l, enum task_outcome outcome, const char *text)
{
	struct event e = {.kind = EVENT_TASK_RESULT,
	    .at_us = clock_real_us(),
	    .task_id = l->tasks[0].task.id,
	    .task_ok = outcome != TASK_WAS_REFUSED,
	    .task_started = outcome == TASK_WAS_STARTED,
	    .body = text};
	rnd_bytes(e.id, sizeof e.id);
	link_add_event(l, 0, &e);
	if (!link_sync_group(l) || l->status.spool_failed) {
		link_forget_tasks(l); /* not seen: they come again */
		return;
	}
	l->sync.task_seen = e.task_id;
	drop_first(l);
}

/* Not worth a word to the parent: its arguments are none of its kind's. */
static void refuse_first(struct link *l, const char *why)
{
	char *text = result_text(TASK_WAS_REFUSED, why, NULL, 0);
	log_warn("a task was refused", "id", log_num(l->tasks[0].task.id), "why", why, NULL);
	if (text)
		keep_result(l, TASK_WAS_REFUSED, text);
	else
		link_forget_tasks(l);
	free(text);
	if (!l->n_tasks)
		link_sync_soon(l);
}

static void tell_task(struct link *l, const struct task *t, const struct task_args *args)
{
	l->task_asked = 1;
	ipc_begin(&l->out, LINK_TASK);
	ipc_put_i64(&l->out, t->id);
	ipc_put_u8(&l->out, (uint8_t)t->kind);
	ipc_put_i64(&l->out, t->expires_us);
	ipc_put_task_args(&l->out, t->kind, args);
	link_tell(l);
}

void link_ask_task(struct link *l)
{
	while (l->n_tasks && !l->task_asked && l->spool) {
		const struct sync_task *t = &l->tasks[0];
		struct arena arena = ARENA_INIT;
		struct task_args args = {0};
		struct err e = {0};
		const char *text = t->args ? t->args : "{}";
		/* one of an unknown kind (0) is the parent's to refuse */
		int r = t->task.kind ? wire_get_task_args(&arena, t->task.kind, text, strlen(text), &args, &e) : 0;
		if (r)
			refuse_first(l, e.text);
		else
			tell_task(l, &t->task, &args);
		arena_release(&arena);
	}
}

void link_task_done(struct link *l, struct ipc_reader *r, int *ret_bad)
{
	int64_t id = ipc_get_i64(r);
	enum task_outcome outcome = ipc_get_enum(r, TASK_OUTCOME_END);
	const char *why = ipc_get_text(r, LINK_MAX_PLAIN);
	uint32_t n = ipc_get_u32(r);
	*ret_bad = r->error || n > LINK_MAX_FACTS ? -EBADMSG : 0;
	if (*ret_bad)
		return;
	char *text = result_text(outcome, why, r, n);
	*ret_bad = ipc_end(r);
	if (!*ret_bad && text && l->task_asked && l->n_tasks && l->tasks[0].task.id == id)
		keep_result(l, outcome, text);
	free(text);
	l->task_asked = 0;
	if (!l->n_tasks)
		link_sync_soon(l); /* with the state as it is now, and the task as seen */
}
