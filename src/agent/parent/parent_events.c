#include "parent_events.h"
#include "clock.h"
#include "ipc_model.h"
#include "log.h"
#include "parent_int.h"
#include "rnd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_EVENTS = 64 };

struct waiting_event {
	TAILQ_ENTRY(waiting_event) in_order;
	int64_t ticket, tag;
	parent_event_fn stored;
	struct buf message;
};

static bool has_id(const struct event *e)
{
	static const uint8_t none[sizeof e->id];
	return memcmp(e->id, none, sizeof none) != 0;
}

static int put_message(struct waiting_event *w, const struct event *e)
{
	struct event born = *e;
	if (!has_id(&born))
		rnd_bytes(born.id, sizeof born.id);
	if (!born.at_us)
		born.at_us = clock_real_us();
	ipc_begin(&w->message, LINK_ADD);
	ipc_put_i64(&w->message, w->ticket);
	ipc_put_event(&w->message, &born);
	return w->message.error;
}

static void drop(struct parent *p, struct waiting_event *w)
{
	TAILQ_REMOVE(&p->events, w, in_order);
	p->n_events--;
	buf_release(&w->message);
	free(w);
}

int parent_event_add(struct parent *p, const struct event *e, parent_event_fn stored, int64_t tag)
{
	if (!parent_events_have_room(p))
		return -EAGAIN;
	struct waiting_event *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	*w = (struct waiting_event){
	    .ticket = ++p->next_ticket, .tag = tag, .stored = stored, .message = BUF_INIT(MAX_EVENT_BODY)};
	TAILQ_INSERT_TAIL(&p->events, w, in_order);
	p->n_events++;
	int r = put_message(w, e);
	if (r)
		drop(p, w);
	else if (p->link.phase == LINK_UP)
		parent_link_send(p, &w->message);
	return r;
}

bool parent_events_have_room(const struct parent *p)
{
	return p->n_events < MOST_EVENTS;
}

bool parent_events_wait(const struct parent *p)
{
	return p->n_events > 0;
}

void parent_events_resume(struct parent *p)
{
	struct waiting_event *w;
	TAILQ_FOREACH(w, &p->events, in_order)
	parent_link_send(p, &w->message);
}

bool parent_event_answered(struct parent *p, int64_t ticket, int why)
{
	struct waiting_event *w;
	TAILQ_FOREACH(w, &p->events, in_order)
	{
		if (w->ticket != ticket)
			continue;
		if (why && why != EMSGSIZE) /* a full disk: asked again when the spool takes events */
			return true;
		parent_event_fn stored = w->stored;
		int64_t tag = w->tag;
		drop(p, w);
		if (why)
			log_error("an event cannot be kept", "error", strerror(why), NULL);
		if (stored)
			stored(p, tag, why);
		return true;
	}
	return false;
}

void parent_events_release(struct parent *p)
{
	struct waiting_event *w;
	while ((w = TAILQ_FIRST(&p->events)))
		drop(p, w);
}
