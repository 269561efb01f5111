#include "parent_int.h"
#include "clock.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Each answer reads its message to the end before it does anything; -EBADMSG ends the link. */

static int answer_ready(struct parent *p, struct ipc_reader *r)
{
	struct link_ready ready;
	link_get_ready(r, &ready);
	if (ipc_end(r))
		return -EBADMSG;
	p->link.phase = LINK_UP;
	p->link.ready = ready;
	if (p->identity.standing == STANDING_ENROLLED && !ready.has_certificate && !p->enrolment.pending) {
		/* killed between our half of an enrolment and the link's: the same token, entered again, completes it
		 */
		log_warn("the enrolment was interrupted: enrol again with the same token", NULL);
		p->identity.standing = STANDING_NEW;
		identity_save(p->state_folder, &p->identity);
		parent_link_begin(p);
	}
	log_info("khien-link is up", "pid", log_num(p->link.pid), "landlock",
	    sandbox_outcome_name(ready.sandbox[SANDBOX_LANDLOCK]), "seccomp",
	    sandbox_outcome_name(ready.sandbox[SANDBOX_SECCOMP]), NULL);
	parent_control_resume(p);
	parent_collect(p);
	return 0;
}

static int answer_pong(struct parent *p, struct ipc_reader *r)
{
	(void)p; /* that it was heard is noted for every message */
	ipc_get_i64(r);
	return ipc_end(r);
}

static int answer_prove(struct parent *p, struct ipc_reader *r)
{
	uint8_t csr_sha256[SHA256_BYTES];
	struct link_proof proof = {.given = p->enrolment.pending};
	ipc_get_fixed(r, csr_sha256, sizeof csr_sha256);
	if (ipc_end(r))
		return -EBADMSG;
	if (proof.given)
		enrol_token_prove(
		    &p->enrolment.token, csr_sha256, p->identity.install_id, p->identity.seal_public, proof.proof);
	ipc_begin(&p->out, LINK_PROOF);
	link_put_proof(&p->out, &proof);
	parent_link_send(p, &p->out);
	return 0;
}

/* Our half of the enrolment, on the disk before the link is told to keep its own. */
static int accept_enrolment(struct parent *p, const struct link_enrolled *answer)
{
	struct identity id = p->identity;
	int r = enrol_token_check(&p->enrolment.token, answer, id.seal_public, id.seal_secret, id.machine_secret);
	if (r) {
		err_set(&p->enrolment.why, r, "the answer does not come from the centre that made this token");
		goto out;
	}
	id.machine = answer->machine;
	id.standing = STANDING_ENROLLED;
	str_copy(id.server, sizeof id.server, p->enrolment.server);
	str_copy(id.agents_server, sizeof id.agents_server, p->enrolment.agents_server);
	id.policy = (struct link_policy){0};
	r = identity_save(p->state_folder, &id);
	if (r)
		err_set(&p->enrolment.why, r, "the enrolment cannot be written down: %s", strerror(-r));
	else
		p->identity = id;
	if (!r)
		parent_allow_forget(p); /* it was of another centre, or this one will tell it again */
out:
	identity_wipe(&id);
	return r;
}

static int answer_enrolled(struct parent *p, struct ipc_reader *r)
{
	struct link_enrolled answer;
	link_get_enrolled(r, &answer);
	if (ipc_end(r))
		return -EBADMSG;
	bool so = p->enrolment.pending && accept_enrolment(p, &answer) == 0;
	ipc_begin(&p->out, LINK_ENROL_VERDICT);
	ipc_put_bool(&p->out, so);
	parent_link_send(p, &p->out);
	return 0;
}

static int answer_enrol_done(struct parent *p, struct ipc_reader *r)
{
	int64_t code = ipc_get_i64(r);
	const char *why = ipc_get_text(r, LINK_MAX_PLAIN);
	if (ipc_end(r) || code < 0 || code > 4095 || !p->enrolment.pending)
		return -EBADMSG;
	if (!code && p->identity.standing != STANDING_ENROLLED)
		return -EBADMSG; /* we have not said yes */
	struct client *c = parent_waiting(p, WAITS_FOR_ENROLMENT, 0);
	if (code && p->enrolment.why.code)
		parent_refuse(p, c, -p->enrolment.why.code, p->enrolment.why.text);
	else if (code)
		parent_refuse(p, c, (int)code, why);
	if (!code) {
		log_info("enrolled", "server", p->identity.agents_server, NULL);
		ipc_begin(&p->out, CONTROL_ENROLLED);
		ipc_put_id(&p->out, p->identity.machine);
		parent_answer_client(p, c, &p->out);
	}
	sodium_memzero(&p->enrolment, sizeof p->enrolment);
	parent_link_begin(p);
	return 0;
}

static int answer_receipt(struct parent *p, struct ipc_reader *r)
{
	int64_t ticket = ipc_get_i64(r);
	id16 stream = ipc_get_id(r);
	int64_t seq = ipc_get_i64(r);
	if (ipc_end(r))
		return -EBADMSG;
	if (parent_event_answered(p, ticket, 0))
		return 0;
	ipc_begin(&p->out, CONTROL_RECEIPT);
	ipc_put_id(&p->out, stream);
	ipc_put_i64(&p->out, seq);
	parent_answer_client(p, parent_waiting(p, WAITS_FOR_RECEIPT, ticket), &p->out);
	return 0;
}

static int answer_refused(struct parent *p, struct ipc_reader *r)
{
	int64_t ticket = ipc_get_i64(r), code = ipc_get_i64(r);
	const char *why = ipc_get_text(r, LINK_MAX_PLAIN);
	if (ipc_end(r) || code < 1 || code > 4095)
		return -EBADMSG;
	if (!parent_event_answered(p, ticket, (int)code))
		parent_refuse(p, parent_waiting(p, WAITS_FOR_RECEIPT, ticket), (int)code, why);
	return 0;
}

/* Checked again here: only what is a setting of agents, within its range, comes into force. */
static int check_policy(struct parent *p, const struct link_policy *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct setting_def *d = &setting_defs[v->set[i].id];
		if (d->audience & FOR_AGENT && v->set[i].value >= d->min && v->set[i].value <= d->max)
			continue;
		snprintf(p->policy_problem, sizeof p->policy_problem,
		    "policy %" PRId64 " was refused: %s = %" PRId64 " is not possible", v->version, d->name,
		    v->set[i].value);
		return -EINVAL;
	}
	return 0;
}

static int answer_policy(struct parent *p, struct ipc_reader *r)
{
	struct link_policy wanted;
	link_get_policy(r, &wanted);
	if (ipc_end(r))
		return -EBADMSG;
	if (p->identity.standing == STANDING_ENROLLED && check_policy(p, &wanted) == 0) {
		struct link_policy before = p->identity.policy;
		p->identity.policy = wanted;
		p->policy_problem[0] = 0;
		if (identity_save(p->state_folder, &p->identity))
			p->identity.policy = before;
	}
	ipc_begin(&p->out, LINK_POLICY_FORCE);
	link_put_policy(&p->out, &p->identity.policy);
	parent_link_send(p, &p->out);
	return 0;
}

static int answer_status(struct parent *p, struct ipc_reader *r)
{
	struct link_status s;
	bool failed_before = p->link.status.spool_failed;
	link_get_status(r, &s);
	if (ipc_end(r))
		return -EBADMSG;
	str_copy(p->link.last_error, sizeof p->link.last_error, s.last_error);
	p->link.status = s;
	p->link.status.last_error = p->link.last_error;
	if (s.spool_failed != failed_before)
		parent_collect(p); /* the centre should hear of it soon */
	if (failed_before && !s.spool_failed)
		parent_events_resume(p);
	return 0;
}

static int answer_lost(struct parent *p, struct ipc_reader *r)
{
	unsigned loss = ipc_get_enum(r, LINK_LOSS_END);
	if (ipc_end(r))
		return -EBADMSG;
	if (p->identity.standing != STANDING_ENROLLED)
		return 0;
	log_warn(loss == LINK_LOST_CLONE ? "the centre has found this installation in two places: enrol anew"
	                                 : "the centre has revoked this installation's certificate: enrol anew",
	    NULL);
	if (loss == LINK_LOST_CLONE)
		identity_renew_install_id(&p->identity);
	p->identity.standing = loss == LINK_LOST_CLONE ? STANDING_CLONE : STANDING_REVOKED;
	int k = identity_save(p->state_folder, &p->identity);
	if (k)
		log_error("the identity cannot be written", "error", strerror(-k), NULL);
	parent_link_begin(p);
	return 0;
}

static void leave(struct parent *p)
{
	p->identity.standing = STANDING_NEW;
	p->identity.machine = (id16){{0}};
	sodium_memzero(p->identity.machine_secret, sizeof p->identity.machine_secret);
	p->identity.policy = (struct link_policy){0};
	parent_allow_forget(p);
	int k = identity_save(p->state_folder, &p->identity);
	if (k)
		log_error("the identity cannot be written", "error", strerror(-k), NULL);
	parent_link_begin(p);
}

static int answer_done(struct parent *p, struct ipc_reader *r)
{
	int64_t ticket = ipc_get_i64(r), code = ipc_get_i64(r);
	const char *why = ipc_get_text(r, LINK_MAX_PLAIN);
	if (ipc_end(r) || code < 0 || code > 4095)
		return -EBADMSG;
	struct client *goodbye = parent_waiting(p, WAITS_FOR_GOODBYE, ticket);
	struct client *c = goodbye ? goodbye : parent_waiting(p, WAITS_FOR_SYNC, ticket);
	if (goodbye && !code)
		leave(p);
	if (code) {
		parent_refuse(p, c, (int)code, why);
	} else {
		ipc_begin(&p->out, CONTROL_DONE);
		parent_answer_client(p, c, &p->out);
	}
	return 0;
}

static const struct answer {
	uint16_t type;
	bool before_ready; /* else it is refused until the link has said that it is in its sandbox */
	int (*answer)(struct parent *p, struct ipc_reader *r);
} answers[] = {
    {LINK_READY, true, answer_ready},
    {LINK_PONG, true, answer_pong},
    {LINK_PROVE, false, answer_prove},
    {LINK_ENROLLED, false, answer_enrolled},
    {LINK_ENROL_DONE, false, answer_enrol_done},
    {LINK_RECEIPT, false, answer_receipt},
    {LINK_REFUSED, false, answer_refused},
    {LINK_POLICY, false, answer_policy},
    {LINK_ALLOW, false, parent_answer_allow},
    {LINK_TASK, false, parent_answer_task},
    {LINK_STATUS, false, answer_status},
    {LINK_LOST, false, answer_lost},
    {LINK_DONE, false, answer_done},
};

int parent_answer(struct parent *p, uint16_t type, struct ipc_reader *r)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		if (answers[i].type != type)
			continue;
		if (!answers[i].before_ready && p->link.phase != LINK_UP)
			return -EPERM;
		return answers[i].answer(p, r);
	}
	return -EPERM;
}
