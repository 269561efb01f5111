/* Other signatures: a second template loads them while the first one serves. */
#include "parent_scan_int.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_WORKERS = 4, MAX_QUEUE = 1024, PATIENCE_MS = 60000, IDLE_MS = 60000, AGE_MS = 3600000, GRACE_MS = 10000 };

static size_t workers_of_this_computer(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	return cpus < 1 ? 1 : cpus > MAX_WORKERS ? MAX_WORKERS : (size_t)cpus;
}

/* The engines give up by themselves; the pool's deadline is for one that does not. */
int64_t parent_scan_deadline_ms(const struct parent *p)
{
	return parent_setting(p, SETTING_SCAN_FILE_S) * 1000 + GRACE_MS;
}

int parent_scan_open(struct parent *p)
{
	struct scan *s = &p->scan;
	struct pool_config config = {.max_workers = workers_of_this_computer(),
	    .min_workers = 1,
	    .max_queue = MAX_QUEUE,
	    .deadline_ms = parent_scan_deadline_ms(p),
	    .patience_ms = PATIENCE_MS,
	    .idle_ms = IDLE_MS,
	    .age_ms = AGE_MS,
	    .want_worker = parent_scan_want_worker,
	    .happened = parent_scan_happened,
	    .arg = p};
	if (!*p->options.scan)
		return 0;
	s->limits = parent_scan_limits(p);
	s->now.phase = SCAN_PHASE_DOWN;
	s->start_at_us = clock_mono_us();
	return pool_new(&config, &s->pool);
}

/* The templates and their workers die with us. */
void parent_scan_close(struct parent *p)
{
	pool_free(p->scan.pool);
	ipc_channel_free(p->scan.now.channel);
	ipc_channel_free(p->scan.next.channel);
	p->scan = (struct scan){0};
}

static void answer_all(struct parent *p, int code, const char *why)
{
	struct client *c;
	while ((c = parent_waiting(p, WAITS_FOR_SIGNATURES, 0))) {
		if (code) {
			parent_refuse(p, c, code, why);
			continue;
		}
		ipc_begin(&p->out, CONTROL_DONE);
		parent_answer_client(p, c, &p->out);
	}
}

void parent_scan_in_force(struct parent *p)
{
	struct scan *s = &p->scan;
	const char *problem = s->now.loaded.problem;
	s->looked = false;
	s->trouble[0] = 0;
	s->check_at_us = clock_mono_us() + p->options.check_s * US_PER_S;
	if (*problem)
		parent_scan_trouble(p, "the signatures cannot be loaded", problem);
	pool_renew(s->pool);
	if (s->other)
		pool_forget(s->pool);
	s->other = false;
	answer_all(p, *problem ? EINVAL : 0, problem);
	parent_collect(p);
}

void parent_scan_not_in_force(struct parent *p, const char *why)
{
	log_error("other signatures are not in force", "why", why, NULL);
	parent_scan_trouble(p, "new signatures cannot be loaded, the old ones stay", why);
	answer_all(p, EINVAL, why);
	parent_collect(p);
}

/* What would make the old signatures the better ones. */
static void find_fault(const struct scan_loaded *l, char *why, size_t size)
{
	snprintf(why, size, "%s", l->problem);
	for (size_t i = 0; i < l->engines.n && !*why; i++)
		if (l->engines.v[i].health == ENGINE_BROKEN)
			snprintf(why, size, "engine %s: %s", l->engines.v[i].name, l->engines.v[i].problem);
}

/* The old one ends when its last worker has ended its job: its channel is its reason to be. Workers that were asked of
 * it are asked of the new one. */
void parent_scan_swap(struct parent *p)
{
	struct scan *s = &p->scan;
	char why[sizeof s->next.loaded.problem] = "";
	find_fault(&s->next.loaded, why, sizeof why);
	if (*why) {
		ipc_channel_free(s->next.channel);
		s->next = (struct scan_process){0};
		parent_scan_not_in_force(p, why);
		return;
	}
	ipc_channel_free(s->now.channel);
	s->now = s->next;
	s->next = (struct scan_process){0};
	parent_scan_refuse_all(p, EAGAIN);
	parent_scan_in_force(p);
}

int parent_scan_reload(struct parent *p)
{
	struct scan *s = &p->scan;
	if (s->now.phase == SCAN_PHASE_OFF)
		return -ENOENT;
	s->other = true;
	if (s->next.phase != SCAN_PHASE_OFF) { /* what it loads is old already */
		ipc_channel_free(s->next.channel);
		kill(s->next.pid, SIGKILL);
		s->next = (struct scan_process){0};
	}
	if (s->now.phase == SCAN_PHASE_UP)
		return parent_scan_start(p, &s->next);
	if (s->now.phase == SCAN_PHASE_LOADING)
		parent_scan_end(p, &s->now, "there are other signatures");
	s->start_at_us = clock_mono_us(); /* the next one to start loads them */
	return 0;
}
