/* Tasks: the closed list, checked again. Who carries a kind out stands in the table; a kind that this version knows but
 * nobody carries out is refused in so many words. */
#include "parent_int.h"
#include "clock.h"
#include "ipc_model.h"
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void parent_task_refuse(struct task_reply *reply, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(reply->why, sizeof reply->why, fmt, ap);
	va_end(ap);
	reply->outcome = TASK_WAS_REFUSED;
}

static void report_now(struct parent *p, const struct task *t, const struct task_args *a, struct task_reply *reply)
{
	(void)p; /* the facts were collected before the answer; the link's next sync carries them */
	(void)t;
	(void)a;
	(void)reply;
}

static void collect_status(struct parent *p, const struct task *t, const struct task_args *a, struct task_reply *reply)
{
	(void)t;
	(void)a;
	parent_put_facts(p, &reply->facts);
}

/* Called with arguments that are of the kind. Does it, refuses it, or starts it (TASK_WAS_STARTED; the event that tells
 * its end then names the task). Must not wait: what takes
 * seconds is told later, what takes longer is started. */
static void (*const executors[TASK_KIND_END])(
    struct parent *p, const struct task *t, const struct task_args *a, struct task_reply *reply) = {
    [TASK_REPORT_NOW] = report_now,
    [TASK_COLLECT_STATUS] = collect_status,
    [TASK_SCAN] = parent_sweep_task,
    [TASK_QUARANTINE_RESTORE] = parent_quarantine_task,
    [TASK_QUARANTINE_DELETE] = parent_quarantine_task,
};

static void execute(struct parent *p, const struct task *t, const struct task_args *a, struct task_reply *reply)
{
	const char *fault = task_args_fault(t->kind, a);
	if (fault)
		parent_task_refuse(reply, "%s", fault);
	else if (t->expires_us < clock_real_us())
		parent_task_refuse(reply, "expired");
	else if (!executors[t->kind])
		parent_task_refuse(reply, "not supported by this version");
	else
		executors[t->kind](p, t, a, reply);
}

void parent_task_tell(struct parent *p, int64_t task, const struct task_reply *reply)
{
	ipc_begin(&p->out, LINK_TASK_DONE);
	ipc_put_i64(&p->out, task);
	ipc_put_u8(&p->out, (uint8_t)reply->outcome);
	ipc_put_text(&p->out, reply->why);
	if (reply->facts.n)
		buf_add(&p->out, reply->facts.p, reply->facts.n);
	else
		ipc_put_u32(&p->out, 0);
	parent_link_send(p, &p->out);
}

int parent_answer_task(struct parent *p, struct ipc_reader *r)
{
	struct task t = {.id = ipc_get_i64(r), .kind = (enum task_kind)ipc_get_u8(r)};
	struct task_args args;
	struct task_reply reply = {.facts = BUF_INIT(MAX_IPC_MESSAGE / 2)};
	t.expires_us = ipc_get_i64(r);
	ipc_get_task_args(r, t.kind, &args);
	if (ipc_end(r))
		return -EBADMSG;
	parent_collect(p);
	execute(p, &t, &args, &reply);
	const char *kind = task_kind_name(t.kind);
	log_info("task", "id", log_num(t.id), "kind", kind ? kind : "unknown", "refused", *reply.why ? reply.why : NULL,
	    NULL);
	if (!reply.later)
		parent_task_tell(p, t.id, &reply);
	buf_release(&reply.facts);
	return 0;
}
