/* From the pulse to those whom it concerns. A pulse says only that something happened; one read job asks what: which
 * machines have tasks or another standing, whether policy, tree or anchors changed (then everyone), and whose
 * connections are to be closed. Each base hears of it; so does each other server, by its own watch of the same pulse.
 */
#include "intake_int.h"
#include "array.h"
#include "cert.h"
#include "clock.h"

enum { AGAIN_MS = 200 };

struct key_hash {
	uint8_t b[SHA256_BYTES];
};

struct news_desk {
	struct intake *intake;
	pthread_mutex_t lock;
	pthread_cond_t quiet;
	bool busy, again, stopped; /* a look is on its way; another one is wanted */
	bool followed;             /* the first look is over: what was held before it was looked at whole */

	/* The look's own. */
	struct sync_watch watch, next;
	bool everyone;
	int error;
	int64_t *machines;
	size_t n_machines, cap_machines;
	struct key_hash *keys;
	size_t n_keys, cap_keys;
};

int news_desk_new(struct intake *i, struct news_desk **ret)
{
	struct news_desk *d = calloc(1, sizeof *d);
	if (!d)
		return -ENOMEM;
	d->intake = i;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->quiet, NULL);
	*ret = d;
	return 0;
}

static void add_machine(void *arg, int64_t machine_id)
{
	struct news_desk *d = arg;
	if (array_room(&d->machines, &d->cap_machines, d->n_machines, sizeof *d->machines))
		d->everyone = true; /* no memory for a list: all may look */
	else
		d->machines[d->n_machines++] = machine_id;
}

static int add_key(void *arg, const uint8_t key_hash[SHA256_BYTES])
{
	struct news_desk *d = arg;
	int r = array_room(&d->keys, &d->cap_keys, d->n_keys, sizeof *d->keys);
	if (!r)
		memcpy(d->keys[d->n_keys++].b, key_hash, SHA256_BYTES);
	return r;
}

static int look(struct db *db, void *arg)
{
	struct news_desk *d = arg;
	int64_t begun = clock_mono_us();
	bool everyone = false;
	d->next = d->watch;
	d->everyone = false;
	d->n_machines = d->n_keys = 0;
	int r = sync_watch_news(db, &d->next, &everyone, add_machine, d);
	if (!r)
		r = cert_changed_since(db, d->watch.beat, add_key, d);
	d->everyone |= everyone || !d->followed;
	atomic_store(&d->intake->news_us, clock_mono_us() - begun);
	return r;
}

static void tell(struct news_desk *d)
{
	struct intake *i = d->intake;
	for (size_t k = 0; k < d->n_keys; k++)
		http_close_peer(i->http, d->keys[k].b);
	for (size_t b = 0; b < i->n_holds; b++) {
		size_t n = d->everyone ? 0 : d->n_machines;
		struct news *news = malloc(sizeof *news + n * sizeof news->machines[0]);
		if (!news)
			abort(); /* held agents would not hear of it */
		*news = (struct news){.holds = i->holds[b], .beat = d->next.beat, .everyone = d->everyone, .n = n};
		if (n)
			memcpy(news->machines, d->machines, n * sizeof news->machines[0]);
		http_on_base(i->http, b, holds_tell, news);
	}
	d->watch = d->next;
	d->followed = true;
}

static void start(struct news_desk *d);

static void start_later(void *arg)
{
	start(arg);
}

static void wait_a_moment(void *arg)
{
	struct news_desk *d = arg;
	if (!http_base_after(d->intake->http, 0, AGAIN_MS, start_later, d))
		start(d);
}

static void look_done(void *arg, int r)
{
	struct news_desk *d = arg;
	if (!r)
		tell(d);
	pthread_mutex_lock(&d->lock);
	bool goes_on = (r || d->again) && !d->stopped;
	if (!goes_on) {
		d->busy = false;
		pthread_cond_broadcast(&d->quiet);
	}
	pthread_mutex_unlock(&d->lock);
	if (goes_on && r)
		http_on_base(d->intake->http, 0, wait_a_moment, d);
	else if (goes_on)
		start(d);
}

/* Whoever set busy calls this. */
static void start(struct news_desk *d)
{
	pthread_mutex_lock(&d->lock);
	d->again = false;
	pthread_mutex_unlock(&d->lock);
	int r = store_read(d->intake->conf.store, look, look_done, d);
	if (r)
		look_done(d, r);
}

static void on_pulse(void *arg, int64_t pulse)
{
	struct news_desk *d = arg;
	(void)pulse;
	pthread_mutex_lock(&d->lock);
	bool begin = !d->busy && !d->stopped;
	d->again = true;
	d->busy |= begin;
	pthread_mutex_unlock(&d->lock);
	if (begin)
		start(d);
}

static int begin_watch(struct db *db, void *arg)
{
	return sync_watch_begin(db, arg);
}

/* The store's own watch may have begun a beat later than ours: the first look is made without being asked for. */
int news_desk_follow(struct news_desk *d)
{
	int r = store_read_now(d->intake->conf.store, begin_watch, &d->watch);
	if (r)
		return r;
	store_on_pulse(d->intake->conf.store, on_pulse, d);
	on_pulse(d, d->watch.beat);
	return 0;
}

void news_desk_stop(struct news_desk *d)
{
	store_on_pulse(d->intake->conf.store, NULL, NULL);
	pthread_mutex_lock(&d->lock);
	d->stopped = true;
	while (d->busy)
		pthread_cond_wait(&d->quiet, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

void news_desk_free(struct news_desk *d)
{
	if (!d)
		return;
	free(d->machines);
	free(d->keys);
	pthread_cond_destroy(&d->quiet);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
