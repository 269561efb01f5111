#include "intake_int.h"
#include "clock.h"

static void release(struct intake_call *c)
{
	sync_down_release(&((struct sync_call *)c)->taken.down);
}

static int take(struct db *db, struct intake_call *c)
{
	struct sync_call *s = (struct sync_call *)c;
	sync_down_release(&s->taken.down); /* the job may run again */
	s->taken = (struct sync_taken){0};
	return sync_take(c->intake->desk, db, &c->who, &s->up, &s->taken);
}

void intake_sync_answer(struct sync_call *s, int64_t next_s_at_most)
{
	struct intake_call *c = &s->call;
	struct sync_down *d = &s->taken.down;
	if (s->taken.verdict != VERDICT_OK) {
		intake_refuse(c, s->taken.verdict, NULL);
		return;
	}
	int64_t left_us = s->begun_us + s->taken.interval_s * US_PER_S - clock_mono_us();
	d->next_s = left_us > 0 ? (left_us + US_PER_S / 2) / US_PER_S : 0;
	if (next_s_at_most >= 0 && d->next_s > next_s_at_most)
		d->next_s = next_s_at_most;
	d->server_time_us = clock_real_us();
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	wire_put_sync_down(&b, d);
	if (!b.error)
		atomic_fetch_add(&c->intake->syncs, 1);
	intake_answer(c, &b);
}

static bool wants_no_hold(const struct http_req *q)
{
	const char *h = http_header(q, "X-Khien-Hold");
	return h && !strcmp(h, "0");
}

static void taken(struct intake_call *c)
{
	struct sync_call *s = (struct sync_call *)c;
	int64_t hold_s = s->taken.interval_s < MAX_HOLD_S ? s->taken.interval_s : MAX_HOLD_S;
	bool now = s->taken.verdict != VERDICT_OK || sync_has_news(&s->taken) || wants_no_hold(c->q);
	struct holds *h = c->intake->holds[http_base_index(c->q)];
	if (now || !holds_take(h, s, s->begun_us + hold_s * US_PER_S - clock_mono_us()))
		intake_sync_answer(s, -1);
}

void intake_sync(struct intake *i, struct http_req *q)
{
	struct sync_call *s = intake_call_new(i, q, sizeof *s, release);
	struct err e = {0};
	size_t n;
	if (!s)
		return;
	s->begun_us = clock_mono_us();
	const char *text = http_body(q, &n);
	int r = wire_get_sync_up(&s->call.arena, text, n, &s->up, &e);
	if (r)
		intake_malformed(&s->call, r, e.text);
	else
		intake_write(&s->call, take, taken);
}
