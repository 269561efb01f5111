#include "pki_int.h"

#include "clock.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <time.h>

static int64_t time_us(const ASN1_TIME *t)
{
	struct tm tm;
	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * US_PER_S : -1;
}

static int get_serial(X509 *c, struct pki_cert *ret)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(c);
	int n = serial ? ASN1_STRING_length(serial) : 0;
	if (n < 1 || n > PKI_SERIAL_MAX || ASN1_STRING_type(serial) != V_ASN1_INTEGER)
		return -EINVAL;
	memcpy(ret->serial, ASN1_STRING_get0_data(serial), (size_t)n);
	ret->serial_n = (size_t)n;
	return 0;
}

/* "" when there is none, more than one, or one that is no plain text of at most 64 bytes. */
static void get_common_name(X509 *c, char dst[65])
{
	const X509_NAME *name = X509_get_subject_name(c);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *text = NULL;
	dst[0] = 0;
	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return;
	int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (n > 0 && n <= 64 && !memchr(text, 0, (size_t)n)) {
		memcpy(dst, text, (size_t)n);
		dst[n] = 0;
	}
	OPENSSL_free(text);
}

int pki_cert_facts(X509 *c, struct pki_cert *ret)
{
	struct pki_cert f = {0};
	EVP_PKEY *k = X509_get0_pubkey(c);
	f.not_before = time_us(X509_get0_notBefore(c));
	f.not_after = time_us(X509_get0_notAfter(c));
	if (!k || f.not_before < 0 || f.not_after < 0 || get_serial(c, &f))
		return pki_fail(NULL, -EINVAL, "");
	pki_public_key_hash(k, f.key_hash);
	get_common_name(c, f.common_name);
	f.self_issued = X509_NAME_cmp(X509_get_subject_name(c), X509_get_issuer_name(c)) == 0;
	*ret = f;
	return 0;
}

int pki_bundle_parse(const char *pem, STACK_OF(X509) * *ret, struct err *e)
{
	struct err why = {0};
	BIO *bio = pki_bio(pem, MAX_ANCHOR_BODY, &why);
	if (!bio)
		return err_set(e, why.code, "the bundle is %s", why.text);
	STACK_OF(X509) *v = sk_X509_new_null();
	int r = v ? 0 : -ENOMEM;
	X509 *c;
	while (!r && (c = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		r = sk_X509_num(v) < MAX_CHAIN ? 0 : err_set(e, -EMSGSIZE, "more than %d certificates", MAX_CHAIN);
		if (!r && !sk_X509_push(v, c))
			r = -ENOMEM;
		if (r)
			X509_free(c);
	}
	BIO_free(bio);
	/* the end of a bundle is an error to OpenSSL as well: that there is no further begin line */
	if (!r && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		r = pki_fail(e, -EINVAL, "not a certificate");
	ERR_clear_error();
	if (r)
		sk_X509_pop_free(v, X509_free);
	else
		*ret = v;
	return r;
}

int pki_bundle_check(const char *pem, size_t *ret_n, struct err *e)
{
	STACK_OF(X509) * v;
	int r = pki_bundle_parse(pem, &v, e);
	if (r)
		return r;
	*ret_n = (size_t)sk_X509_num(v);
	sk_X509_pop_free(v, X509_free);
	return 0;
}

int pki_cert_parse(const char *pem, X509 **ret, struct err *e)
{
	struct err why = {0};
	BIO *bio = pki_bio(pem, MAX_ANCHOR_BODY, &why);
	if (!bio)
		return err_set(e, why.code, "the certificate is %s", why.text);
	X509 *c = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!c)
		return pki_fail(e, -EINVAL, "not a certificate");
	*ret = c;
	return 0;
}

int pki_cert_read(const char *pem, struct pki_cert *ret, struct err *e)
{
	X509 *c;
	int r = pki_cert_parse(pem, &c, e);
	if (r)
		return r;
	r = pki_cert_facts(c, ret);
	X509_free(c);
	return r ? err_set(e, r, "a certificate without key, serial or dates that can be read") : 0;
}

bool pki_cert_fits(const char *cert_pem, const struct pki_key *k)
{
	struct pki_cert f;
	uint8_t hash[SHA256_BYTES];
	if (pki_cert_read(cert_pem, &f, NULL))
		return false;
	pki_key_hash(k, hash);
	return memcmp(hash, f.key_hash, sizeof hash) == 0;
}

int pki_cert_write(X509 *c, struct buf *b)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return pki_take_bio(bio, bio ? PEM_write_bio_X509(bio, c) : 0, b);
}
