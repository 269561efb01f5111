#include "http_int.h"

struct http_timer {
	struct event event;
	void (*fn)(void *arg);
	void *arg;
	struct http_base *base;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_timer t = *(struct http_timer *)arg;
	(void)fd;
	(void)what;
	free(arg);
	t.fn(t.arg);
	http_base_bury(t.base);
}

struct http_timer *http_base_after(struct http_server *s, size_t i, int delay_ms, void (*fn)(void *arg), void *arg)
{
	struct http_timer *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->fn = fn;
	t->arg = arg;
	t->base = s->bases[i];
	evtimer_assign(&t->event, t->base->events, on_timer, t);
	struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
	evtimer_add(&t->event, &delay);
	return t;
}

struct http_timer *http_after(struct http_req *q, int delay_ms, void (*fn)(void *arg), void *arg)
{
	return http_base_after(q->base->server, q->base->index, delay_ms, fn, arg);
}

void http_cancel_timer(struct http_timer *t)
{
	if (!t)
		return;
	event_del(&t->event);
	free(t);
}
