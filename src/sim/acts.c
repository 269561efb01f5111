/* What one computer does: single calls of the protocol, each repeated with the same bytes until it is answered for
 * good. */
#include "clock.h"
#include "rnd.h"
#include "run.h"
#include "str.h"
#include "version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TRIES = 40, MAX_WAIT_MS = 5000 };

static void finish(struct computer *c, enum outcome o)
{
	act_done done = c->done;
	struct run_stats *s = &c->run->stats;
	s->clones += o == DONE_CLONE;
	s->revoked += o == DONE_REVOKED;
	s->refused += o == DONE_REFUSED;
	s->gave_up += o == DONE_GAVE_UP;
	c->done = NULL;
	done(c, o);
}

static void problem(struct computer *c, const char *what, const char *detail)
{
	struct run *run = c->run;
	if (!*run->first_problem)
		snprintf(run->first_problem, sizeof run->first_problem, "%s: %s: %s: %s", c->plan->name, c->path, what,
		    detail);
}

/* What a refusal says, as an outcome. A clone and a revoked certificate are answers that a fleet has to expect. */
static enum outcome refusal(struct computer *c, const struct reply *reply)
{
	struct arena a = ARENA_INIT;
	struct wire_error w = {0};
	struct err e = {0};
	enum outcome o = DONE_REFUSED;
	if (wire_get_error(&a, reply->body, reply->n, &w, &e))
		w.code = w.message = e.text;
	if (str_eq(w.code, "clone"))
		o = DONE_CLONE;
	else if (str_eq(w.code, "revoked"))
		o = DONE_REVOKED;
	else
		problem(c, w.code, w.message ? w.message : "");
	arena_release(&a);
	return o;
}

static void try_call(struct computer *c);

static void try_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	try_call(arg);
}

/* Full jitter: a fleet that lost its server together must not come back together. */
static void wait_and_try(struct computer *c, int64_t at_least_ms, const char *why)
{
	if (++c->tries > MAX_TRIES) {
		problem(c, "given up", why);
		finish(c, DONE_GAVE_UP);
		return;
	}
	int64_t most = INT64_C(20) << (c->tries < 8 ? c->tries : 8);
	int64_t ms = at_least_ms + (int64_t)rng_below(&c->rng, (uint64_t)(most < MAX_WAIT_MS ? most : MAX_WAIT_MS));
	struct timeval t = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
	evtimer_add(c->retry, &t);
}

static void on_reply(void *arg, const struct reply *reply)
{
	struct computer *c = arg;
	struct run_stats *s = &c->run->stats;
	if (reply->status == 0) {
		s->no_answer++;
		wait_and_try(c, 0, c->run->agents_check.why.code ? c->run->agents_check.why.text : "no answer");
	} else if (reply->status == 503) {
		s->busy++;
		wait_and_try(c, reply->retry_after > 0 ? reply->retry_after * INT64_C(1000) : 0, "busy");
	} else if (c->repeating && reply->status == 200) {
		c->repeating = false;
		s->repeated++;
		try_call(c);
	} else if (reply->status == 200) {
		c->answered(c, reply);
	} else {
		finish(c, refusal(c, reply));
	}
}

static void try_call(struct computer *c)
{
	struct run *run = c->run;
	enum client_fault fault = CLIENT_NO_FAULT;
	if (!c->tries && rng_chance(&c->rng, run->config.lose)) {
		fault = CLIENT_LOSE_REPLY;
		run->stats.lost++;
	}
	run->stats.calls++;
	int r = client_call(
	    c->client, c->method, c->path, buf_str(&c->body), c->body.n, c->timeout_s, fault, on_reply, c);
	if (r)
		wait_and_try(c, 0, strerror(-r));
}

/* The body is in c->body. */
static void begin(struct computer *c, enum client_method method, const char *path, int timeout_s,
    void (*answered)(struct computer *c, const struct reply *reply), act_done done)
{
	c->method = method;
	c->path = path;
	c->timeout_s = timeout_s;
	c->answered = answered;
	c->done = done;
	c->tries = 0;
	c->repeating = rng_chance(&c->rng, c->run->config.repeat);
	if (c->body.error) {
		problem(c, "cannot be written", strerror(-c->body.error));
		finish(c, DONE_GAVE_UP);
		return;
	}
	try_call(c);
}

static void unreadable(struct computer *c, const struct err *e)
{
	problem(c, "an answer that is not the protocol's", e->text);
	finish(c, DONE_REFUSED);
}

/* Enrolment */

static void mac(const uint8_t key[32], const char *label, const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n,
    const uint8_t *d, size_t d_n, uint8_t ret[32])
{
	crypto_generichash_state h;
	crypto_generichash_init(&h, key, 32, 32);
	crypto_generichash_update(&h, (const uint8_t *)label, strlen(label));
	crypto_generichash_update(&h, a, a_n);
	crypto_generichash_update(&h, b, b_n);
	crypto_generichash_update(&h, d, d_n);
	crypto_generichash_final(&h, ret, 32);
}

static bool secret_is_true(struct computer *c, const struct token *token, const struct wire_enrolled *m)
{
	uint8_t hash[crypto_hash_sha256_BYTES], want[32], secret[SECRET_BYTES];
	crypto_hash_sha256(hash, m->sealed, sizeof m->sealed);
	mac(token->auth_key, "khien-enrolled-1", m->machine.b, ID_BYTES, hash, sizeof hash, c->seal_public,
	    sizeof c->seal_public, want);
	return mem_equal_ct(want, m->confirm, sizeof want) &&
	       crypto_box_seal_open(secret, m->sealed, sizeof m->sealed, c->seal_public, c->seal_secret) == 0;
}

static void enrolled(struct computer *c, const struct reply *reply)
{
	struct arena a = ARENA_INIT;
	struct wire_enrolled m;
	struct err e = {0};
	X509 *cert = NULL;
	int r = wire_get_enrolled(&a, reply->body, reply->n, &m, &e);
	if (!r)
		r = pki_cert_parse(m.certificate, &cert, &e);
	if (!r && !secret_is_true(c, tokens_find(c->run->tokens, c->plan->group), &m))
		r = err_set(&e, -EKEYREJECTED, "the machine secret is not from who made the token");
	if (r) {
		X509_free(cert);
		arena_release(&a);
		unreadable(c, &e);
		return;
	}
	hex_encode(c->uid, m.machine.b, ID_BYTES);
	c->anchors_version = m.anchors.version;
	X509_free(c->cert);
	c->cert = cert;
	arena_release(&a);
	client_free(c->client);
	c->client = client_new(
	    c->run->base, c->run->agents_ctx, c->run->config.agents_host, c->run->config.agents_port);
	if (!c->client)
		abort();
	client_identity(c->client, c->cert, pki_key_evp(c->key));
	c->run->stats.enrolled++;
	finish(c, DONE_OK);
}

static struct inventory inventory_of(const struct computer *c)
{
	return (struct inventory){
	    .host_name = c->plan->name,
	    .domain = "sim.invalid",
	    .directory_path = "",
	    .os_name = "Debian GNU/Linux 12 (bookworm)",
	    .os_kind = "linux",
	    .kernel = "6.1.0",
	    .agent_version = KHIEN_VERSION,
	    .n_addresses = 1,
	    .addresses = {"192.0.2.1"}, /* RFC 5737: an address of nobody */
	    .patches_pending = -1,
	    .security_patches_pending = -1,
	    .memory_bytes = INT64_C(4) << 30,
	    .cpus = 2,
	};
}

static void add_csr(struct computer *c, const struct token *token, struct wire_enrol *m, struct buf *csr)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	pki_csr_make(c->key, "", csr);
	m->csr = buf_str(csr);
	crypto_hash_sha256(hash, (const uint8_t *)m->csr, csr->n);
	mac(token->auth_key, "khien-enrol-1", hash, sizeof hash, c->install_id.b, ID_BYTES, c->seal_public,
	    sizeof c->seal_public, m->proof);
}

void act_enrol(struct computer *c, act_done done)
{
	const struct token *token = tokens_find(c->run->tokens, c->plan->group);
	struct buf csr = BUF_INIT(MAX_CSR);
	struct wire_enrol m = {.install_id = c->install_id, .hardware = c->hardware, .inventory = inventory_of(c)};
	buf_clear(&c->body);
	if (token) {
		str_copy(m.token_id, sizeof m.token_id, token->id);
		memcpy(m.seal_key, c->seal_public, sizeof m.seal_key);
		add_csr(c, token, &m, &csr);
		wire_put_enrol(&c->body, &m);
	} else {
		c->body.error = -ENOKEY;
	}
	buf_release(&csr);
	begin(c, CLIENT_POST, "/enrol/v1", 60, enrolled, done);
}

/* Sync */

static void take_tasks(struct computer *c, const struct sync_down *m)
{
	for (size_t i = 0; i < m->n_tasks; i++) {
		int64_t id = m->tasks[i].task.id;
		if (id <= c->task_seen || c->n_results == MAX_TASKS_ANSWER)
			continue;
		c->task_seen = id;
		c->results[c->n_results++] = id;
		c->run->stats.tasks++;
	}
}

static void take_policy(struct computer *c, const struct sync_down *m)
{
	struct policy policy;
	if (!m->policy_json || wire_get_settings(m->policy_json, m->policy_version, &policy, NULL))
		return;
	c->policy_version = m->policy_version;
	str_copy(c->policy_hash, sizeof c->policy_hash, m->policy_hash);
	c->interval_s = policy.set[SETTING_SYNC_INTERVAL_S].value;
	c->run->stats.policies++;
}

static void synced(struct computer *c, const struct reply *reply)
{
	struct arena a = ARENA_INIT;
	struct sync_down m;
	struct err e = {0};
	if (wire_get_sync_down(&a, reply->body, reply->n, &m, &e)) {
		arena_release(&a);
		unreadable(c, &e);
		return;
	}
	c->has_branch = true;
	c->branch = m.branch;
	c->counter = m.counter;
	c->need = m.need;
	str_copy(c->epoch, sizeof c->epoch, m.epoch);
	if (m.anchors)
		c->anchors_version = m.anchors->version;
	take_policy(c, &m);
	if (m.allow)
		str_copy(c->allow_hash, sizeof c->allow_hash, m.allow->hash);
	take_tasks(c, &m);
	arena_release(&a);
	c->run->stats.syncs++;
	finish(c, DONE_OK);
}

static struct agent_state state_of(const struct computer *c)
{
	bool on = c->plan->guarded;
	return (struct agent_state){
	    .inventory = inventory_of(c),
	    .engine_ready = on,
	    .n_providers = 1,
	    .providers = {{
	        .name = "khien",
	        .ours = true,
	        .on = on ? TRI_YES : TRI_NO,
	        .on_access = on ? TRI_YES : TRI_NO,
	        .signature_day = on ? c->run->config.signature_day : 0,
	        .note = on ? "" : "no engine",
	    }},
	    .problems = on ? "" : "no engine",
	};
}

void act_sync(struct computer *c, int hold_s, act_done done)
{
	struct agent_state state = state_of(c);
	struct sync_up m = {
	    .has_branch = c->has_branch,
	    .branch = c->branch,
	    .counter = c->counter + 1,
	    .install_id = c->install_id,
	    .state = c->need & NEED_STATE ? &state : NULL,
	    .hardware = c->need & NEED_HARDWARE ? &c->hardware : NULL,
	    .state_hash = c->state_hash,
	    .hardware_hash = c->hardware_hash,
	    .policy_version = c->policy_version,
	    .anchors_version = c->anchors_version,
	    .task_seen = c->task_seen,
	    .n_streams = 1,
	    .streams = {{c->stream, c->acked}},
	    .sent_us = clock_real_us() + c->plan->skew_us,
	};
	if (m.state)
		wire_hash_state(&state, &c->state_hash);
	if (m.hardware)
		wire_hash_hardware(&c->hardware, &c->hardware_hash);
	m.state_hash = c->state_hash;
	m.hardware_hash = c->hardware_hash;
	rnd_bytes(m.nonce.b, ID_BYTES);
	str_copy(m.policy_hash, sizeof m.policy_hash, c->policy_hash);
	m.knows_allowances = true;
	str_copy(m.allow_hash, sizeof m.allow_hash, c->allow_hash);
	str_copy(m.epoch, sizeof m.epoch, c->epoch);
	buf_clear(&c->body);
	wire_put_sync_up(&c->body, &m);
	begin(c, hold_s ? CLIENT_POST : CLIENT_POST_UNHELD, "/agent/v1/sync", 90, synced, done);
}

/* Events */

static const char *const malware[][2] = {
    {"Win.Trojan.Agent-6369216-0", "trojan"},
    {"Doc.Dropper.Emotet-9824145-1", "dropper"},
    {"Unix.Malware.Mirai-7100807-0", "worm"},
    {"Win.Ransomware.Sample-10012-0", "ransomware"},
    {"Html.Phishing.Generic-7705012-2", "phishing"},
};

struct made {
	char display[160];
	struct event event;
};

/* Of one malware the same few contents come again and again, on many computers, the first ones most; one find in ten is
 * a content that nobody else has. */
static void make_content(struct computer *c, const char *name, struct detection *d)
{
	enum { CONTENTS = 24 };
	uint64_t a = rng_below(&c->rng, CONTENTS), b = rng_below(&c->rng, CONTENTS);
	char text[96];
	if (rng_below(&c->rng, 10) == 0) {
		rng_bytes(&c->rng, d->md5, sizeof d->md5);
		rng_bytes(&c->rng, d->sha256, sizeof d->sha256);
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		int n = snprintf(text, sizeof text, "%s#%llu.%zu", name, (unsigned long long)(a < b ? a : b), i);
		id16 h = wire_hash(text, (size_t)n);
		memcpy(i == 2 ? d->md5 : d->sha256 + i * ID_BYTES, h.b, ID_BYTES);
	}
}

static void make_detection(struct computer *c, struct made *m)
{
	const char *const *what = malware[rng_below(&c->rng, sizeof malware / sizeof malware[0])];
	bool taken = rng_below(&c->rng, 20) != 0;
	struct detection *d = &m->event.detection;
	int n = snprintf(m->display, sizeof m->display,
	    "/home/%s/T\xe1\xba\xa3i xu\xe1\xbb\x91ng/van-ban-den-%010llu/phu-luc-kem-theo-%06llu.docm", c->plan->name,
	    (unsigned long long)rng_below(&c->rng, 10000000000), (unsigned long long)rng_below(&c->rng, 1000000));
	*d = (struct detection){
	    .engine = "khien-sim",
	    .name = what[0],
	    .type = what[1],
	    .path = {PATH_BYTES, (size_t)n, m->display, m->display},
	    .has_md5 = true,
	    .has_sha256 = true,
	    .device = (enum device_type)rng_below(&c->rng, DEVICE_MEMORY + 1),
	    .action = taken ? ACTION_QUARANTINED : ACTION_FAILED,
	    .has_item = taken,
	};
	if (taken)
		rng_bytes(&c->rng, d->item.b, ID_BYTES);
	make_content(c, what[0], d);
	m->event.kind = EVENT_DETECTION;
}

static void stored(struct computer *c, const struct reply *reply)
{
	struct arena a = ARENA_INIT;
	struct wire_stored m;
	struct err e = {0};
	int r = wire_get_stored(&a, reply->body, reply->n, &m, &e);
	arena_release(&a);
	if (!r && (m.hwm != c->acked + (int64_t)c->sent || memcmp(m.hwm_id, c->sent_id, sizeof m.hwm_id)))
		r = err_set(&e, -EBADMSG, "the mark is not the batch's last event");
	if (r) {
		unreadable(c, &e);
		return;
	}
	c->acked = m.hwm;
	memcpy(c->acked_id, m.hwm_id, sizeof c->acked_id);
	c->run->stats.events += (int64_t)c->sent;
	finish(c, DONE_OK);
}

static size_t make_events(struct computer *c, struct made *made, size_t most)
{
	size_t n = 0;
	for (; c->n_results && n < most; n++) {
		made[n].event.kind = EVENT_TASK_RESULT;
		made[n].event.task_id = c->results[--c->n_results];
		made[n].event.task_ok = true;
		made[n].event.body = "{\"ok\":true}";
	}
	for (; c->want > 0 && n < most; n++, c->want--)
		make_detection(c, &made[n]);
	return n;
}

void act_send(struct computer *c, act_done done)
{
	static struct made made[MAX_BATCH_EVENTS]; /* one thread, and nothing of it outlives the writing */
	static struct event events[MAX_BATCH_EVENTS];
	memset(made, 0, sizeof made);
	size_t n = make_events(c, made, (size_t)c->run->config.batch);
	for (size_t i = 0; i < n; i++) {
		rnd_bytes(made[i].event.id, sizeof made[i].event.id);
		made[i].event.seq = c->acked + 1 + (int64_t)i;
		made[i].event.at_us = clock_real_us() + c->plan->skew_us;
		events[i] = made[i].event;
	}
	struct event_batch batch = {.stream = c->stream,
	    .first = c->acked + 1,
	    .floor = c->acked + 1,
	    .branch = c->branch,
	    .n = n,
	    .events = events};
	memcpy(batch.prev_id, c->acked_id, sizeof batch.prev_id);
	c->sent = n;
	memcpy(c->sent_id, events[n - 1].id, sizeof c->sent_id);
	buf_clear(&c->body);
	wire_put_events(&c->body, &batch);
	begin(c, CLIENT_POST, "/agent/v1/events", 60, stored, done);
}

static void got(struct computer *c, const struct reply *reply)
{
	(void)reply;
	c->run->stats.syncs++;
	finish(c, DONE_OK);
}

void act_get(struct computer *c, const char *path, act_done done)
{
	buf_clear(&c->body);
	begin(c, CLIENT_GET, path, 60, got, done);
}

/* Life of a computer */

int computer_new_identity(struct computer *c, int generation)
{
	struct run *run = c->run;
	pki_key_free(c->key);
	X509_free(c->cert);
	client_free(c->client);
	c->key = NULL;
	c->cert = NULL;
	/* the phase get enrols nobody and names no place for it */
	const char *host = run->config.enrol_host ? run->config.enrol_host : run->config.agents_host;
	c->client = client_new(run->base, run->enrol_ctx, host, run->config.enrol_port);
	rnd_bytes(c->install_id.b, ID_BYTES);
	rnd_bytes(c->stream.b, ID_BYTES);
	crypto_box_keypair(c->seal_public, c->seal_secret);
	plan_hardware(&run->config.knobs, c->plan, generation, &c->hardware);
	c->has_branch = false;
	c->counter = c->acked = c->policy_version = c->anchors_version = c->task_seen = 0;
	c->n_results = 0;
	c->need = NEED_STATE | NEED_HARDWARE;
	*c->policy_hash = *c->allow_hash = *c->epoch = 0;
	memset(c->acked_id, 0, sizeof c->acked_id);
	return c->client ? pki_key_new(&c->key) : -ENOMEM;
}

int computer_init(struct computer *c, struct run *run, const struct planned *plan)
{
	*c = (struct computer){.run = run, .plan = plan, .body = BUF_INIT(MAX_AGENT_BODY)};
	c->rng = rng_child(run->config.knobs.seed + 1, plan->number);
	c->timer = evtimer_new(run->base, try_again, c);
	c->retry = evtimer_new(run->base, try_again, c);
	if (!c->timer || !c->retry)
		return -ENOMEM;
	return computer_new_identity(c, 0);
}

void computer_release(struct computer *c)
{
	client_free(c->client);
	if (c->timer)
		event_free(c->timer);
	if (c->retry)
		event_free(c->retry);
	pki_key_free(c->key);
	X509_free(c->cert);
	buf_release(&c->body);
	sodium_memzero(c->seal_secret, sizeof c->seal_secret);
}
