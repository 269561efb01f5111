#include "ca_message.h"

#include "str.h"

#include <errno.h>

enum { MAX_REASON_TEXT = 384 };

void ca_put_request(struct buf *m, const struct ca_request *q)
{
	ipc_begin(m, (uint16_t)q->call);
	if (q->call == CA_SIGN_AGENT || q->call == CA_SIGN_SERVER) {
		ipc_put_text(m, q->csr_pem);
		ipc_put_text(m, q->subject);
	} else if (q->call == CA_GET_TRUST || q->call == CA_RETIRE) {
		ipc_put_i64(m, q->number);
	}
}

int ca_get_request(struct ipc_reader *r, uint16_t type, struct ca_request *ret)
{
	struct ca_request q = {.call = type, .csr_pem = "", .subject = ""};
	if (!type || type >= CA_CALL_END)
		return -EBADMSG;
	if (type == CA_SIGN_AGENT || type == CA_SIGN_SERVER) {
		q.csr_pem = ipc_get_text(r, MAX_CSR);
		q.subject = ipc_get_text(r, CA_MAX_NAMES - 1);
	} else if (type == CA_GET_TRUST || type == CA_RETIRE) {
		q.number = ipc_get_i64(r);
	}
	int e = ipc_end(r);
	if (!e)
		*ret = q;
	return e;
}

void ca_put_failed(struct buf *m, int code, const char *text)
{
	ipc_begin(m, CA_FAILED);
	ipc_put_i64(m, code);
	ipc_put_text(m, text);
}

/* A failure said by the other side, or an answer that does not belong to the question. */
static int get_failed(struct ipc_reader *r, uint16_t type, struct err *e)
{
	int64_t code = type == CA_FAILED ? ipc_get_i64(r) : 0;
	const char *text = ipc_get_text(r, MAX_REASON_TEXT);
	if (type != CA_FAILED || ipc_end(r) || code >= 0 || code < -4095)
		return err_set(e, -EBADMSG, "khien-ca's answer is not understood");
	return err_set(e, (int)code, "%s", text);
}

static int ended(struct ipc_reader *r, struct err *e)
{
	return ipc_end(r) ? err_set(e, -EBADMSG, "khien-ca's answer is not understood") : 0;
}

void ca_put_certificate(struct buf *m, const char *pem)
{
	ipc_begin(m, CA_CERTIFICATE);
	ipc_put_text(m, pem);
}

int ca_get_certificate(struct ipc_reader *r, uint16_t type, const char **ret_pem, struct err *e)
{
	if (type != CA_CERTIFICATE)
		return get_failed(r, type, e);
	*ret_pem = ipc_get_text(r, MAX_CERT);
	return ended(r, e);
}

void ca_put_same(struct buf *m)
{
	ipc_begin(m, CA_TRUST_SAME);
}

void ca_put_trust(struct buf *m, const struct ca_trust *t)
{
	ipc_begin(m, CA_TRUST_NEW);
	ipc_put_i64(m, t->version);
	ipc_put_i64(m, t->generation);
	ipc_put_text(m, t->issuers_pem);
	ipc_put_text(m, t->root_pem);
	ipc_put_text(m, t->anchors_pem);
}

int ca_get_new_trust(struct ipc_reader *r, uint16_t type, struct ca_trust *ret, struct err *e)
{
	*ret = (struct ca_trust){0};
	if (type == CA_TRUST_SAME)
		return ended(r, e);
	if (type != CA_TRUST_NEW)
		return get_failed(r, type, e);
	ret->version = ipc_get_i64(r);
	ret->generation = ipc_get_i64(r);
	ret->issuers_pem = (char *)ipc_get_text(r, MAX_ANCHOR_BODY);
	ret->root_pem = (char *)ipc_get_text(r, MAX_CERT);
	ret->anchors_pem = (char *)ipc_get_text(r, MAX_ANCHOR_BODY);
	return ended(r, e);
}

void ca_put_status(struct buf *m, const struct ca_status *s)
{
	ipc_begin(m, CA_STATUS);
	ipc_put_i64(m, s->version);
	ipc_put_i64(m, s->signed_agents);
	ipc_put_i64(m, s->signed_servers);
	ipc_put_text(m, s->names);
	ipc_put_u8(m, (uint8_t)s->n);
	for (size_t i = 0; i < s->n; i++) {
		ipc_put_i64(m, s->v[i].number);
		ipc_put_u8(m, (uint8_t)s->v[i].state);
		ipc_put_i64(m, s->v[i].not_before);
		ipc_put_i64(m, s->v[i].not_after);
		ipc_put_fixed(m, s->v[i].key_hash, SHA256_BYTES);
	}
}

int ca_get_status_answer(struct ipc_reader *r, uint16_t type, struct ca_status *ret, struct err *e)
{
	*ret = (struct ca_status){0};
	if (type != CA_STATUS)
		return get_failed(r, type, e);
	ret->version = ipc_get_i64(r);
	ret->signed_agents = ipc_get_i64(r);
	ret->signed_servers = ipc_get_i64(r);
	str_copy(ret->names, sizeof ret->names, ipc_get_text(r, sizeof ret->names - 1));
	ret->n = ipc_get_enum(r, sizeof ret->v / sizeof *ret->v + 1);
	for (size_t i = 0; i < ret->n; i++) {
		ret->v[i].number = ipc_get_i64(r);
		ret->v[i].state = ipc_get_enum(r, CA_NEXT + 1);
		ret->v[i].not_before = ipc_get_i64(r);
		ret->v[i].not_after = ipc_get_i64(r);
		ipc_get_fixed(r, ret->v[i].key_hash, SHA256_BYTES);
	}
	return ended(r, e);
}

void ca_put_changed(struct buf *m, int64_t generation)
{
	ipc_begin(m, CA_CHANGED);
	ipc_put_i64(m, generation);
}

int ca_get_changed(struct ipc_reader *r, uint16_t type, int64_t *ret_generation, struct err *e)
{
	if (type != CA_CHANGED)
		return get_failed(r, type, e);
	*ret_generation = ipc_get_i64(r);
	return ended(r, e);
}
