#include "link_int.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <string.h>

enum {
	BATCH_BYTES = 192 * 1024,
	CALL_MS = 60000
}; /* as JSON at most some three times as much: within MAX_AGENT_BODY */
static const int64_t longest_us = 300 * US_PER_S, rest_after_us = 20 * US_PER_S;

/* The oldest stream in which something waits. */
static bool find_waiting(struct link *l, id16 *ret)
{
	struct spool_stream v[SPOOL_MAX_STREAMS];
	size_t n = spool_streams(l->spool, v);
	for (size_t i = 0; i < n; i++) {
		if (v[i].last > v[i].acked) {
			*ret = v[i].id;
			return true;
		}
	}
	return false;
}

static int send_batch(struct link *l, const struct spool_batch *b)
{
	struct event_batch m = {.stream = b->stream,
	    .first = b->first,
	    .floor = b->floor,
	    .branch = l->sync.branch,
	    .n = b->n,
	    .events = b->events};
	struct buf body = BUF_INIT(MAX_AGENT_BODY);
	memcpy(m.prev_id, b->prev_id, sizeof m.prev_id);
	wire_put_events(&body, &m);
	int r = body.error;
	if (!r && (l->events_trust_changed || !caller_is_configured(l->events_caller))) {
		r = link_configure(l, l->events_caller);
		l->events_trust_changed = r != 0;
	}
	if (!r)
		r = caller_start(l->events_caller, "/agent/v1/events", &body, NULL, CALL_MS);
	buf_release(&body);
	return r;
}

static void halve(struct link *l)
{
	l->batch_events = l->batch_events > 1 ? l->batch_events / 2 : 1;
}

static void pause_events(struct link *l, const struct https_answer *a)
{
	l->events_at_us = clock_mono_us() + link_pause_us(l->events_failures++, a, longest_us);
	link_end_tickets(l, EAGAIN, l->last_error);
}

void link_events_tick(struct link *l, int64_t now)
{
	static struct spool_batch batch;
	id16 stream;
	if (!l->spool || caller_is_busy(l->events_caller))
		return;
	bool waiting = l->enrolled && l->compared && find_waiting(l, &stream);
	if (!waiting) {
		if (l->enrolled && l->compared)
			link_end_tickets(l, 0, "");
		if (caller_is_configured(l->events_caller) && now > l->events_idle_us + rest_after_us)
			caller_rest(l->events_caller);
		return;
	}
	if (now < l->events_at_us)
		return;
	l->events_idle_us = now;
	int r = spool_next(l->spool, stream, l->batch_events, BATCH_BYTES, &batch);
	l->events_stream = stream;
	if (!r)
		r = send_batch(l, &batch);
	if (r == -EMSGSIZE)
		halve(l);
	if (r && r != -EMSGSIZE) {
		link_set_error(l, "events cannot be sent: %s", strerror(-r));
		pause_events(l, NULL);
	}
}

/* The centre's word about a stream; what it means is the spool's to say. */
static void heard(struct link *l, id16 stream, int64_t hwm, const uint8_t hwm_id[8])
{
	enum spool_verdict verdict;
	if (!l->spool)
		return;
	int r = spool_heard(l->spool, stream, hwm, hwm_id, &verdict);
	if (r)
		link_set_error(l, "the spool: %s", strerror(-r));
	else if (verdict == SPOOL_NEW_STREAM)
		log_warn("the centre knows events of this stream that are not here: a new stream was opened", NULL);
	l->status_changed = true;
}

void link_compare_streams(struct link *l, const struct sync_down *d)
{
	for (size_t i = 0; i < d->n_streams; i++)
		heard(l, d->streams[i].id, d->streams[i].hwm, d->streams[i].hwm_id);
	l->compared = l->spool;
	l->events_at_us = 0;
}

static void take_stored(struct link *l, const struct https_answer *a)
{
	struct arena arena = ARENA_INIT;
	struct wire_stored stored;
	struct err e = {0};
	if (wire_get_stored(&arena, buf_str(&a->body), a->body.n, &stored, &e)) {
		link_set_error(l, "the centre's answer to events: %s", e.text);
		pause_events(l, NULL);
	} else {
		l->events_failures = 0;
		l->batch_events = MAX_BATCH_EVENTS;
		heard(l, stored.stream, stored.hwm, stored.hwm_id);
		if (strcmp(stored.epoch, l->sync.epoch) != 0)
			link_sync_soon(l); /* restored meanwhile: the sync compares anew */
	}
	arena_release(&arena);
}

static void open_new_stream(struct link *l, enum spool_owner owner)
{
	int r = l->spool ? spool_new_stream(l->spool, owner) : -EIO;
	if (r) {
		link_set_error(l, "a new stream cannot be opened: %s", strerror(-r));
		pause_events(l, NULL);
	}
	l->status_changed = true;
}

/* gap: from its mark on. fork: the spool sees it by the id, or believes the centre. */
static void take_conflict(struct link *l, const char *code, const struct wire_error *w)
{
	enum spool_verdict verdict = SPOOL_AGREED;
	if (w->has_hwm && l->spool)
		spool_heard(l->spool, l->events_stream, w->hwm, w->hwm_id, &verdict);
	if (strcmp(code, "fork") == 0 && verdict == SPOOL_AGREED)
		open_new_stream(l, SPOOL_SAME_MACHINE);
	l->status_changed = true;
}

static void take_refusal(struct link *l, const struct https_answer *a)
{
	char code[32];
	struct wire_error w = {0};
	link_error_code(a, code, sizeof code, &w);
	if (strcmp(code, "clone") == 0) {
		link_lose(l, LINK_LOST_CLONE);
	} else if (strcmp(code, "revoked") == 0) {
		link_lose(l, LINK_LOST_REVOKED);
	} else if (strcmp(code, "stream") == 0) {
		open_new_stream(l, SPOOL_OTHER_MACHINE);
	} else if (strcmp(code, "gap") == 0 || strcmp(code, "fork") == 0) {
		take_conflict(l, code, &w);
		pause_events(l, NULL); /* a centre that says so for ever is not asked for ever at once */
	} else if (strcmp(code, "sync-first") == 0) {
		l->compared = false;
		link_sync_soon(l);
	} else {
		if (a->status == 413 || a->status == 400)
			halve(l); /* 400: find the one that it does not like; the others get through */
		link_set_error(l, "events: the centre answered %d %s", a->status, code);
		pause_events(l, a);
	}
}

void link_events_answered(struct link *l, struct https_answer *a)
{
	if (a->outcome != HTTPS_ANSWERED) {
		link_set_error(l, "events: %s", a->why.text);
		pause_events(l, a);
	} else if (a->status == 200) {
		take_stored(l, a);
	} else {
		take_refusal(l, a);
	}
}
