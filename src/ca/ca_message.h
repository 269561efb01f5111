/* What khien-ca and its clients say to each other: one request, one answer, in order. */
#ifndef CA_MESSAGE_H
#define CA_MESSAGE_H

#include "bounds.h"
#include "ca_client.h"
#include "ipc.h"

enum ca_call { CA_SIGN_AGENT = 1, CA_SIGN_SERVER, CA_GET_TRUST, CA_GET_STATUS, CA_ROTATE, CA_RETIRE, CA_CALL_END };
enum ca_answer { CA_FAILED = 100, CA_CERTIFICATE, CA_TRUST_SAME, CA_TRUST_NEW, CA_STATUS, CA_CHANGED };
enum { CA_MAX_NAMES = 1024 };

struct ca_request {
	enum ca_call call;
	const char *csr_pem; /* CA_SIGN_AGENT, CA_SIGN_SERVER */
	const char *subject; /* the machine; the server's names */
	int64_t number;      /* CA_GET_TRUST: the version that is known; CA_RETIRE: the generation */
};
void ca_put_request(struct buf *m, const struct ca_request *q);
int ca_get_request(struct ipc_reader *r, uint16_t type, struct ca_request *ret); /* points into the message */

void ca_put_failed(struct buf *m, int code, const char *text);
void ca_put_certificate(struct buf *m, const char *pem);
void ca_put_same(struct buf *m);
void ca_put_trust(struct buf *m, const struct ca_trust *t);
void ca_put_status(struct buf *m, const struct ca_status *s);
void ca_put_changed(struct buf *m, int64_t generation);

/* For the client: 0 when the answer is of this type (CA_TRUST_SAME counts as CA_TRUST_NEW of version 0), the code and
 * text of a failure, -EBADMSG for what is no answer. Texts point into the message. */
int ca_get_certificate(struct ipc_reader *r, uint16_t type, const char **ret_pem, struct err *e);
int ca_get_new_trust(struct ipc_reader *r, uint16_t type, struct ca_trust *ret, struct err *e);
int ca_get_status_answer(struct ipc_reader *r, uint16_t type, struct ca_status *ret, struct err *e);
int ca_get_changed(struct ipc_reader *r, uint16_t type, int64_t *ret_generation, struct err *e);

#endif
