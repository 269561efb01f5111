#include "link_int.h"
#include "clock.h"
#include "log.h"
#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HELD_CALL_MS = (MAX_HOLD_S + 35) * 1000, CALL_MS = 45000, CONNECT_MS = 15000 };
static const int64_t shortest_us = 5 * US_PER_S, longest_us = 300 * US_PER_S;

int64_t link_interval_us(const struct link *l)
{
	for (size_t i = 0; i < l->policy.n; i++)
		if (l->policy.set[i].id == SETTING_SYNC_INTERVAL_S)
			return l->policy.set[i].value * US_PER_S;
	return setting_defs[SETTING_SYNC_INTERVAL_S].standard * US_PER_S;
}

/* The longest pause between two tries: a machine whose centre was away is heard again within its interval. */
static int64_t longest_pause(const struct link *l)
{
	int64_t v = link_interval_us(l);
	return v < shortest_us ? shortest_us : v > longest_us ? longest_us : v;
}

static int64_t random_below(int64_t n)
{
	uint64_t v;
	rnd_bytes(&v, sizeof v);
	return n > 0 ? (int64_t)(v % (uint64_t)n) : 0;
}

int64_t link_pause_us(int failures, const struct https_answer *a, int64_t longest)
{
	if (a && a->outcome == HTTPS_ANSWERED && a->retry_after_s >= 0) {
		int64_t said = a->retry_after_s * US_PER_S;
		return said + random_below(said / 2 + US_PER_S / 2);
	}
	int64_t pause = US_PER_S / 2;
	for (int i = 0; i < failures && pause < longest; i++)
		pause *= 2;
	if (pause > longest)
		pause = longest;
	return pause / 2 + random_below(pause / 2);
}

void link_heard_time(struct link *l, int64_t server_time_us)
{
	if (server_time_us > l->sync.floor_us)
		l->sync.floor_us = server_time_us;
}

int link_configure(struct link *l, struct caller *c)
{
	struct err e = {0};
	struct https_config config = {.host = l->agents.host,
	    .port = l->agents.port,
	    .anchors_pem = anchors_body(&l->anchors, "agents-ca"),
	    .floor_us = l->sync.floor_us,
	    .cert_pem = l->credentials.cert_pem,
	    .key_pem = buf_str(&l->credentials.key_pem),
	    .max_body = MAX_AGENT_BODY,
	    .connect_ms = CONNECT_MS,
	    .total_ms = CALL_MS};
	if (!config.anchors_pem || !config.cert_pem)
		return -ENOENT;
	int r = caller_configure(c, &config, &e);
	if (r)
		link_set_error(l, "the connection cannot be set up: %s", e.text);
	return r;
}

void link_take_anchors(struct link *l, const struct anchors *v)
{
	struct err e = {0};
	struct arena fresh = ARENA_INIT;
	struct anchors loaded;
	int r = anchors_save(l->folder, v, &e);
	if (!r)
		r = anchors_load(l->folder, &fresh, &loaded);
	if (r) {
		arena_release(&fresh);
		link_set_error(l, "new anchors were refused: %s", *e.text ? e.text : strerror(-r));
		return;
	}
	arena_release(&l->anchors_arena);
	l->anchors_arena = fresh;
	l->anchors = loaded;
	l->trust_changed = l->events_trust_changed = true;
}

void link_error_code(const struct https_answer *a, char *dst, size_t size, struct wire_error *ret_hwm)
{
	struct arena arena = ARENA_INIT;
	struct wire_error w;
	dst[0] = 0;
	if (wire_get_error(&arena, buf_str(&a->body), a->body.n, &w, NULL) == 0) {
		str_copy(dst, size, w.code);
		if (ret_hwm)
			*ret_hwm = (struct wire_error){.has_hwm = w.has_hwm, .hwm = w.hwm};
		if (ret_hwm)
			memcpy(ret_hwm->hwm_id, w.hwm_id, sizeof w.hwm_id);
	}
	arena_release(&arena);
}

/* ---- losing ---- */

void link_forget(struct link *l)
{
	static const enum credentials_place places[] = {PLACE_IN_USE, PLACE_ENROLLING, PLACE_RENEWING};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		credentials_drop(l->folder, places[i]);
	credentials_release(&l->credentials);
	l->sync = (struct sync_state){.machine = l->sync.machine, .floor_us = l->sync.floor_us};
	sync_state_save(l->folder, &l->sync);
	l->enrolled = l->compared = l->sync_answered = l->policy_asked = l->allow_asked = false;
	link_forget_tasks(l);
	caller_interrupt(l->caller);
	caller_interrupt(l->events_caller);
	l->trust_changed = l->events_trust_changed = true;
	l->status_changed = true;
}

void link_lose(struct link *l, enum link_loss loss)
{
	const char *why = loss == LINK_LOST_CLONE ? "this installation was found in two places: enrol it anew"
	                                          : "the certificate was revoked: enrol anew";
	link_set_error(l, "%s", why);
	link_forget(l);
	for (size_t i = 0; i < MAX_TICKETS; i++)
		if (l->tickets[i].ticket)
			l->tickets[i].stage = TICKET_DRAINING;
	link_end_tickets(l, EACCES, why);
	if (l->goodbye_ticket)
		link_tell_done(l, l->goodbye_ticket, EACCES, why);
	l->goodbye_ticket = 0;
	ipc_begin(&l->out, LINK_LOST);
	ipc_put_u8(&l->out, (uint8_t)loss);
	link_tell(l);
}

/* ---- sending ---- */

/* On the disk before it goes out. A sync without an answer is repeated as it was. */
static int next_triple(struct link *l)
{
	if (l->sync.counter && !l->sync_answered)
		return 0;
	struct sync_state before = l->sync;
	l->sync.counter++;
	rnd_bytes(l->sync.nonce.b, ID_BYTES);
	int r = sync_state_save(l->folder, &l->sync);
	if (r)
		l->sync = before;
	else
		l->sync_answered = false;
	return r;
}

static void name_streams(struct link *l, struct sync_up *m)
{
	struct spool_stream v[SPOOL_MAX_STREAMS];
	m->n_streams = l->spool ? spool_streams(l->spool, v) : 0;
	for (size_t i = 0; i < m->n_streams; i++)
		m->streams[i] = (struct sync_stream){v[i].id, v[i].last};
}

static bool same_id(id16 a, id16 b)
{
	return memcmp(a.b, b.b, ID_BYTES) == 0;
}

static void put_sync(struct link *l, struct buf *body)
{
	static const uint8_t none[ID_BYTES];
	struct sync_up m = {.has_branch = l->sync.has_branch,
	    .branch = l->sync.branch,
	    .counter = l->sync.counter,
	    .nonce = l->sync.nonce,
	    .install_id = l->install_id,
	    .hardware_hash = l->hardware_hash,
	    .state_hash = l->state_hash,
	    .policy_version = l->policy.version,
	    .knows_allowances = true,
	    .anchors_version = l->anchors.version,
	    .task_seen = l->sync.task_seen,
	    .sent_us = clock_real_us()};
	if (l->need & NEED_HARDWARE || !same_id(l->hardware_hash, l->confirmed_hardware))
		m.hardware = &l->hardware;
	if (l->need & NEED_STATE || !same_id(l->state_hash, l->confirmed_state))
		m.state = &l->state;
	if (memcmp(l->policy.hash, none, ID_BYTES) != 0)
		hex_encode(m.policy_hash, l->policy.hash, ID_BYTES);
	if (memcmp(l->allow_hash, none, ID_BYTES) != 0)
		hex_encode(m.allow_hash, l->allow_hash, ID_BYTES);
	str_copy(m.epoch, sizeof m.epoch, l->sync.epoch);
	name_streams(l, &m);
	l->sent_hardware = l->hardware_hash;
	l->sent_state = l->state_hash;
	wire_put_sync_up(body, &m);
}

static int start_sync(struct link *l)
{
	static const char *const at_once[] = {"X-Khien-Hold", "0", NULL};
	struct buf body = BUF_INIT(MAX_AGENT_BODY);
	int r = next_triple(l);
	if (r) {
		link_set_error(l, "where the syncs stand cannot be written down: %s", strerror(-r));
		return r;
	}
	put_sync(l, &body);
	l->sent_at_once = l->hurry || !l->compared; /* events wait for the comparison: it is not to be held */
	r = body.error ? body.error
	               : caller_start(l->caller, "/agent/v1/sync", &body, l->sent_at_once ? at_once : NULL,
	                     l->sent_at_once ? CALL_MS : HELD_CALL_MS);
	buf_release(&body);
	if (r)
		return r;
	l->job = JOB_SYNC;
	l->hurry = false;
	for (size_t i = 0; i < MAX_TICKETS; i++)
		if (l->tickets[i].ticket && l->tickets[i].stage == TICKET_ASKED)
			l->tickets[i].stage = TICKET_RUNNING;
	return 0;
}

void link_sync_soon(struct link *l)
{
	l->hurry = true;
	l->call_at_us = 0;
	if (l->job == JOB_SYNC)
		caller_interrupt(l->caller);
}

static bool is_drained(struct link *l)
{
	struct spool_stream v[SPOOL_MAX_STREAMS];
	size_t n = l->spool ? spool_streams(l->spool, v) : 0;
	for (size_t i = 0; i < n; i++)
		if (v[i].last > v[i].acked)
			return false;
	return l->compared && !caller_is_busy(l->events_caller);
}

static int start_job(struct link *l)
{
	if (l->trust_changed || !caller_is_configured(l->caller)) {
		int r = link_configure(l, l->caller);
		if (r)
			return r;
		l->trust_changed = false;
	}
	if (link_renewal_is_due(l) && clock_mono_us() >= l->renew_at_us)
		return link_start_renewal(l);
	if (l->goodbye_ticket && is_drained(l))
		return link_start_goodbye(l);
	return start_sync(l);
}

void link_sync_tick(struct link *l, int64_t now)
{
	if (!l->begun || caller_is_busy(l->caller))
		return;
	if (l->enrolling.phase != ENROL_NONE) {
		link_enrol_tick(l);
		return;
	}
	if (!l->enrolled || l->n_tasks || l->policy_asked || l->allow_asked)
		return;
	if (now < l->call_at_us && !(l->goodbye_ticket && is_drained(l)))
		return;
	int r = start_job(l);
	if (r)
		l->call_at_us = now + link_pause_us(l->failures++, NULL, longest_pause(l));
}

/* ---- hearing ---- */

static void fail(struct link *l, const struct https_answer *a)
{
	l->call_at_us = clock_mono_us() + link_pause_us(l->failures++, a, longest_pause(l));
	for (size_t i = 0; i < MAX_TICKETS; i++)
		if (l->tickets[i].stage == TICKET_RUNNING)
			l->tickets[i].stage = TICKET_DRAINING;
	link_end_tickets(l, EAGAIN, l->last_error);
}

static void take_policy(struct link *l, const struct sync_down *d)
{
	struct policy p;
	struct err e = {0};
	struct link_policy m = {.version = d->policy_version};
	if (!d->policy_json)
		return;
	int r = wire_get_settings(d->policy_json, d->policy_version, &p, &e);
	if (!r && hex_decode(m.hash, sizeof m.hash, d->policy_hash))
		r = err_set(&e, -EINVAL, "its hash is none");
	if (r) {
		link_set_error(l, "policy %lld was refused: %s", (long long)d->policy_version, e.text);
		l->call_at_us = clock_mono_us() + link_interval_us(l);
		return;
	}
	for (int i = 0; i < SETTING_COUNT; i++) {
		if (!(setting_defs[i].audience & FOR_AGENT))
			continue;
		m.set[m.n].id = (enum setting_id)i;
		m.set[m.n++].value = p.set[i].value;
	}
	l->policy_asked = true;
	ipc_begin(&l->out, LINK_POLICY);
	link_put_policy(&l->out, &m);
	link_tell(l);
}

static void take_allow(struct link *l, const struct sync_down *d)
{
	if (!d->allow)
		return;
	l->allow_asked = true;
	ipc_begin(&l->out, LINK_ALLOW);
	link_put_allow(&l->out, d->allow);
	link_tell(l);
}

/* Another epoch: the centre was restored. What it was told since its backup it is told again. */
static void take_epoch(struct link *l, const char *epoch)
{
	if (strcmp(epoch, l->sync.epoch) == 0)
		return;
	if (*l->sync.epoch) {
		log_warn("the centre has another epoch: it was restored, and is told anew", NULL);
		l->confirmed_hardware = l->confirmed_state = (id16){{0}};
		l->need = NEED_HARDWARE | NEED_STATE;
	}
	str_copy(l->sync.epoch, sizeof l->sync.epoch, epoch);
}

static void take_answer(struct link *l, const struct sync_down *d)
{
	int64_t now = clock_mono_us();
	link_heard_time(l, d->server_time_us);
	l->sync.has_branch = true;
	l->sync.branch = d->branch;
	l->sync_answered = true;
	l->failures = 0;
	l->confirmed_hardware = l->sent_hardware;
	l->confirmed_state = l->sent_state;
	l->need = d->need;
	/* behind one that was not held, or that ended early because there was news, comes one that is held: only then
	 * can the centre say the next thing at once */
	bool news = d->policy_json || d->n_tasks || d->anchors;
	l->call_at_us = l->need || l->hurry || l->sent_at_once || news ? 0 : now + d->next_s * US_PER_S;
	take_epoch(l, d->epoch);
	if (l->need)
		l->call_at_us = 0;
	link_compare_streams(l, d);
	if (d->anchors)
		link_take_anchors(l, d->anchors);
	if (d->anchors && d->anchors->version > l->anchors.version) /* refused: it will come each time */
		l->call_at_us = now + link_interval_us(l);
	link_set_error(l, "%s", "");
	take_policy(l, d);
	take_allow(l, d); /* before the tasks: what is given back is to be left alone */
	link_take_tasks(l, d);
	l->status.last_sync_us = clock_real_us();
	l->status_changed = true;
	for (size_t i = 0; i < MAX_TICKETS; i++)
		if (l->tickets[i].ticket && l->tickets[i].stage == TICKET_RUNNING)
			l->tickets[i].stage = TICKET_DRAINING;
}

static void take_refusal(struct link *l, const struct https_answer *a)
{
	char code[32];
	link_error_code(a, code, sizeof code, NULL);
	if (strcmp(code, "revoked") == 0) {
		link_lose(l, LINK_LOST_REVOKED);
	} else if (strcmp(code, "clone") == 0) {
		link_lose(l, LINK_LOST_CLONE);
	} else {
		link_set_error(l, "sync: the centre answered %d %s", a->status, code);
		if (strcmp(code, "expired") == 0 && l->credentials.cert_pem)
			l->credentials.cert.not_after = 0; /* whatever our clock says */
		fail(l, a);
	}
}

void link_sync_answered(struct link *l, struct https_answer *a)
{
	struct arena arena = ARENA_INIT;
	struct sync_down d;
	struct err e = {0};
	if (!l->enrolled)
		return;
	if (a->outcome == HTTPS_INTERRUPTED) {
		l->call_at_us = 0; /* by us, for a sync that is not held: the same triple goes again */
	} else if (a->outcome != HTTPS_ANSWERED) {
		link_set_error(l, "sync: %s", a->why.text);
		fail(l, a);
	} else if (a->status != 200) {
		take_refusal(l, a);
	} else if (wire_get_sync_down(&arena, buf_str(&a->body), a->body.n, &d, &e)) {
		link_set_error(l, "sync: the centre's answer: %s", e.text);
		fail(l, NULL);
	} else if (d.counter != l->sync.counter) {
		link_set_error(l, "sync: the centre's answer is to another sync");
		fail(l, NULL);
	} else {
		take_answer(l, &d);
	}
	arena_release(&arena);
}
