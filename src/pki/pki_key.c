#include "pki_int.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

struct pki_key {
	EVP_PKEY *evp;
};

BIO *pki_bio(const char *pem, size_t max, struct err *e)
{
	size_t n = strnlen(pem, max + 1);
	if (n > max) {
		err_set(e, -EMSGSIZE, "longer than %zu bytes", max);
		return NULL;
	}
	BIO *bio = BIO_new_mem_buf(pem, (int)n);
	if (!bio)
		err_set(e, -ENOMEM, "no memory");
	return bio;
}

int pki_take_bio(BIO *bio, int written, struct buf *b)
{
	char *p = NULL;
	long n = bio ? BIO_get_mem_data(bio, &p) : 0;
	int r = written == 1 && n > 0 ? buf_add(b, p, (size_t)n) : -ENOMEM;
	BIO_free(bio); /* of a memory BIO the bytes are cleansed */
	ERR_clear_error();
	return r;
}

int pki_fail(struct err *e, int code, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	err_set(e, code, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
	ERR_clear_error();
	return code;
}

bool pki_is_p256(EVP_PKEY *k)
{
	char group[32];
	size_t n;
	return k && EVP_PKEY_get_base_id(k) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(k, group, sizeof group, &n) == 1 &&
	       (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

void pki_public_key_hash(EVP_PKEY *k, uint8_t dst[SHA256_BYTES])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(k, &der);
	memset(dst, 0, SHA256_BYTES);
	if (n > 0)
		SHA256(der, (size_t)n, dst);
	OPENSSL_free(der);
}

static int wrap(EVP_PKEY *evp, struct pki_key **ret)
{
	struct pki_key *k = malloc(sizeof *k);
	if (!k) {
		EVP_PKEY_free(evp);
		return -ENOMEM;
	}
	k->evp = evp;
	*ret = k;
	return 0;
}

int pki_key_new(struct pki_key **ret)
{
	EVP_PKEY *evp = EVP_EC_gen("P-256");
	return evp ? wrap(evp, ret) : pki_fail(NULL, -ENOMEM, "");
}

static int no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1; /* without this OpenSSL asks at the terminal */
}

int pki_key_read(const char *pem, struct pki_key **ret, struct err *e)
{
	BIO *bio = pki_bio(pem, PKI_MAX_KEY, e);
	if (!bio)
		return e && e->code ? e->code : -EMSGSIZE;
	EVP_PKEY *evp = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (!evp)
		return pki_fail(e, -EINVAL, "not a private key");
	if (!pki_is_p256(evp)) {
		EVP_PKEY_free(evp);
		return pki_fail(e, -EINVAL, "not an EC P-256 key");
	}
	return wrap(evp, ret);
}

int pki_key_write(const struct pki_key *k, struct buf *b)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	return pki_take_bio(bio, bio ? PEM_write_bio_PKCS8PrivateKey(bio, k->evp, NULL, NULL, 0, NULL, NULL) : 0, b);
}

void pki_key_hash(const struct pki_key *k, uint8_t dst[SHA256_BYTES])
{
	pki_public_key_hash(k->evp, dst);
}

void pki_key_free(struct pki_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->evp);
	free(k);
}

EVP_PKEY *pki_key_evp(const struct pki_key *k)
{
	return k->evp;
}
