#include "pki_int.h"

#include "clock.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* Instead of OpenSSL's own verification, so that anchors, pin and the protocol's time are judged in one place. */
static int verify_server(X509_STORE_CTX *ctx, void *arg)
{
	struct pki_tls_check *c = arg;
	int error = X509_V_ERR_UNSPECIFIED;
	c->why = (struct err){0};
	int r = pki_verify(c->trust, X509_STORE_CTX_get0_cert(ctx), X509_STORE_CTX_get0_untrusted(ctx),
	    X509_PURPOSE_SSL_SERVER, c->host, pki_verify_time(clock_real_us(), c->floor_us), &error, &c->why);
	X509_STORE_CTX_set_error(ctx, r ? error : X509_V_OK);
	return r == 0;
}

void pki_tls_verify(SSL_CTX *ctx, struct pki_tls_check *check)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify_server, check);
}

int pki_tls_identity(SSL_CTX *ctx, const char *cert_pem, const struct pki_key *k, struct err *e)
{
	X509 *c;
	int r = pki_cert_parse(cert_pem, &c, e);
	if (r)
		return r;
	/* what was there before goes first, or the old certificate is held against the new key */
	if (SSL_CTX_use_cert_and_key(ctx, c, pki_key_evp(k), NULL, 1) != 1)
		r = pki_fail(e, -EINVAL, "certificate and key do not fit");
	X509_free(c);
	return r;
}
