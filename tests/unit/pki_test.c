#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pki_x509.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

static void a_key_goes_to_text_and_back(void **unused)
{
	(void)unused;
	struct pki_key *k, *again, *other;
	struct buf pem = BUF_INIT(PKI_MAX_KEY);
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
	assert_int_equal(pki_key_new(&k), 0);
	assert_int_equal(pki_key_new(&other), 0);
	assert_int_equal(pki_key_write(k, &pem), 0);
	assert_int_equal(pki_key_read(buf_str(&pem), &again, NULL), 0);
	pki_key_hash(k, a);
	pki_key_hash(again, b);
	assert_memory_equal(a, b, sizeof a);
	pki_key_hash(other, b);
	assert_memory_not_equal(a, b, sizeof a);
	struct err e = {0};
	assert_int_equal(pki_key_read("no key", &other, &e), -EINVAL);
	pki_key_free(k);
	pki_key_free(again);
	pki_key_free(other);
	buf_wipe(&pem);
}

static char *rsa_request(void)
{
	EVP_PKEY *k = EVP_RSA_gen(2048);
	X509_REQ *q = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *text;
	assert_true(X509_REQ_set_pubkey(q, k) && X509_REQ_sign(q, k, EVP_sha256()) && PEM_write_bio_X509_REQ(bio, q));
	long n = BIO_get_mem_data(bio, &p);
	text = strndup(p, (size_t)n);
	BIO_free(bio);
	X509_REQ_free(q);
	EVP_PKEY_free(k);
	return text;
}

/* A request whose signature is another key's. */
static void forge(const char *pem, struct buf *b)
{
	X509_REQ *q;
	EVP_PKEY *other = EVP_EC_gen("P-256");
	assert_int_equal(pki_csr_parse(pem, &q, NULL), 0);
	EVP_PKEY *own = X509_REQ_get_pubkey(q);
	assert_true(X509_REQ_sign(q, other, EVP_sha256()) > 0);
	assert_true(X509_REQ_set_pubkey(q, own));
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	/* signed by `other`, then given its first key back: only the cached encoding must go */
	X509_REQ *bare = X509_REQ_dup(q);
	assert_true(PEM_write_bio_X509_REQ(bio, bare));
	long n = BIO_get_mem_data(bio, &p);
	buf_add(b, p, (size_t)n);
	BIO_free(bio);
	X509_REQ_free(bare);
	X509_REQ_free(q);
	EVP_PKEY_free(own);
	EVP_PKEY_free(other);
}

static void a_request_proves_its_key(void **unused)
{
	(void)unused;
	struct pki_key *k;
	struct buf pem = BUF_INIT(MAX_CSR), forged = BUF_INIT(MAX_CSR);
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
	struct err e = {0};
	assert_int_equal(pki_key_new(&k), 0);
	assert_int_equal(pki_csr_make(k, "máy", &pem), 0);
	assert_int_equal(pki_csr_check(buf_str(&pem), a, &e), 0);
	pki_key_hash(k, b);
	assert_memory_equal(a, b, sizeof a);

	forge(buf_str(&pem), &forged);
	assert_int_equal(pki_csr_check(buf_str(&forged), a, &e), -EKEYREJECTED);
	e = (struct err){0};
	char *rsa = rsa_request();
	assert_int_equal(pki_csr_check(rsa, a, &e), -EINVAL);
	assert_non_null(strstr(e.text, "P-256"));
	free(rsa);
	e = (struct err){0};
	assert_int_equal(pki_csr_check("", a, &e), -EINVAL);
	char *long_text = malloc(MAX_CSR + 2);
	memset(long_text, 'A', MAX_CSR + 1);
	long_text[MAX_CSR + 1] = 0;
	e = (struct err){0};
	assert_int_equal(pki_csr_check(long_text, a, &e), -EMSGSIZE);
	free(long_text);
	pki_key_free(k);
	buf_release(&pem);
	buf_release(&forged);
}

static void a_bundle_is_whole_or_refused(void **unused)
{
	(void)unused;
	size_t n = 7;
	struct err e = {0};
	assert_int_equal(pki_bundle_check("", &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(
	    pki_bundle_check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &n, &e), -EINVAL);
	e = (struct err){0};
	assert_int_equal(pki_bundle_check("-----BEGIN CERTIFICATE-----\nAAAA", &n, &e), -EINVAL);
	struct pki_trust *t;
	e = (struct err){0};
	assert_int_equal(pki_trust_anchors("", &t, &e), -EINVAL);
}

static void the_clock_is_believed_for_two_years(void **unused)
{
	(void)unused;
	const int64_t day = INT64_C(86400) * 1000000, floor = 20000 * day;
	assert_true(pki_verify_time(0, floor).is_floor && pki_verify_time(0, floor).us == floor);
	assert_true(pki_verify_time(floor - 1, floor).is_floor);
	assert_false(pki_verify_time(floor, floor).is_floor);
	assert_true(pki_verify_time(floor + 730 * day, floor).us == floor + 730 * day);
	assert_true(pki_verify_time(floor + 740 * day, floor).us == floor);
	assert_true(pki_verify_time(INT64_MIN, floor).us == floor);
	assert_true(pki_verify_time(INT64_MAX, floor).us == floor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_goes_to_text_and_back),
	    cmocka_unit_test(a_request_proves_its_key),
	    cmocka_unit_test(a_bundle_is_whole_or_refused),
	    cmocka_unit_test(the_clock_is_believed_for_two_years),
	};
	return cmocka_run_group_tests_name("pki", tests, NULL, NULL);
}
