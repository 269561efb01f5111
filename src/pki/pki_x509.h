/* The same room with OpenSSL's types: for who signs, and for who speaks TLS. */
#ifndef PKI_X509_H
#define PKI_X509_H

#include "pki.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

EVP_PKEY *pki_key_evp(const struct pki_key *k); /* borrowed */

/* A checked request: pki_csr_check and the object. The caller frees. */
int pki_csr_parse(const char *pem, X509_REQ **ret, struct err *e);
void pki_public_key_hash(EVP_PKEY *k, uint8_t dst[SHA256_BYTES]);
bool pki_is_p256(EVP_PKEY *k);

int pki_cert_parse(const char *pem, X509 **ret, struct err *e);              /* the first of a bundle */
int pki_bundle_parse(const char *pem, STACK_OF(X509) * *ret, struct err *e); /* free with sk_X509_pop_free */
int pki_cert_facts(X509 *c, struct pki_cert *ret);
int pki_cert_write(X509 *c, struct buf *b); /* appends PEM */

/* Makes ctx verify servers by `t` for `host` at pki_verify_time(now, floor_us), whatever OpenSSL's own store says.
 * `check` lives as long as ctx is used. The reason of a refusal is in check->why. */
struct pki_tls_check {
	const struct pki_trust *trust;
	const char *host;
	int64_t floor_us;
	struct err why;
};
void pki_tls_verify(SSL_CTX *ctx, struct pki_tls_check *check);
/* The client's own certificate and key. -EINVAL when they do not fit together. */
int pki_tls_identity(SSL_CTX *ctx, const char *cert_pem, const struct pki_key *k, struct err *e);

#endif
