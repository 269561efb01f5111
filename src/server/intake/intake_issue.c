/* Enrolment and renewal: decide in the store, sign in khien-ca, finish in the store. Each step may be the last one that
 * the agent hears of; sent again, the call goes on from where it stands, because the CSR's key names it. */
#include "intake_int.h"
#include "anchor.h"
#include "clock.h"
#include "identity.h"
#include "pki.h"
#include "str.h"

#include <openssl/evp.h>

struct issue_call {
	struct intake_call call;
	const struct issue_kind *kind;
	struct sign_job sign;
	struct pki_cert signed_cert;
	struct anchors anchors;
	union {
		struct {
			struct wire_enrol said;
			struct enrol_request request;
			struct enrol_answer answer;
		} enrol;
		struct {
			struct wire_renew said;
			uint8_t key_hash[SHA256_BYTES];
			struct renew_answer answer;
		} renew;
	};
};

static const struct issue_kind {
	int (*read)(struct issue_call *k, const char *text, size_t n, struct err *e);
	int (*decide)(struct db *db, struct issue_call *k);
	int (*finish)(struct db *db, struct issue_call *k, const struct cert_info *c);
	void (*write)(const struct issue_call *k, struct buf *b);
	enum verdict (*verdict)(const struct issue_call *k);
	char **(*certificate)(struct issue_call *k);
	const char *(*machine)(const struct issue_call *k);
	const char *(*csr)(const struct issue_call *k);
	size_t counter; /* in struct intake */
} enrol_kind, renew_kind;

/* Enrolment */

static int enrol_read(struct issue_call *k, const char *text, size_t n, struct err *e)
{
	struct wire_enrol *w = &k->enrol.said;
	struct enrol_request *q = &k->enrol.request;
	int r = wire_get_enrol(&k->call.arena, text, n, w, e);
	if (!r)
		r = pki_csr_check(w->csr, q->key_hash, e);
	if (r)
		return r;
	if (EVP_Digest(w->csr, strlen(w->csr), q->csr_sha256, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	q->token_id = w->token_id;
	memcpy(q->proof, w->proof, sizeof q->proof);
	memcpy(q->seal_key, w->seal_key, sizeof q->seal_key);
	q->install_id = w->install_id;
	q->hardware = w->hardware;
	q->inventory = &w->inventory;
	q->call = k->call.who;
	return 0;
}

static int enrol_decides(struct db *db, struct issue_call *k)
{
	return enrol_decide(k->call.intake->desk, db, k->call.intake->conf.key, &k->enrol.request, &k->enrol.answer);
}

static int enrol_finishes(struct db *db, struct issue_call *k, const struct cert_info *c)
{
	return enrol_finish(db, k->enrol.request.key_hash, c);
}

static void enrol_write(const struct issue_call *k, struct buf *b)
{
	const struct enrol_answer *a = &k->enrol.answer;
	struct wire_enrolled w = {
	    .certificate = a->certificate, .anchors = k->anchors, .server_time_us = clock_real_us()};
	if (hex_decode(w.machine.b, ID_BYTES, a->machine))
		b->error = -EINVAL;
	memcpy(w.sealed, a->sealed, sizeof w.sealed);
	memcpy(w.confirm, a->confirm, sizeof w.confirm);
	wire_put_enrolled(b, &w);
}

static enum verdict enrol_verdict(const struct issue_call *k)
{
	return k->enrol.answer.verdict;
}

static char **enrol_certificate(struct issue_call *k)
{
	return &k->enrol.answer.certificate;
}

static const char *enrol_machine(const struct issue_call *k)
{
	return k->enrol.answer.machine;
}

static const char *enrol_csr(const struct issue_call *k)
{
	return k->enrol.said.csr;
}

static const struct issue_kind enrol_kind = {enrol_read, enrol_decides, enrol_finishes, enrol_write, enrol_verdict,
    enrol_certificate, enrol_machine, enrol_csr, offsetof(struct intake, enrolled)};

/* Renewal */

static int renew_read(struct issue_call *k, const char *text, size_t n, struct err *e)
{
	int r = wire_get_renew(&k->call.arena, text, n, &k->renew.said, e);
	return r ? r : pki_csr_check(k->renew.said.csr, k->renew.key_hash, e);
}

static int renew_decides(struct db *db, struct issue_call *k)
{
	return cert_renew_decide(db, &k->call.who, &k->renew.said.install_id, k->renew.key_hash, &k->renew.answer);
}

static int renew_finishes(struct db *db, struct issue_call *k, const struct cert_info *c)
{
	return cert_renew_finish(db, &k->call.who, c);
}

static void renew_write(const struct issue_call *k, struct buf *b)
{
	wire_put_renewed(b,
	    &(struct wire_renewed){
	        .certificate = k->renew.answer.certificate, .anchors = k->anchors, .server_time_us = clock_real_us()});
}

static enum verdict renew_verdict(const struct issue_call *k)
{
	return k->renew.answer.verdict;
}

static char **renew_certificate(struct issue_call *k)
{
	return &k->renew.answer.certificate;
}

static const char *renew_machine(const struct issue_call *k)
{
	return k->renew.answer.machine;
}

static const char *renew_csr(const struct issue_call *k)
{
	return k->renew.said.csr;
}

static const struct issue_kind renew_kind = {renew_read, renew_decides, renew_finishes, renew_write, renew_verdict,
    renew_certificate, renew_machine, renew_csr, offsetof(struct intake, renewed)};

/* Both */

static void forget_certificate(struct issue_call *k)
{
	char **certificate = k->kind->certificate(k);
	free(*certificate);
	*certificate = NULL;
}

static void release(struct intake_call *c)
{
	struct issue_call *k = (struct issue_call *)c;
	forget_certificate(k);
	anchors_release(&k->anchors);
}

static int load_anchors(struct db *db, struct issue_call *k)
{
	anchors_release(&k->anchors); /* the job may run again */
	k->anchors = (struct anchors){0};
	return anchor_load(db, &k->anchors);
}

static int decide(struct db *db, struct intake_call *c)
{
	struct issue_call *k = (struct issue_call *)c;
	forget_certificate(k);
	int r = k->kind->decide(db, k);
	return r || !*k->kind->certificate(k) ? r : load_anchors(db, k);
}

static int finish(struct db *db, struct intake_call *c)
{
	struct issue_call *k = (struct issue_call *)c;
	const struct pki_cert *x = &k->signed_cert;
	struct cert_info info = {.serial_n = x->serial_n,
	    .not_before = x->not_before,
	    .not_after = x->not_after,
	    .pem = *k->kind->certificate(k)};
	memcpy(info.serial, x->serial, sizeof info.serial);
	memcpy(info.key_hash, x->key_hash, sizeof info.key_hash);
	int r = k->kind->finish(db, k, &info);
	return r ? r : load_anchors(db, k);
}

static void answer(struct intake_call *c)
{
	struct issue_call *k = (struct issue_call *)c;
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	k->kind->write(k, &b);
	if (!b.error)
		atomic_fetch_add((atomic_llong *)((char *)c->intake + k->kind->counter), 1);
	intake_answer(c, &b);
}

static void after_signing(void *arg)
{
	struct issue_call *k = arg;
	struct err e = k->sign.err;
	int r = k->sign.result;
	if (!r) {
		*k->kind->certificate(k) = k->sign.cert_pem;
		r = pki_cert_read(k->sign.cert_pem, &k->signed_cert, &e);
	}
	if (!r)
		intake_write(&k->call, finish, answer);
	else if (r == -EINVAL || r == -EKEYREJECTED || r == -EMSGSIZE)
		intake_malformed(&k->call, -EINVAL, e.text);
	else
		intake_fail(&k->call, "khien-ca", r, e.text);
}

static void was_signed(struct sign_job *j)
{
	struct issue_call *k = (struct issue_call *)((char *)j - offsetof(struct issue_call, sign));
	http_run(k->call.q, after_signing, k);
}

static void decided(struct intake_call *c)
{
	struct issue_call *k = (struct issue_call *)c;
	enum verdict v = k->kind->verdict(k);
	char caller[9 + ID_TEXT];
	if (v != VERDICT_OK) {
		intake_refuse(c, v, NULL);
		return;
	}
	snprintf(caller, sizeof caller, "machine:%s", k->kind->machine(k));
	http_set_caller(c->q, caller);
	if (*k->kind->certificate(k)) {
		answer(c);
		return;
	}
	k->sign = (struct sign_job){.csr_pem = k->kind->csr(k), .machine = k->kind->machine(k), .done = was_signed};
	if (signer_ask(c->intake->signer, &k->sign))
		intake_busy(c);
}

static void begin(struct intake *i, struct http_req *q, const struct issue_kind *kind)
{
	struct issue_call *k = intake_call_new(i, q, sizeof *k, release);
	struct err e = {0};
	size_t n;
	if (!k)
		return;
	k->kind = kind;
	const char *text = http_body(q, &n);
	int r = kind->read(k, text, n, &e);
	if (r)
		intake_malformed(&k->call, r == -EKEYREJECTED ? -EINVAL : r, e.text);
	else
		intake_write(&k->call, decide, decided);
}

void intake_enrol(struct intake *i, struct http_req *q)
{
	begin(i, q, &enrol_kind);
}

void intake_renew(struct intake *i, struct http_req *q)
{
	begin(i, q, &renew_kind);
}
