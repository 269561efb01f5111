#include "link_int.h"
#include "clock.h"
#include "log.h"
#include "rnd.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Tasks are done one after the other, in the order of their numbers; those at or below task_seen have been. */
void link_take_tasks(struct link *l, const struct sync_down *d)
{
	if (l->n_tasks) /* some are being done: the centre will name the others again */
		return;
	for (size_t i = 0; i < d->n_tasks; i++) {
		if (d->tasks[i].task.id <= l->sync.task_seen)
			continue;
		l->tasks[l->n_tasks] = d->tasks[i];
		l->tasks[l->n_tasks++].args = NULL; /* none of the list takes any */
	}
	l->task_asked = 0;
}

void link_ask_task(struct link *l)
{
	if (!l->n_tasks || l->task_asked || !l->spool)
		return;
	const struct task *t = &l->tasks[0].task;
	l->task_asked = 1;
	ipc_begin(&l->out, LINK_TASK);
	ipc_put_i64(&l->out, t->id);
	ipc_put_u8(&l->out, (uint8_t)t->kind);
	ipc_put_i64(&l->out, t->expires_us);
	link_tell(l);
}

/* {"ok":…,"why":…,"status":{…}}; NULL without memory. The caller frees. */
static char *result_text(bool ok, const char *why, struct ipc_reader *r, uint32_t n)
{
	json_t *body = json_object(), *facts = n ? json_object() : NULL;
	json_object_set_new(body, "ok", json_boolean(ok));
	if (*why)
		json_object_set_new(body, "why", json_string(why));
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
static void keep_result(struct link *l, const struct task *t, bool ok, const char *text)
{
	struct event e = {
	    .kind = EVENT_TASK_RESULT, .at_us = clock_real_us(), .task_id = t->id, .task_ok = ok, .body = text};
	rnd_bytes(e.id, sizeof e.id);
	link_add_event(l, 0, &e);
	if (!link_sync_group(l) || l->status.spool_failed) {
		l->n_tasks = 0; /* not seen: it comes again */
		return;
	}
	l->sync.task_seen = t->id;
	l->n_tasks--;
	memmove(l->tasks, l->tasks + 1, l->n_tasks * sizeof *l->tasks);
}

void link_task_done(struct link *l, struct ipc_reader *r, int *ret_bad)
{
	int64_t id = ipc_get_i64(r);
	ipc_get_u8(r);
	bool ok = ipc_get_bool(r);
	const char *why = ipc_get_text(r, LINK_MAX_PLAIN);
	uint32_t n = ipc_get_u32(r);
	*ret_bad = r->error || n > LINK_MAX_FACTS ? -EBADMSG : 0;
	if (*ret_bad)
		return;
	char *text = result_text(ok, why, r, n);
	*ret_bad = ipc_end(r);
	if (!*ret_bad && text && l->task_asked && l->n_tasks && l->tasks[0].task.id == id)
		keep_result(l, &l->tasks[0].task, ok, text);
	free(text);
	l->task_asked = 0;
	if (!l->n_tasks)
		link_sync_soon(l); /* with the state as it is now, and the task as seen */
}
