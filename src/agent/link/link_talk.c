#include "link_int.h"
#include "clock.h"
#include "ipc_model.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void link_tell(struct link *l)
{
	if (ipc_channel_send(l->parent, &l->out))
		l->ending = 1; /* a parent that does not hear us will start another one */
}

void link_tell_done(struct link *l, int64_t ticket, int code, const char *why)
{
	ipc_begin(&l->out, LINK_DONE);
	ipc_put_i64(&l->out, ticket);
	ipc_put_i64(&l->out, code);
	ipc_put_text(&l->out, why);
	link_tell(l);
}

void link_end_tickets(struct link *l, int code, const char *why)
{
	for (size_t i = 0; i < MAX_TICKETS; i++) {
		if (!l->tickets[i].ticket || l->tickets[i].stage == TICKET_ASKED)
			continue;
		link_tell_done(l, l->tickets[i].ticket, code, why);
		l->tickets[i].ticket = 0;
	}
}

void link_set_error(struct link *l, const char *fmt, ...)
{
	char text[sizeof l->last_error];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (size_t n = strlen(text); n && !utf8_valid(text, n);
	     n--) /* cut in the middle of a letter, or a server's nonsense */
		text[n - 1] = 0;
	if (strcmp(text, l->last_error) == 0)
		return;
	str_copy(l->last_error, sizeof l->last_error, text);
	l->status_changed = true;
	if (*text)
		log_warn("the centre", "error", text, NULL);
}

void link_tell_status(struct link *l)
{
	struct spool_stats st = {.broken = true};
	if (l->spool)
		spool_get_stats(l->spool, &st);
	l->status.waiting = st.waiting;
	l->status.oldest_waiting_us = st.oldest_waiting_us;
	l->status.spool_bytes = st.bytes;
	l->status.certificate_until_us = l->credentials.cert_pem ? l->credentials.cert.not_after : 0;
	l->status.last_error = l->last_error;
	l->status_changed = false;
	ipc_begin(&l->out, LINK_STATUS);
	link_put_status(&l->out, &l->status);
	link_tell(l);
}

/* ---- what the parent says ---- */

static void have_address(struct link *l, const char *url)
{
	struct address a = {0};
	if (*url && link_parse_url(url, &a))
		link_set_error(l, "the agents' address is not https://HOST:PORT");
	if (memcmp(&a, &l->agents, sizeof a) != 0) {
		l->agents = a;
		l->trust_changed = l->events_trust_changed = true;
	}
}

static int hear_begin(struct link *l, struct ipc_reader *r)
{
	struct link_begin m;
	link_get_begin(r, &m);
	if (ipc_end(r))
		return -EBADMSG;
	have_address(l, m.agents_server);
	l->enrolled = m.enrolled && l->credentials.cert_pem;
	l->install_id = m.install_id;
	l->policy = m.policy;
	memcpy(l->allow_hash, m.allow_hash, sizeof l->allow_hash);
	l->allow_asked = false;
	memcpy(l->start_id, m.start_id, sizeof l->start_id);
	if (l->spool_max_bytes != m.spool_max_bytes) {
		l->spool_max_bytes = m.spool_max_bytes;
		spool_free(l->spool);
		l->spool = NULL;
		link_open_spool(l);
	}
	l->call_at_us = l->events_at_us = 0;
	return 0;
}

static int hear_facts(struct link *l, struct ipc_reader *r)
{
	struct ipc_reader again;
	buf_clear(&l->facts);
	if (buf_add(&l->facts, r->p, r->n))
		return l->facts.error;
	again = (struct ipc_reader){.p = (unsigned char *)l->facts.p, .n = l->facts.n};
	ipc_get_hardware(&again, &l->hardware);
	ipc_get_state(&again, &l->state);
	if (ipc_end(&again))
		return -EBADMSG;
	int k = wire_hash_hardware(&l->hardware, &l->hardware_hash);
	if (!k)
		k = wire_hash_state(&l->state, &l->state_hash);
	l->begun = true;
	return k;
}

static int hear_ping(struct link *l, struct ipc_reader *r)
{
	int64_t n = ipc_get_i64(r);
	if (ipc_end(r))
		return -EBADMSG;
	ipc_begin(&l->out, LINK_PONG);
	ipc_put_i64(&l->out, n);
	link_tell(l);
	return 0;
}

static int hear_add(struct link *l, struct ipc_reader *r)
{
	struct event e;
	int64_t ticket = ipc_get_i64(r);
	ipc_get_event(r, &e);
	if (ipc_end(r) || !ticket)
		return -EBADMSG;
	link_add_event(l, ticket, &e);
	return 0;
}

static int hear_enrol(struct link *l, struct ipc_reader *r)
{
	struct link_enrol m;
	link_get_enrol(r, &m);
	if (ipc_end(r))
		return -EBADMSG;
	link_enrol(l, &m);
	return 0;
}

static int hear_proof(struct link *l, struct ipc_reader *r)
{
	struct link_proof m;
	link_get_proof(r, &m);
	if (ipc_end(r))
		return -EBADMSG;
	link_enrol_proved(l, &m);
	return 0;
}

static int hear_verdict(struct link *l, struct ipc_reader *r)
{
	bool accepted = ipc_get_bool(r);
	if (ipc_end(r))
		return -EBADMSG;
	link_enrol_judged(l, accepted);
	return 0;
}

static int hear_policy(struct link *l, struct ipc_reader *r)
{
	struct link_policy m;
	link_get_policy(r, &m);
	if (ipc_end(r))
		return -EBADMSG;
	l->policy_asked = false;
	if (m.version == l->policy.version && memcmp(m.hash, l->policy.hash, sizeof m.hash) == 0)
		l->call_at_us = clock_mono_us() + link_interval_us(l); /* refused: it will be said again each time */
	else
		l->call_at_us = 0; /* the centre hears at once that it is in force */
	l->policy = m;
	return 0;
}

static int hear_allow(struct link *l, struct ipc_reader *r)
{
	uint8_t hash[ID_BYTES];
	ipc_get_fixed(r, hash, sizeof hash);
	if (ipc_end(r))
		return -EBADMSG;
	l->allow_asked = false;
	bool refused = memcmp(hash, l->allow_hash, sizeof hash) == 0;
	l->call_at_us = refused ? clock_mono_us() + link_interval_us(l) : 0; /* as for a policy */
	memcpy(l->allow_hash, hash, sizeof hash);
	return 0;
}

static int hear_task_done(struct link *l, struct ipc_reader *r)
{
	int bad = 0;
	link_task_done(l, r, &bad);
	return bad;
}

static int hear_sync_now(struct link *l, struct ipc_reader *r)
{
	int64_t ticket = ipc_get_i64(r);
	if (ipc_end(r) || !ticket)
		return -EBADMSG;
	for (size_t i = 0; l->enrolled && i < MAX_TICKETS; i++) {
		if (l->tickets[i].ticket)
			continue;
		l->tickets[i].ticket = ticket;
		l->tickets[i].stage = TICKET_ASKED;
		link_sync_soon(l);
		return 0;
	}
	link_tell_done(
	    l, ticket, l->enrolled ? EBUSY : ENOTCONN, l->enrolled ? "too many ask for that" : "not enrolled");
	return 0;
}

static int hear_goodbye(struct link *l, struct ipc_reader *r)
{
	int64_t ticket = ipc_get_i64(r);
	if (ipc_end(r) || !ticket)
		return -EBADMSG;
	if (!l->enrolled || l->goodbye_ticket) {
		link_tell_done(
		    l, ticket, l->enrolled ? EBUSY : ENOTCONN, l->enrolled ? "a goodbye is going on" : "not enrolled");
		return 0;
	}
	l->goodbye_ticket = ticket;
	link_sync_soon(l);
	return 0;
}

static const struct {
	uint16_t type;
	int (*hear)(struct link *l, struct ipc_reader *r);
} words[] = {
    {LINK_BEGIN, hear_begin},
    {LINK_FACTS, hear_facts},
    {LINK_PING, hear_ping},
    {LINK_ADD, hear_add},
    {LINK_ENROL, hear_enrol},
    {LINK_PROOF, hear_proof},
    {LINK_ENROL_VERDICT, hear_verdict},
    {LINK_POLICY_FORCE, hear_policy},
    {LINK_ALLOW_FORCE, hear_allow},
    {LINK_TASK_DONE, hear_task_done},
    {LINK_SYNC_NOW, hear_sync_now},
    {LINK_GOODBYE, hear_goodbye},
};

static int hear(struct link *l, uint16_t type, struct ipc_reader *r)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].type == type)
			return words[i].hear(l, r);
	return -EBADMSG;
}

/* All that is there is heard before the spool is synced once for all of it: that is what makes a group. */
int link_hear_parent(struct link *l)
{
	struct ipc_reader r;
	uint16_t type;
	for (;;) {
		int k = ipc_channel_receive(l->parent, &r, &type);
		if (k > 0)
			k = hear(l, type, &r);
		else if (k == 0)
			return 0;
		if (k)
			return k;
	}
}
