#include "pki_int.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static int fill(X509_REQ *q, const struct pki_key *k, const char *common_name)
{
	EVP_PKEY *evp = pki_key_evp(k);
	X509_NAME *name = X509_REQ_get_subject_name(q);
	if (*common_name && !X509_NAME_add_entry_by_NID(
	                        name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0))
		return pki_fail(NULL, -EINVAL, "");
	if (!X509_REQ_set_version(q, 0) || !X509_REQ_set_pubkey(q, evp) || !X509_REQ_sign(q, evp, EVP_sha256()))
		return pki_fail(NULL, -ENOMEM, "");
	return 0;
}

int pki_csr_make(const struct pki_key *k, const char *common_name, struct buf *b)
{
	X509_REQ *q = X509_REQ_new();
	int r = q ? fill(q, k, common_name) : -ENOMEM;
	if (!r) {
		BIO *bio = BIO_new(BIO_s_mem());
		r = pki_take_bio(bio, bio ? PEM_write_bio_X509_REQ(bio, q) : 0, b);
	}
	X509_REQ_free(q);
	return r;
}

static int check(X509_REQ *q, struct err *e)
{
	EVP_PKEY *k = X509_REQ_get0_pubkey(q);
	if (!pki_is_p256(k))
		return pki_fail(e, -EINVAL, "the request's key is not EC P-256");
	if (X509_REQ_verify(q, k) != 1)
		return pki_fail(e, -EKEYREJECTED, "the request's signature is not by its key");
	return 0;
}

int pki_csr_parse(const char *pem, X509_REQ **ret, struct err *e)
{
	struct err why = {0};
	BIO *bio = pki_bio(pem, MAX_CSR, &why);
	if (!bio)
		return err_set(e, why.code, "the request is %s", why.text);
	X509_REQ *q = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!q)
		return pki_fail(e, -EINVAL, "not a certificate request");
	int r = check(q, e);
	if (r)
		X509_REQ_free(q);
	else
		*ret = q;
	return r;
}

int pki_csr_check(const char *pem, uint8_t ret_key_hash[SHA256_BYTES], struct err *e)
{
	X509_REQ *q;
	int r = pki_csr_parse(pem, &q, e);
	if (r)
		return r;
	pki_public_key_hash(X509_REQ_get0_pubkey(q), ret_key_hash);
	X509_REQ_free(q);
	return 0;
}
