#include "http_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static int fail(struct err *e, const char *what)
{
	char why[128] = "";
	ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
	ERR_clear_error();
	return err_set(e, -EINVAL, "TLS: %s: %s", what, why);
}

/* fn is given each certificate of the text and takes it over when it returns 1. *ret: how many there were. */
static int each_certificate(const char *pem, int (*fn)(void *arg, X509 *x, size_t i), void *arg, size_t *ret)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	size_t n = 0;
	int r = bio ? 0 : -ENOMEM;
	for (X509 *x; !r && (x = PEM_read_bio_X509(bio, NULL, NULL, "")); n++)
		if (fn(arg, x, n) != 1) {
			X509_free(x);
			r = -EINVAL;
		}
	if (!r && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		r = -EINVAL;
	if (!r)
		ERR_clear_error();
	BIO_free(bio);
	*ret = n;
	return r;
}

static int add_to_chain(void *arg, X509 *x, size_t i)
{
	SSL_CTX *ctx = arg;
	if (i)
		return SSL_CTX_add0_chain_cert(ctx, x) == 1;
	if (SSL_CTX_use_certificate(ctx, x) != 1)
		return 0;
	X509_free(x); /* use_certificate took a reference of its own */
	return 1;
}

static int add_client_ca(void *arg, X509 *x, size_t i)
{
	SSL_CTX *ctx = arg;
	(void)i;
	if (SSL_CTX_add_client_CA(ctx, x) != 1 || X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) != 1)
		return 0;
	X509_free(x);
	return 1;
}

static int use_key(SSL_CTX *ctx, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, "") : NULL;
	int ok = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok ? 0 : -EINVAL;
}

/* An expired certificate is let in, marked, and may then call renewal alone: nothing else that is wrong is forgiven,
 * and nothing above the peer's own certificate. */
static int verified(int ok, X509_STORE_CTX *x)
{
	if (ok)
		return 1;
	if (X509_STORE_CTX_get_error(x) != X509_V_ERR_CERT_HAS_EXPIRED || X509_STORE_CTX_get_error_depth(x) != 0)
		return 0;
	SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct http_conn *c = SSL_get_app_data(ssl);
	c->cert.expired = true;
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

static int context(enum http_peer peer, const struct http_tls *t, SSL_CTX **ret, struct err *e)
{
	size_t n = 0;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx)
		return fail(e, "context");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
	                             SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0); /* a resumed session would go round a rotated CA */
	SSL_CTX_set_mode(
	    ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1); /* one system call a record instead of two */
	int r = SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 ? 0 : fail(e, "ciphers");
	if (!r && (each_certificate(t->chain_pem, add_to_chain, ctx, &n) || !n))
		r = fail(e, "the server's chain");
	if (!r && use_key(ctx, t->key_pem))
		r = fail(e, "the server's key");
	if (!r && peer == HTTP_PEER_CERTIFIED) {
		if (each_certificate(t->client_cas_pem ? t->client_cas_pem : "", add_client_ca, ctx, &n) || !n)
			r = fail(e, "the CAs of clients");
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verified);
		SSL_CTX_set_verify_depth(ctx, 4);
	}
	if (r)
		SSL_CTX_free(ctx);
	else
		*ret = ctx;
	return r;
}

int http_tls_contexts(const struct http_tls *t, SSL_CTX *ret[2], struct err *e)
{
	SSL_CTX *any = NULL, *certified = NULL;
	ERR_clear_error();
	int r = context(HTTP_PEER_ANY, t, &any, e);
	if (!r && t->client_cas_pem)
		r = context(HTTP_PEER_CERTIFIED, t, &certified, e);
	if (r) {
		SSL_CTX_free(any);
		return r;
	}
	ret[HTTP_PEER_ANY] = any;
	ret[HTTP_PEER_CERTIFIED] = certified;
	return 0;
}

static int key_hash(X509 *x, uint8_t ret[32])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	int ok = n > 0 && EVP_Digest(der, (size_t)n, ret, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok ? 0 : -EACCES;
}

int http_tls_peer(SSL *ssl, struct http_cert *ret)
{
	X509 *x = SSL_get0_peer_certificate(ssl);
	if (!x || SSL_get_verify_result(ssl) != X509_V_OK)
		return -EACCES;
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	int n = ASN1_STRING_length(serial);
	if (n < 1 || (size_t)n > sizeof ret->serial)
		return -EACCES;
	memcpy(ret->serial, ASN1_STRING_get0_data(serial), (size_t)n);
	ret->serial_n = (size_t)n;
	int name_n = X509_NAME_get_text_by_NID(
	    X509_get_subject_name(x), NID_commonName, ret->common_name, sizeof ret->common_name);
	if (name_n >= 0 && strlen(ret->common_name) != (size_t)name_n)
		return -EACCES;
	return key_hash(x, ret->key_hash);
}
