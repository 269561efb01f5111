/* Held syncs of one event base. Each waits for its end in time, for its peer to go, or for news.
 *
 * News (intake_news.c) name the machines for which there may be something to say, or everyone. What is named stands in
 * a queue of looks and is looked at in the store in batches, a few jobs at a time, so that a change of policy for
 * twenty thousand held agents is neither twenty thousand jobs nor one that lasts for seconds.
 *
 * Nothing is missed between a sync's commit and its being held: the commit knows the beat that it saw, the base knows
 * the beat up to which it has been told, and a sync that knows less than its base is looked at at once. */
#include "intake_int.h"
#include "clock.h"

enum { BUCKETS = 4096, LOOK_BATCH = 64, LOOKS_AT_ONCE = 2, LOOK_AGAIN_MS = 200, COME_BACK_S = 10 };

LIST_HEAD(machine_holds, sync_call);
TAILQ_HEAD(look_queue, sync_call);

struct holds {
	struct intake *intake;
	size_t base;
	int64_t told; /* the beat up to which news have come */
	bool closed;
	size_t looks; /* jobs on their way */
	bool rests;   /* the store's queue was full: until the timer */
	struct look_queue queue;
	struct machine_holds machines[BUCKETS];
};

struct look {
	struct holds *holds;
	int result;
	size_t n;
	struct sync_call *v[LOOK_BATCH];
};

int holds_new(struct intake *i, size_t base, struct holds **ret)
{
	struct holds *h = calloc(1, sizeof *h);
	if (!h)
		return -ENOMEM;
	h->intake = i;
	h->base = base;
	TAILQ_INIT(&h->queue);
	*ret = h;
	return 0;
}

void holds_free(struct holds *h)
{
	free(h);
}

static struct machine_holds *holds_of(struct holds *h, int64_t machine_id)
{
	return &h->machines[(uint64_t)machine_id % BUCKETS];
}

/* It stands in no list any more. */
static void take_out(struct sync_call *s)
{
	LIST_REMOVE(s, in_machine);
	if (s->waits_look)
		TAILQ_REMOVE(&s->holds->queue, s, in_looks);
	http_cancel_timer(s->timer);
	http_on_gone(s->call.q, NULL, NULL);
	atomic_fetch_sub(&s->call.intake->held, 1);
}

static void end(struct sync_call *s)
{
	bool closed = s->holds->closed;
	take_out(s);
	/* A server that goes away asks its agents back soon, and not all at once. */
	intake_sync_answer(s, closed ? 1 + s->taken.machine_id % COME_BACK_S : -1);
}

static void on_time(void *arg)
{
	struct sync_call *s = arg;
	s->timer = NULL;
	if (s->looking)
		s->due = true;
	else
		end(s);
}

static void on_gone(void *arg)
{
	struct sync_call *s = arg;
	if (s->looking) {
		s->gone = true;
		return;
	}
	take_out(s);
	http_reply(s->call.q, 499, NULL, NULL, 0, NULL); /* there is nobody to hear it; in the log it means this */
	intake_call_free(&s->call);
}

static void start_looks(struct holds *h);

static void look_for(struct sync_call *s)
{
	if (s->looking) {
		s->look_again = true;
	} else if (!s->waits_look) {
		s->waits_look = true;
		TAILQ_INSERT_TAIL(&s->holds->queue, s, in_looks);
	}
}

static void after_look(struct sync_call *s, int result)
{
	s->looking = false;
	if (s->gone) {
		on_gone(s);
	} else if (s->due || s->holds->closed || s->taken.verdict != VERDICT_OK ||
	           (!result && sync_has_news(&s->taken))) {
		end(s);
	} else if (result || s->look_again) {
		s->look_again = false;
		look_for(s);
	}
}

static void rest_over(void *arg)
{
	struct holds *h = arg;
	h->rests = false;
	start_looks(h);
}

/* The store has no place or no answer: those who wait go on waiting, for a moment. */
static void rest(struct holds *h)
{
	if (!h->rests)
		h->rests = http_base_after(h->intake->http, h->base, LOOK_AGAIN_MS, rest_over, h) != NULL;
}

static void look_ended(void *arg)
{
	struct look *l = arg;
	struct holds *h = l->holds;
	h->looks--;
	for (size_t i = 0; i < l->n; i++)
		after_look(l->v[i], l->result);
	if (l->result)
		rest(h);
	free(l);
	start_looks(h);
}

static void look_done(void *arg, int r)
{
	struct look *l = arg;
	l->result = r;
	http_on_base(l->holds->intake->http, l->holds->base, look_ended, l);
}

static int look(struct db *db, void *arg)
{
	struct look *l = arg;
	int r = 0;
	for (size_t i = 0; !r && i < l->n; i++)
		r = sync_more(l->holds->intake->desk, db, &l->v[i]->up, &l->v[i]->taken);
	return r;
}

static bool start_look(struct holds *h)
{
	struct look *l = calloc(1, sizeof *l);
	if (!l)
		return false;
	l->holds = h;
	struct sync_call *s;
	while (l->n < LOOK_BATCH && (s = TAILQ_FIRST(&h->queue))) {
		TAILQ_REMOVE(&h->queue, s, in_looks);
		s->waits_look = false;
		s->looking = true;
		l->v[l->n++] = s;
	}
	if (!store_read(h->intake->conf.store, look, look_done, l)) {
		h->looks++;
		return true;
	}
	while (l->n) {
		s = l->v[--l->n];
		s->looking = false;
		s->waits_look = true;
		TAILQ_INSERT_HEAD(&h->queue, s, in_looks);
	}
	free(l);
	return false;
}

static void start_looks(struct holds *h)
{
	while (!h->rests && h->looks < LOOKS_AT_ONCE && !TAILQ_EMPTY(&h->queue))
		if (!start_look(h))
			rest(h);
}

bool holds_take(struct holds *h, struct sync_call *s, int64_t us)
{
	struct intake *i = h->intake;
	if (us <= 0 || h->closed)
		return false;
	if (atomic_fetch_add(&i->held, 1) >= i->conf.max_held)
		goto no;
	s->timer = http_after(s->call.q, (int)(us / 1000), on_time, s);
	if (!s->timer)
		goto no;
	s->holds = h;
	s->up.state = NULL; /* it is in the store: a held sync keeps little */
	s->up.state_text = NULL;
	s->up.hardware = NULL;
	arena_release(&s->call.arena);
	LIST_INSERT_HEAD(holds_of(h, s->taken.machine_id), s, in_machine);
	http_on_gone(s->call.q, on_gone, s);
	if (s->taken.beat < h->told) {
		look_for(s);
		start_looks(h);
	}
	return true;
no:
	atomic_fetch_sub(&i->held, 1);
	return false;
}

static void each(struct holds *h, void (*fn)(struct sync_call *s))
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct sync_call *s = LIST_FIRST(&h->machines[i]), *next; s; s = next) {
			next = LIST_NEXT(s, in_machine);
			fn(s);
		}
}

void holds_tell(void *news)
{
	struct news *n = news;
	struct holds *h = n->holds;
	h->told = n->beat;
	if (n->everyone)
		each(h, look_for);
	for (size_t i = 0; !n->everyone && i < n->n; i++)
		for (struct sync_call *s = LIST_FIRST(holds_of(h, n->machines[i])); s; s = LIST_NEXT(s, in_machine))
			if (s->taken.machine_id == n->machines[i])
				look_for(s);
	free(n);
	start_looks(h);
}

static void end_unless_looking(struct sync_call *s)
{
	if (!s->looking) /* else after_look sees that it is closed */
		end(s);
}

void holds_release_all(void *holds)
{
	struct holds *h = holds;
	h->closed = true;
	each(h, end_unless_looking);
}
