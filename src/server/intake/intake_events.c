#include "intake_int.h"
#include "event_store.h"

/* Parse, one write job, one answer: all that the events point to lies in the call's arena. */
struct events_call {
	struct intake_call call;
	struct event_batch batch;
	struct events_taken taken;
};

static int take(struct db *db, struct intake_call *c)
{
	struct events_call *k = (struct events_call *)c;
	return events_take(db, &c->who, &k->batch, &k->taken);
}

static void answer(struct intake_call *c)
{
	struct events_call *k = (struct events_call *)c;
	const struct events_taken *t = &k->taken;
	if (t->verdict != VERDICT_OK) {
		struct wire_error hwm = {.has_hwm = true, .hwm = t->hwm};
		memcpy(hwm.hwm_id, t->hwm_id, sizeof hwm.hwm_id);
		intake_refuse(c, t->verdict, t->verdict == VERDICT_GAP || t->verdict == VERDICT_FORK ? &hwm : NULL);
		return;
	}
	struct wire_stored stored = {.stream = k->batch.stream, .hwm = t->hwm};
	memcpy(stored.hwm_id, t->hwm_id, sizeof stored.hwm_id);
	memcpy(stored.epoch, t->epoch, sizeof stored.epoch);
	atomic_fetch_add(&c->intake->events_stored, t->stored);
	atomic_fetch_add(&c->intake->events_repeated, t->repeated);
	struct buf b = BUF_INIT(1024);
	wire_put_stored(&b, &stored);
	intake_answer(c, &b);
}

void intake_events(struct intake *i, struct http_req *q)
{
	struct events_call *k = intake_call_new(i, q, sizeof *k, NULL);
	struct err e = {0};
	size_t n;
	if (!k)
		return;
	const char *text = http_body(q, &n);
	int r = wire_get_events(&k->call.arena, text, n, &k->batch, &e);
	if (r)
		intake_malformed(&k->call, r, e.text);
	else
		intake_write(&k->call, take, answer);
}
