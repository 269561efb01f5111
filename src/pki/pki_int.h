#ifndef PKI_INT_H
#define PKI_INT_H

#include "pki_x509.h"

/* Reading PEM with a bound, from memory. */
BIO *pki_bio(const char *pem, size_t max, struct err *e); /* NULL: too long, or no memory */
/* Appends what was written to a memory BIO, and frees that. */
int pki_take_bio(BIO *bio, int written, struct buf *b);
/* OpenSSL's words for what failed last, and an empty queue. */
int pki_fail(struct err *e, int code, const char *what);

struct pki_trust {
	STACK_OF(X509) * anchors; /* NULL: a pin */
	uint8_t pin[SHA256_BYTES];
};

/* purpose: X509_PURPOSE_SSL_SERVER or _CLIENT; host NULL: no name is asked for. *ret_error (may be NULL): X509_V_ERR_….
 */
int pki_verify(const struct pki_trust *t, X509 *leaf, STACK_OF(X509) * chain, int purpose, const char *host,
    struct pki_time at, int *ret_error, struct err *e);

#endif
