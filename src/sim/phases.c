/* The phases: what each computer does in one, and when the phase is over. A phase is over when every computer that
 * takes part has ended its part. */
#include "clock.h"
#include "run.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct phase {
	const char *name;
	bool needs_argument;
	bool at_once; /* the bound of calls under way does not count: its computers mostly wait */
	bool (*takes_part)(const struct computer *c); /* NULL: all */
	void (*begin)(struct computer *c);
	const char *what;
};

static void start_next(struct run *run);
static void live_synced(struct computer *c, enum outcome o);

static void part_over(struct computer *c)
{
	struct run *run = c->run;
	c->running = false;
	if (--run->running == 0 && run->next == run->n)
		event_base_loopbreak(run->base);
	else
		start_next(run);
}

static void over(struct computer *c, enum outcome o)
{
	(void)o;
	part_over(c);
}

static void later(struct computer *c, event_callback_fn fn, int64_t us)
{
	struct timeval t = {(time_t)(us / US_PER_S), (suseconds_t)(us % US_PER_S)};
	event_free(c->timer);
	c->timer = evtimer_new(c->run->base, fn, c);
	if (!c->timer || evtimer_add(c->timer, &t))
		abort();
}

static bool time_left(const struct computer *c)
{
	return clock_mono_us() < c->run->phase_until_us;
}

static void begin_enrol(struct computer *c)
{
	act_enrol(c, over);
}

static void begin_sync(struct computer *c)
{
	act_sync(c, 0, over);
}

/* As fast as the centre answers. */
static void sync_again(struct computer *c, enum outcome o)
{
	if (o == DONE_OK && time_left(c))
		act_sync(c, 0, sync_again);
	else
		part_over(c);
}

static void begin_syncs(struct computer *c)
{
	sync_again(c, DONE_OK);
}

/* One held sync after the other, as a quiet agent does. */
static void hold_again(struct computer *c, enum outcome o)
{
	int64_t left_s = (c->run->phase_until_us - clock_mono_us()) / US_PER_S;
	if (o == DONE_OK && c->n_results)
		act_send(c, hold_again);
	else if (o == DONE_OK && left_s > 0)
		act_sync(c, (int)(left_s < 60 ? left_s : 60), hold_again);
	else
		part_over(c);
}

static void begin_hold(struct computer *c)
{
	hold_again(c, DONE_OK);
}

static void send_again(struct computer *c, enum outcome o)
{
	if (o == DONE_OK && c->want > 0)
		act_send(c, send_again);
	else
		part_over(c);
}

static void begin_events(struct computer *c)
{
	c->want = c->run->phase_argument;
	send_again(c, DONE_OK);
}

/* An ordinary hour: held syncs one after the other, and behind each the detections that have fallen due meanwhile. */
static void live_again(struct computer *c, enum outcome o)
{
	if (o != DONE_OK || !time_left(c)) {
		part_over(c);
		return;
	}
	if (c->want > 0 || c->n_results) {
		act_send(c, live_again);
		return;
	}
	int64_t left_s = (c->run->phase_until_us - clock_mono_us()) / US_PER_S + 1;
	act_sync(c, (int)(left_s < 60 ? left_s : 60), live_synced);
}

static void live_synced(struct computer *c, enum outcome o)
{
	int64_t now = clock_mono_us();
	int64_t due = (now - c->live_since_us) *
	              c->run->config.detections_per_hour; /* in detections x microseconds x 3600 */
	int64_t unit = 3600 * US_PER_S;
	c->want = due / unit + rng_chance(&c->rng, due % unit / 3600);
	c->live_since_us = now;
	live_again(c, o);
}

static void begin_live(struct computer *c)
{
	c->live_since_us = clock_mono_us();
	act_sync(c, 0, live_again);
}

/* Every connection is lost at once, and all come back. */
static void begin_storm(struct computer *c)
{
	client_cut(c->client);
	act_sync(c, 0, over);
}

static bool is_reinstalled(const struct computer *c)
{
	return c->plan->reinstalled;
}

static void reinstalled(struct computer *c, enum outcome o)
{
	if (o == DONE_OK)
		act_sync(c, 0, over);
	else
		part_over(c);
}

static void begin_reinstall(struct computer *c)
{
	if (computer_new_identity(c, 0))
		part_over(c);
	else
		act_enrol(c, reinstalled);
}

static bool is_cloned(const struct computer *c)
{
	return c->plan->cloned;
}

/* The copy of a disk in other hardware calls with the original's key, is told so, and enrols as a machine of its own.
 */
static void told_clone(struct computer *c, enum outcome o)
{
	if (o == DONE_CLONE && !computer_new_identity(c, 1))
		act_enrol(c, reinstalled);
	else
		part_over(c);
}

static void begin_clone(struct computer *c)
{
	plan_hardware(&c->run->config.knobs, c->plan, 1, &c->hardware);
	c->need = NEED_STATE | NEED_HARDWARE;
	act_sync(c, 0, told_clone);
}

static void get_again(struct computer *c, enum outcome o)
{
	if (o == DONE_OK && time_left(c))
		act_get(c, "/answer", get_again);
	else
		part_over(c);
}

static void begin_get(struct computer *c)
{
	get_again(c, DONE_OK);
}

/* Connected and silent. */
static void idle_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	part_over(arg);
}

static void connected_idle(struct computer *c, enum outcome o)
{
	(void)o;
	later(c, idle_over, c->run->phase_argument * US_PER_S);
}

static void begin_idle(struct computer *c)
{
	act_sync(c, 0, connected_idle);
}

static bool is_loud(const struct computer *c)
{
	return !c->plan->silent;
}

static const struct phase phases[] = {
    {"enrol", false, false, NULL, begin_enrol, "each computer enrols"},
    {"sync", false, false, NULL, begin_sync, "one sync each, not held"},
    {"syncs", true, false, NULL, begin_syncs, "syncs as fast as they are answered, for so many seconds"},
    {"hold", true, true, NULL, begin_hold, "held syncs, for so many seconds"},
    {"idle", true, true, NULL, begin_idle, "one sync each, then connected and silent for so many seconds"},
    {"events", true, false, NULL, begin_events, "so many detections each"},
    {"live", true, true, is_loud, begin_live, "ordinary work for so many seconds; silent computers stay away"},
    {"storm", false, true, NULL, begin_storm, "all connections are cut, all sync at once"},
    {"reinstall", false, false, is_reinstalled, begin_reinstall, "the share of reinstalled computers enrols anew"},
    {"clone", false, false, is_cloned, begin_clone, "the share of cloned computers goes on in other hardware"},
    {"get", true, false, NULL, begin_get,
        "GET /answer from the agents' address as fast as it is answered, for so many seconds"},
};

static void begin_now(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct computer *c = arg;
	c->run->phase->begin(c);
}

/* Starts what may start: all, spread over the time given, or as many at once as the bound allows. */
static void start_next(struct run *run)
{
	const struct run_config *k = &run->config;
	while (
	    run->next < run->n && (!k->concurrency || run->phase->at_once || run->running < (size_t)k->concurrency)) {
		struct computer *c = &run->computer[run->next++];
		if (run->phase->takes_part && !run->phase->takes_part(c))
			continue;
		c->running = true;
		run->running++;
		run->started++;
		later(c, begin_now, k->spread_s ? (int64_t)rng_below(&c->rng, (uint64_t)k->spread_s * 1000000) : 0);
	}
	if (!run->running && run->next == run->n)
		event_base_loopbreak(run->base);
}

static void report(const struct run *run, FILE *out, const struct run_stats *before, double seconds)
{
	const struct run_stats *s = &run->stats;
	fprintf(out,
	    "{\"phase\":\"%s\",\"computers\":%zu,\"seconds\":%.3f,\"enrolled\":%lld,\"syncs\":%lld,\"events\":%lld,"
	    "\"calls\":%lld,\"no_answer\":%lld,\"busy\":%lld,\"clones\":%lld,\"revoked\":%lld,\"refused\":%lld,"
	    "\"gave_up\":%lld,\"lost\":%lld,\"repeated\":%lld,\"tasks\":%lld,\"policies\":%lld}\n",
	    run->phase->name, run->started, seconds, (long long)(s->enrolled - before->enrolled),
	    (long long)(s->syncs - before->syncs), (long long)(s->events - before->events),
	    (long long)(s->calls - before->calls), (long long)(s->no_answer - before->no_answer),
	    (long long)(s->busy - before->busy), (long long)(s->clones - before->clones),
	    (long long)(s->revoked - before->revoked), (long long)(s->refused - before->refused),
	    (long long)(s->gave_up - before->gave_up), (long long)(s->lost - before->lost),
	    (long long)(s->repeated - before->repeated), (long long)(s->tasks - before->tasks),
	    (long long)(s->policies - before->policies));
	fflush(out);
}

static const struct phase *find_phase(const char *text, int64_t *ret_argument)
{
	size_t n = strcspn(text, "=");
	for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
		const struct phase *p = &phases[i];
		if (strlen(p->name) != n || strncmp(p->name, text, n) || p->needs_argument != (text[n] == '='))
			continue;
		if (p->needs_argument && str_i64(text + n + 1, 1, 100000000, ret_argument))
			continue;
		return p;
	}
	return NULL;
}

int run_phase(struct run *run, const char *text, FILE *out, struct err *e)
{
	int64_t argument = 0;
	run->phase = find_phase(text, &argument);
	if (!run->phase) {
		char known[300] = "";
		for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
			size_t n = strlen(known);
			snprintf(
			    known + n, sizeof known - n, " %s%s", phases[i].name, phases[i].needs_argument ? "=N" : "");
		}
		return err_set(e, -EINVAL, "no phase '%s'; there are:%s", text, known);
	}
	struct run_stats before = run->stats;
	int64_t began = clock_mono_us();
	run->phase_argument = argument;
	run->phase_until_us = began + argument * US_PER_S;
	run->running = run->started = run->next = 0;
	start_next(run);
	if (run->running || run->next < run->n)
		event_base_dispatch(run->base);
	report(run, out, &before, (double)(clock_mono_us() - began) / 1e6);
	return 0;
}
