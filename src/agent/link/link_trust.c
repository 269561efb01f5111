/* How the link comes to its certificate, keeps it young, and gives it up. */
#include "link_int.h"
#include "clock.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { CALL_MS = 45000, CONNECT_MS = 15000 };
static const int64_t renew_longest_us = 3600 * US_PER_S;

/* "https://HOST:PORT", "https://[::1]:7441"; no path. */
int link_parse_url(const char *url, struct address *ret)
{
	static const char scheme[] = "https://";
	struct address a = {0};
	int64_t port;
	if (strncmp(url, scheme, sizeof scheme - 1) != 0)
		return -EINVAL;
	const char *host = url + sizeof scheme - 1, *colon = strrchr(host, ':'), *end = colon;
	if (!colon || str_i64(colon + 1, 1, 65535, &port))
		return -EINVAL;
	if (*host == '[') {
		host++;
		end--;
		if (end <= host || *end != ']')
			return -EINVAL;
	}
	size_t n = (size_t)(end - host);
	if (!n || n >= sizeof a.host)
		return -EINVAL;
	memcpy(a.host, host, n);
	a.port = (uint16_t)port;
	*ret = a;
	return 0;
}

/* ---- enrolment ---- */

static void end_enrolling(struct link *l, int code, const char *why)
{
	struct enrolling *e = &l->enrolling;
	credentials_release(&e->credentials);
	buf_release(&e->csr);
	arena_release(&e->answer_arena);
	e->phase = ENROL_NONE;
	ipc_begin(&l->out, LINK_ENROL_DONE);
	ipc_put_i64(&l->out, code);
	ipc_put_text(&l->out, why);
	link_tell(l);
}

static int make_csr(struct link *l, struct enrolling *e, struct err *why)
{
	int r = credentials_begin(l->folder, PLACE_ENROLLING, &e->credentials, why);
	if (!r)
		r = pki_csr_make(e->credentials.key, "", &e->csr);
	return r ? err_set(why, r, "a request cannot be made: %s", strerror(-r)) : 0;
}

void link_enrol(struct link *l, const struct link_enrol *m)
{
	struct enrolling *e = &l->enrolling;
	struct err why = {0};
	uint8_t sum[SHA256_BYTES];
	if (e->phase != ENROL_NONE)
		return; /* the parent asks once; it is told when it is over */
	*e = (struct enrolling){.phase = ENROL_PROVING, .csr = BUF_INIT(MAX_CSR)};
	memcpy(e->token_id, m->token_id, sizeof e->token_id);
	memcpy(e->pin, m->pin, sizeof e->pin);
	memcpy(e->seal_key, m->seal_key, sizeof e->seal_key);
	int r = link_parse_url(m->server, &e->server);
	if (r)
		err_set(&why, r, "the server's address must be https://HOST:PORT");
	if (!r)
		r = make_csr(l, e, &why);
	if (r) {
		end_enrolling(l, -r, why.text);
		return;
	}
	SHA256((const unsigned char *)e->csr.p, e->csr.n, sum);
	ipc_begin(&l->out, LINK_PROVE);
	ipc_put_fixed(&l->out, sum, sizeof sum);
	link_tell(l);
}

void link_enrol_proved(struct link *l, const struct link_proof *m)
{
	struct enrolling *e = &l->enrolling;
	if (e->phase != ENROL_PROVING)
		return;
	if (!m->given) {
		end_enrolling(l, EPERM, "no enrolment is going on");
		return;
	}
	memcpy(e->proof, m->proof, sizeof e->proof);
	e->phase = ENROL_READY;
}

static int configure_enrolment(struct link *l, struct err *why)
{
	struct https_config config = {.host = l->enrolling.server.host,
	    .port = l->enrolling.server.port,
	    .pin = l->enrolling.pin,
	    .floor_us = l->sync.floor_us,
	    .max_body = MAX_AGENT_BODY,
	    .connect_ms = CONNECT_MS,
	    .total_ms = CALL_MS};
	l->trust_changed = true; /* the caller is the syncs' own again afterwards */
	return caller_configure(l->caller, &config, why);
}

void link_enrol_tick(struct link *l)
{
	struct enrolling *e = &l->enrolling;
	struct err why = {0};
	struct buf body = BUF_INIT(MAX_AGENT_BODY);
	if (e->phase != ENROL_READY)
		return;
	struct wire_enrol m = {.csr = buf_str(&e->csr),
	    .install_id = l->install_id,
	    .hardware = l->hardware,
	    .inventory = l->state.inventory};
	hex_encode(m.token_id, e->token_id, sizeof e->token_id);
	memcpy(m.proof, e->proof, sizeof m.proof);
	memcpy(m.seal_key, e->seal_key, sizeof m.seal_key);
	wire_put_enrol(&body, &m);
	int r = body.error ? body.error : configure_enrolment(l, &why);
	if (!r)
		r = caller_start(l->caller, "/enrol/v1", &body, NULL, CALL_MS);
	buf_release(&body);
	if (r) {
		end_enrolling(l, -r, *why.text ? why.text : "the enrolment cannot be sent");
		return;
	}
	e->phase = ENROL_CALLING;
	l->job = JOB_ENROL;
}

static void take_enrolled(struct link *l, const struct https_answer *a)
{
	struct enrolling *e = &l->enrolling;
	struct err why = {0};
	char text[512];
	int r = wire_get_enrolled(&e->answer_arena, buf_str(&a->body), a->body.n, &e->answer, &why);
	if (!r && !pki_cert_fits(e->answer.certificate, e->credentials.key))
		r = err_set(&why, -EBADMSG, "the certificate is not for our key");
	if (r) {
		snprintf(text, sizeof text, "the centre's answer: %s", why.text);
		end_enrolling(l, EBADMSG, text);
		return;
	}
	struct link_enrolled m = {
	    .machine = e->answer.machine, .sealed = e->answer.sealed, .sealed_n = sizeof e->answer.sealed};
	memcpy(m.confirm, e->answer.confirm, sizeof m.confirm);
	ipc_begin(&l->out, LINK_ENROLLED);
	link_put_enrolled(&l->out, &m);
	link_tell(l);
	e->phase = ENROL_JUDGED;
}

/* What a person can do about it decides the words. */
static void enrol_refused(struct link *l, const struct https_answer *a)
{
	char code[32], text[512];
	struct arena arena = ARENA_INIT;
	struct wire_error w = {.message = ""};
	wire_get_error(&arena, buf_str(&a->body), a->body.n, &w, NULL);
	link_error_code(a, code, sizeof code, NULL);
	if (strcmp(code, "token") == 0)
		snprintf(
		    text, sizeof text, "the centre does not accept this token: it is unknown, used up or has run out");
	else
		snprintf(
		    text, sizeof text, "the centre answered %d %s %s", a->status, code, w.message ? w.message : "");
	if (strcmp(code, "revoked") == 0)
		credentials_drop(l->folder, PLACE_ENROLLING); /* this key was given up: the next try has another one */
	arena_release(&arena);
	end_enrolling(l, strcmp(code, "token") == 0 ? EACCES : a->status == 503 ? EAGAIN : EPROTO, text);
}

void link_enrol_answered(struct link *l, struct https_answer *a)
{
	char text[512];
	if (l->enrolling.phase != ENROL_CALLING)
		return;
	if (a->outcome != HTTPS_ANSWERED) {
		snprintf(text, sizeof text, "%s", a->why.text);
		end_enrolling(l, a->outcome == HTTPS_TLS_REFUSED ? EKEYREJECTED : EHOSTUNREACH, text);
	} else if (a->status == 200) {
		take_enrolled(l, a);
	} else {
		enrol_refused(l, a);
	}
}

/* The certificate's file is the point of no return; what stands before it is of no use without it, and made anew. */
static int keep_enrolment(struct link *l, struct err *why)
{
	struct enrolling *e = &l->enrolling;
	struct sync_state s = {.machine = e->answer.machine, .floor_us = l->sync.floor_us};
	bool other = memcmp(s.machine.b, l->sync.machine.b, ID_BYTES) != 0;
	int r = anchors_save(l->folder, &e->answer.anchors, why);
	if (!r && other && l->spool)
		r = spool_new_stream(l->spool, SPOOL_OTHER_MACHINE);
	if (!r && e->answer.server_time_us > s.floor_us)
		s.floor_us = e->answer.server_time_us;
	if (!r)
		r = sync_state_save(l->folder, &s);
	if (!r)
		r = credentials_accept(l->folder, PLACE_ENROLLING, &e->credentials, e->answer.certificate, why);
	if (!r) {
		l->sync = s;
		r = credentials_load(l->folder, PLACE_IN_USE, &l->credentials, why);
	}
	if (!r)
		link_take_anchors(l, &e->answer.anchors);
	return r ? err_set(why, r, "the enrolment cannot be kept: %s", strerror(-r)) : 0;
}

void link_enrol_judged(struct link *l, bool accepted)
{
	struct err why = {0};
	if (l->enrolling.phase != ENROL_JUDGED)
		return;
	if (!accepted) {
		end_enrolling(l, EACCES, "refused");
		return;
	}
	credentials_release(&l->credentials);
	int r = keep_enrolment(l, &why);
	l->sync_answered = l->compared = false;
	l->confirmed_hardware = l->confirmed_state = (id16){{0}};
	l->failures = 0;
	link_set_error(l, "%s", "");
	end_enrolling(l, -r, why.text);
}

/* ---- renewal ---- */

bool link_renewal_is_due(const struct link *l)
{
	const struct pki_cert *c = &l->credentials.cert;
	int64_t now = pki_verify_time(clock_real_us(), l->sync.floor_us).us;
	return now >= c->not_before + (c->not_after - c->not_before) / 3 * 2;
}

int link_start_renewal(struct link *l)
{
	struct credentials next = {0};
	struct err why = {0};
	struct buf csr = BUF_INIT(MAX_CSR), body = BUF_INIT(MAX_AGENT_BODY);
	int r = credentials_begin(l->folder, PLACE_RENEWING, &next, &why);
	if (!r)
		r = pki_csr_make(next.key, "", &csr);
	if (!r) {
		wire_put_renew(&body, &(struct wire_renew){.csr = buf_str(&csr), .install_id = l->install_id});
		r = body.error ? body.error : caller_start(l->caller, "/agent/v1/renew", &body, NULL, CALL_MS);
	}
	if (r)
		link_set_error(l, "renewal: %s", *why.text ? why.text : strerror(-r));
	else
		l->job = JOB_RENEW;
	credentials_release(&next);
	buf_release(&csr);
	buf_release(&body);
	return r;
}

static int take_renewed(struct link *l, const struct https_answer *a, struct err *why)
{
	struct arena arena = ARENA_INIT;
	struct wire_renewed m;
	struct credentials next = {0}, fresh = {0};
	int r = wire_get_renewed(&arena, buf_str(&a->body), a->body.n, &m, why);
	if (!r)
		r = credentials_load(l->folder, PLACE_RENEWING, &next, why);
	if (!r)
		r = credentials_accept(l->folder, PLACE_RENEWING, &next, m.certificate, why);
	if (!r)
		r = credentials_load(l->folder, PLACE_IN_USE, &fresh, why);
	if (!r) {
		credentials_release(&l->credentials);
		l->credentials = fresh;
		l->trust_changed = l->events_trust_changed = true;
		link_heard_time(l, m.server_time_us);
		if (m.anchors.version != l->anchors.version)
			link_take_anchors(l, &m.anchors);
		log_info("the certificate was renewed", NULL);
	}
	credentials_release(&next);
	arena_release(&arena);
	return r;
}

/* A renewal that fails does not keep the sync from its work as long as the old certificate is good. */
void link_renew_answered(struct link *l, struct https_answer *a)
{
	char code[32] = "";
	struct err why = {0};
	if (!l->enrolled)
		return;
	l->call_at_us = 0;
	if (a->outcome != HTTPS_ANSWERED)
		err_set(&why, -EIO, "%s", a->why.text);
	else if (a->status == 200)
		take_renewed(l, a, &why);
	else
		link_error_code(a, code, sizeof code, NULL);
	if (strcmp(code, "revoked") == 0) {
		link_lose(l, LINK_LOST_REVOKED);
	} else if (strcmp(code, "clone") == 0) {
		link_lose(l, LINK_LOST_CLONE);
	} else if (*code || why.code || a->status != 200) {
		int64_t pause = link_pause_us(l->failures++, a, renew_longest_us);
		link_set_error(l, "renewal: %s", why.code ? why.text : code);
		l->renew_at_us = clock_mono_us() + pause;
		if (pki_verify_time(clock_real_us(), l->sync.floor_us).us >= l->credentials.cert.not_after)
			l->call_at_us = l->renew_at_us; /* nothing else is open to us */
	} else {
		l->failures = 0;
		l->renew_at_us = 0;
	}
	l->status_changed = true;
}

/* ---- goodbye ---- */

int link_start_goodbye(struct link *l)
{
	struct buf body = BUF_INIT(MAX_AGENT_BODY);
	wire_put_goodbye(&body, &(struct wire_goodbye){.reason = "removed"});
	int r = body.error ? body.error : caller_start(l->caller, "/agent/v1/goodbye", &body, NULL, CALL_MS);
	buf_release(&body);
	if (!r)
		l->job = JOB_GOODBYE;
	return r;
}

void link_goodbye_answered(struct link *l, struct https_answer *a)
{
	int64_t ticket = l->goodbye_ticket;
	char code[32] = "";
	if (!ticket)
		return;
	l->goodbye_ticket = 0;
	if (a->outcome == HTTPS_ANSWERED && a->status == 200) {
		link_forget(l);
		link_tell_done(l, ticket, 0, "");
		return;
	}
	if (a->outcome == HTTPS_ANSWERED)
		link_error_code(a, code, sizeof code, NULL);
	link_set_error(l, "goodbye: %s", a->outcome == HTTPS_ANSWERED ? code : a->why.text);
	link_tell_done(l, ticket, EAGAIN, l->last_error);
}
