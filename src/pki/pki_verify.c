#include "pki_int.h"

#include "clock.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

struct pki_time pki_verify_time(int64_t clock_us, int64_t floor_us)
{
	const int64_t two_years = INT64_C(2) * 366 * 86400 * US_PER_S;
	bool believable = clock_us >= floor_us && clock_us - floor_us <= two_years;
	return (struct pki_time){believable ? clock_us : floor_us, !believable};
}

int pki_trust_anchors(const char *anchors_pem, struct pki_trust **ret, struct err *e)
{
	struct pki_trust *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	int r = pki_bundle_parse(anchors_pem, &t->anchors, e);
	if (!r && sk_X509_num(t->anchors) == 0)
		r = err_set(e, -EINVAL, "no certificate in the anchors");
	if (r)
		pki_trust_free(t);
	else
		*ret = t;
	return r;
}

int pki_trust_pin(const uint8_t pin[SHA256_BYTES], struct pki_trust **ret)
{
	struct pki_trust *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	memcpy(t->pin, pin, SHA256_BYTES);
	*ret = t;
	return 0;
}

void pki_trust_free(struct pki_trust *t)
{
	if (!t)
		return;
	sk_X509_pop_free(t->anchors, X509_free);
	free(t);
}

/* The self-signed certificate of the chain that has the pinned key. Its signature is checked here: OpenSSL takes an
 * anchor's own on trust. */
static X509 *find_pinned(const struct pki_trust *t, STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *c = sk_X509_value(chain, i);
		EVP_PKEY *k = X509_get0_pubkey(c);
		uint8_t hash[SHA256_BYTES];
		if (!k)
			continue;
		pki_public_key_hash(k, hash);
		if (memcmp(hash, t->pin, sizeof hash) == 0 && X509_self_signed(c, 1) == 1)
			return c;
	}
	return NULL;
}

static int make_store(const struct pki_trust *t, STACK_OF(X509) * chain, X509_STORE **ret, struct err *e)
{
	X509 *pinned = t->anchors ? NULL : find_pinned(t, chain);
	if (!t->anchors && !pinned) {
		ERR_clear_error();
		return err_set(e, -EKEYREJECTED, "no root in the server's chain has the pinned key");
	}
	X509_STORE *s = X509_STORE_new();
	bool good = s != NULL;
	if (good && pinned)
		good = X509_STORE_add_cert(s, pinned) == 1;
	for (int i = 0; good && i < sk_X509_num(t->anchors); i++)
		good = X509_STORE_add_cert(s, sk_X509_value(t->anchors, i)) == 1;
	if (good)
		*ret = s;
	else
		X509_STORE_free(s);
	return good ? 0 : pki_fail(e, -ENOMEM, "no memory");
}

static int set_host(X509_VERIFY_PARAM *p, const char *host)
{
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1)
		return 0;
	ERR_clear_error();
	return *host && X509_VERIFY_PARAM_set1_host(p, host, 0) == 1 ? 0 : -EINVAL;
}

/* OpenSSL takes a certificate that says nothing about its use for any use; ours always say. */
static bool says_its_use(X509 *leaf, int purpose)
{
	uint32_t use = X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE ? X509_get_extended_key_usage(leaf) : 0;
	return use & (purpose == X509_PURPOSE_SSL_SERVER ? XKU_SSL_SERVER : XKU_SSL_CLIENT);
}

static int forgive_not_yet(int good, X509_STORE_CTX *ctx)
{
	if (good || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CERT_NOT_YET_VALID)
		return good;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static int run(
    X509_STORE_CTX *ctx, X509 *leaf, int purpose, const char *host, struct pki_time at, int *ret_error, struct err *e)
{
	X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(p, (time_t)(at.us / US_PER_S));
	X509_VERIFY_PARAM_set_depth(p, MAX_CHAIN);
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	if (!X509_VERIFY_PARAM_set_purpose(p, purpose) || (host && set_host(p, host)))
		return pki_fail(e, -EINVAL, "not a host's name");
	if (at.is_floor)
		X509_STORE_CTX_set_verify_cb(ctx, forgive_not_yet);
	int good = X509_verify_cert(ctx);
	int error = good == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	if (good == 1 && !says_its_use(leaf, purpose))
		error = X509_V_ERR_INVALID_PURPOSE;
	ERR_clear_error();
	*ret_error = error;
	if (error == X509_V_OK)
		return 0;
	return err_set(e, -EKEYREJECTED, "%s (at depth %d)", X509_verify_cert_error_string(error),
	    X509_STORE_CTX_get_error_depth(ctx));
}

/* What the peer sent, without its roots: a root that is trusted is in the store already, and one that is not would be
 * taken in place of the cross certificate of the same name and key, by the coin of which expires later. Borrows. */
static STACK_OF(X509) * without_roots(STACK_OF(X509) * chain)
{
	STACK_OF(X509) *kept = sk_X509_new_null();
	for (int i = 0; kept && i < sk_X509_num(chain); i++) {
		X509 *c = sk_X509_value(chain, i);
		if (!(X509_get_extension_flags(c) & EXFLAG_SS) && !sk_X509_push(kept, c)) {
			sk_X509_free(kept);
			kept = NULL;
		}
	}
	return kept;
}

int pki_verify(const struct pki_trust *t, X509 *leaf, STACK_OF(X509) * chain, int purpose, const char *host,
    struct pki_time at, int *ret_error, struct err *e)
{
	X509_STORE *store;
	int error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	int r = make_store(t, chain, &store, e);
	if (!r) {
		X509_STORE_CTX *ctx = X509_STORE_CTX_new();
		STACK_OF(X509) *between = without_roots(chain);
		error = X509_V_ERR_OUT_OF_MEM;
		r = ctx && between && X509_STORE_CTX_init(ctx, store, leaf, between) == 1
		        ? run(ctx, leaf, purpose, host, at, &error, e)
		        : pki_fail(e, -ENOMEM, "no memory");
		X509_STORE_CTX_free(ctx);
		sk_X509_free(between);
		X509_STORE_free(store);
	}
	if (ret_error)
		*ret_error = error;
	return r;
}

static int check_pem(
    const struct pki_trust *t, const char *chain_pem, int purpose, const char *host, struct pki_time at, struct err *e)
{
	STACK_OF(X509) * chain;
	int r = pki_bundle_parse(chain_pem, &chain, e);
	if (r)
		return r;
	r = sk_X509_num(chain) ? pki_verify(t, sk_X509_value(chain, 0), chain, purpose, host, at, NULL, e)
	                       : err_set(e, -EINVAL, "no certificate in the chain");
	sk_X509_pop_free(chain, X509_free);
	return r;
}

int pki_server_check(
    const struct pki_trust *t, const char *chain_pem, const char *host, struct pki_time at, struct err *e)
{
	return check_pem(t, chain_pem, X509_PURPOSE_SSL_SERVER, host, at, e);
}

int pki_client_check(const struct pki_trust *t, const char *chain_pem, struct pki_time at, struct err *e)
{
	return check_pem(t, chain_pem, X509_PURPOSE_SSL_CLIENT, NULL, at, e);
}
