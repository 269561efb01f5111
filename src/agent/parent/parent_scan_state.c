/* What protects this computer and what does not, in plain words. */
#include "parent_scan_int.h"
#include "day.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool an_engine_works(const struct engine_states *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].health == ENGINE_WORKS)
			return true;
	return false;
}

bool parent_scan_protects(const struct parent *p)
{
	const struct scan *s = &p->scan;
	return s->now.phase == SCAN_PHASE_UP && s->looked && s->up.engines.all_found && an_engine_works(&s->up.engines);
}

const char *parent_scan_note(const struct parent *p)
{
	const struct scan *s = &p->scan;
	if (s->now.phase == SCAN_PHASE_OFF)
		return "no engine";
	if (parent_scan_protects(p))
		return "";
	if (s->now.phase == SCAN_PHASE_LOADING)
		return "signatures are being loaded";
	if (s->now.phase != SCAN_PHASE_UP)
		return "the scanner does not run";
	if (!s->looked)
		return "the scanner has not shown yet that it finds anything";
	if (!an_engine_works(&s->up.engines))
		return "no engine";
	return "the scanner misses what it must find";
}

typedef void add_fn(struct parent *p, const char *text);

static void jail_problems(struct parent *p, add_fn *add)
{
	char text[160];
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++) {
		if (p->scan.up.sandbox[m] != SANDBOX_MISSING)
			continue;
		snprintf(text, sizeof text, "files are scanned without %s", sandbox_mechanism_name(m));
		add(p, text);
	}
}

static void engine_problems(struct parent *p, add_fn *add)
{
	const struct engine_states *e = &p->scan.up.engines;
	char text[400];
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].health == ENGINE_BROKEN || e->v[i].health == ENGINE_MISSES) {
			snprintf(text, sizeof text, "engine %s: %s%s%s", e->v[i].name,
			    engine_health_name(e->v[i].health), *e->v[i].problem ? ": " : "", e->v[i].problem);
			add(p, text);
		} else if (e->v[i].problems) {
			snprintf(text, sizeof text,
			    "engine %s: %zu parts of the signatures are left out, the first: %s", e->v[i].name,
			    e->v[i].problems, e->v[i].problem);
			add(p, text);
		}
	}
}

static void pool_problems(struct parent *p, add_fn *add)
{
	struct pool_stats s;
	char text[160];
	pool_get_stats(p->scan.pool, &s);
	if (s.remembered) {
		snprintf(text, sizeof text, "%zu files are not scanned: they ended the scanner or took too long",
		    s.remembered);
		add(p, text);
	}
	if (s.last_refusal && (s.waiting || !s.workers)) {
		snprintf(text, sizeof text, "files wait for being scanned: %s", strerror(-s.last_refusal));
		add(p, text);
	}
}

void parent_scan_problems(struct parent *p, add_fn *add)
{
	const struct scan *s = &p->scan;
	if (*parent_scan_note(p))
		add(p, parent_scan_note(p));
	if (s->now.phase == SCAN_PHASE_OFF)
		return;
	if (*s->trouble)
		add(p, s->trouble);
	if (s->now.phase == SCAN_PHASE_UP && !s->now.loaded.engines.generation &&
	    !an_engine_works(&s->now.loaded.engines))
		add(p, "there are no signatures on this computer");
	if (s->now.phase == SCAN_PHASE_UP && s->looked) {
		engine_problems(p, add);
		jail_problems(p, add);
	}
	pool_problems(p, add);
}

/* ---- facts ---- */

typedef void fact_fn(void *arg, const char *name, const char *value);

static const char *phase_text(const struct scan *s)
{
	static const char *const texts[] = {"none", "restarting", "loading signatures", "running", "restarting"};
	return s->next.phase == SCAN_PHASE_LOADING ? "running, loading other signatures" : texts[s->now.phase];
}

static void engines_fact(const struct scan *s, fact_fn *fact, void *arg)
{
	const struct engine_states *e = s->looked ? &s->up.engines : &s->now.loaded.engines;
	char text[512] = "";
	for (size_t i = 0; i < e->n; i++) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n, "%s%s: %s (%zu signatures)", n ? ", " : "", e->v[i].name,
		    engine_health_name(e->v[i].health), e->v[i].signatures);
	}
	fact(arg, "engines", text);
}

static void jail_fact(const struct scan *s, fact_fn *fact, void *arg)
{
	char text[512] = "";
	for (int m = 0; s->looked && m < SANDBOX_MECHANISM_COUNT; m++) {
		size_t n = strlen(text);
		if (s->up.sandbox[m] != SANDBOX_NOT_ASKED)
			snprintf(text + n, sizeof text - n, "%s%s: %s", n ? ", " : "", sandbox_mechanism_name(m),
			    sandbox_outcome_name(s->up.sandbox[m]));
	}
	fact(arg, "jail", text);
}

static void number(fact_fn *fact, void *arg, const char *name, int64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRId64, value);
	fact(arg, name, text);
}

void parent_scan_facts(const struct parent *p, fact_fn *fact, void *arg)
{
	const struct scan *s = &p->scan;
	struct pool_stats st = {0};
	char day[DAY_TEXT] = "unknown";
	if (s->up.engines.day)
		day_iso(s->up.engines.day, day);
	fact(arg, "scanner", phase_text(s));
	if (s->now.phase == SCAN_PHASE_OFF)
		return;
	pool_get_stats(s->pool, &st);
	number(fact, arg, "scanner pid", s->now.phase == SCAN_PHASE_UP ? s->now.pid : 0);
	number(fact, arg, "scanner restarts", s->restarts);
	number(fact, arg, "signatures", s->now.loaded.engines.generation);
	fact(arg, "signature day", day);
	engines_fact(s, fact, arg);
	jail_fact(s, fact, arg);
	number(fact, arg, "scan workers", (int64_t)st.workers);
	number(fact, arg, "scanned", st.jobs);
	number(fact, arg, "scans busy", (int64_t)st.busy);
	number(fact, arg, "scans crashed", st.crashes);
	number(fact, arg, "scans timed out", st.lates);
	number(fact, arg, "contents shunned", (int64_t)st.remembered);
}
