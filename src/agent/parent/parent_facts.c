#include "parent_int.h"
#include "clock.h"
#include "day.h"
#include "hardware_read.h"
#include "ipc_model.h"
#include "log.h"
#include "quarantine.h"
#include "str.h"
#include "version.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the state that the centre is told ---- */

static void add_problem(struct parent *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add_problem(struct parent *p, const char *fmt, ...)
{
	size_t n = strlen(p->problems);
	va_list ap;
	if (n && n + 1 < sizeof p->problems)
		p->problems[n++] = '\n';
	va_start(ap, fmt);
	int k = vsnprintf(p->problems + n, sizeof p->problems - n, fmt, ap);
	va_end(ap);
	if (k < 0 || n + (size_t)k >= sizeof p->problems)
		p->problems[n ? n - 1 : 0] = 0; /* a whole line or none */
}

static void add_plain_problem(struct parent *p, const char *text)
{
	add_problem(p, "%s", text);
}

static bool is_recognisable(const struct hardware *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].kind != HW_MACHINE_ID)
			return true;
	return false;
}

static void find_problems(struct parent *p)
{
	p->problems[0] = 0;
	parent_scan_problems(p, add_plain_problem);
	if (!is_recognisable(&p->hardware))
		add_problem(
		    p, "no serial number of this computer can be read: it cannot be told from a copy of itself");
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++)
		if (p->link.phase == LINK_UP && p->link.ready.sandbox[m] == SANDBOX_MISSING)
			add_problem(p, "khien-link runs without %s", sandbox_mechanism_name(m));
	if (p->link.phase == LINK_UP && p->link.status.spool_failed)
		add_problem(p, "the disk takes no more events");
	if (p->link.phase == LINK_UP && p->link.ready.spool_missing)
		add_problem(p, "%" PRId64 " events on the disk were damaged and are lost", p->link.ready.spool_missing);
	if (*p->quarantine.problem)
		add_problem(p, "%s", p->quarantine.problem);
	if (*p->policy_problem)
		add_problem(p, "%s", p->policy_problem);
	p->state.problems = p->problems;
}

static void put_facts_message(struct parent *p, struct buf *m)
{
	ipc_begin(m, LINK_FACTS);
	ipc_put_hardware(m, &p->hardware);
	ipc_put_state(m, &p->state);
}

void parent_collect(struct parent *p)
{
	hardware_read(p->root_folder, &p->hardware);
	inventory_read(p->root_folder, p->texts, &p->state.inventory);
	p->state.engine_ready = parent_scan_protects(p);
	p->state.n_providers = 1;
	p->state.providers[0] = (struct provider){.name = "khien",
	    .ours = true,
	    .on = p->state.engine_ready ? TRI_YES : TRI_NO,
	    .on_access = TRI_NO,
	    .signature_day = p->state.engine_ready ? p->scan.up.engines.day : 0,
	    .note = parent_scan_note(p)};
	find_problems(p);
	put_facts_message(p, &p->out);
	p->collect_at_us = clock_mono_us() + p->options.collect_s * US_PER_S;
	if (p->out.n == p->facts.n && memcmp(p->out.p, p->facts.p, p->out.n) == 0)
		return;
	buf_clear(&p->facts);
	buf_add(&p->facts, p->out.p, p->out.n);
	parent_link_send(p, &p->facts);
}

/* ---- the facts that a person is told ---- */

struct list {
	struct buf *out;
	size_t count_at;
	uint32_t n;
};

static void fact(struct list *l, const char *name, const char *value)
{
	ipc_put_text(l->out, name);
	ipc_put_text(l->out, value);
	l->n++;
}

static void list_fact(void *arg, const char *name, const char *value)
{
	fact(arg, name, value);
}

static void fact_number(struct list *l, const char *name, int64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRId64, value);
	fact(l, name, text);
}

static void fact_time(struct list *l, const char *name, int64_t us, const char *otherwise)
{
	char text[INSTANT_TEXT];
	if (us > 0)
		instant_iso(us, text);
	fact(l, name, us > 0 ? text : otherwise);
}

static void fact_id(struct list *l, const char *name, id16 id)
{
	char text[ID_TEXT];
	hex_encode(text, id.b, ID_BYTES);
	fact(l, name, text);
}

static void put_who(struct parent *p, struct list *l)
{
	const struct identity *id = &p->identity;
	fact(l, "agent", KHIEN_VERSION);
	fact(l, "state", identity_standing_name(id->standing));
	fact(l, "server", id->agents_server);
	if (id->standing == STANDING_ENROLLED)
		fact_id(l, "machine", id->machine);
	fact_id(l, "install id", id->install_id);
	fact(l, "host name", p->state.inventory.host_name);
}

static void put_sandbox(struct parent *p, struct list *l)
{
	char text[256] = "";
	for (int m = 0; p->link.phase == LINK_UP && m < SANDBOX_MECHANISM_COUNT; m++) {
		size_t n = strlen(text);
		if (p->link.ready.sandbox[m] == SANDBOX_NOT_ASKED)
			continue;
		snprintf(text + n, sizeof text - n, "%s%s: %s", n ? ", " : "", sandbox_mechanism_name(m),
		    sandbox_outcome_name(p->link.ready.sandbox[m]));
	}
	fact(l, "sandbox", text);
}

static void put_link(struct parent *p, struct list *l)
{
	const struct link_status *s = &p->link.status;
	fact(l, "link", p->link.phase == LINK_UP ? "running" : "restarting");
	fact_number(l, "link pid", p->link.phase == LINK_UP ? p->link.pid : 0);
	fact_number(l, "link restarts", p->link.restarts);
	fact_time(l, "last sync", s->last_sync_us, "never");
	fact(l, "last error", p->link.last_error);
	fact_number(l, "waiting events", s->waiting);
	fact_time(l, "oldest waiting", s->oldest_waiting_us, "none");
	fact_number(l, "spool bytes", s->spool_bytes);
	fact_time(l, "certificate until", s->certificate_until_us, "none");
	put_sandbox(p, l);
}

static void put_quarantine(struct parent *p, struct list *l)
{
	int64_t items, bytes;
	if (!p->quarantine.q || quarantine_usage(p->quarantine.q, &items, &bytes))
		return;
	fact_number(l, "in quarantine", items);
	fact_number(l, "quarantine bytes", bytes);
}

/* On one line, for whoever reads lines. */
static void put_problems(const struct parent *p, struct list *l)
{
	char text[2 * sizeof p->problems];
	size_t n = 0;
	for (const char *s = p->problems; *s; s++) {
		if (*s == '\n')
			text[n++] = ';';
		text[n++] = *s == '\n' ? ' ' : *s;
	}
	text[n] = 0;
	fact(l, "problems", text);
}

int64_t parent_setting(const struct parent *p, enum setting_id id)
{
	for (size_t i = 0; i < p->identity.policy.n; i++)
		if (p->identity.policy.set[i].id == id)
			return p->identity.policy.set[i].value;
	return setting_defs[id].standard;
}

void parent_put_facts(struct parent *p, struct buf *out)
{
	struct list l = {.out = out, .count_at = out->n};
	find_problems(p);
	ipc_put_u32(out, 0);
	put_who(p, &l);
	put_link(p, &l);
	parent_scan_facts(p, list_fact, &l);
	put_quarantine(p, &l);
	fact_number(&l, "policy version", p->identity.policy.version);
	fact_number(&l, "sync interval", parent_setting(p, SETTING_SYNC_INTERVAL_S));
	put_problems(p, &l);
	for (int i = 0; !out->error && i < 4; i++)
		out->p[l.count_at + (size_t)i] = (char)(l.n >> 8 * i);
}
