#include "content.h"

#include <errno.h>
#include <openssl/evp.h>

enum { PIECE = 64 << 10, DIGESTS = 3 }; /* a piece stays in the nearest cache while each digest takes it */

struct digesting {
	unsigned flag;
	const EVP_MD *(*method)(void);
	size_t at; /* in struct scan_content */
};

static const struct digesting digestings[DIGESTS] = {
    {SCAN_HAS_MD5, EVP_md5, offsetof(struct scan_content, md5)},
    {SCAN_HAS_SHA1, EVP_sha1, offsetof(struct scan_content, sha1)},
    {SCAN_HAS_SHA256, EVP_sha256, offsetof(struct scan_content, sha256)},
};

static int take_in(EVP_MD_CTX *const contexts[DIGESTS], const void *p, size_t n)
{
	for (size_t i = 0; i < DIGESTS; i++)
		if (contexts[i] && EVP_DigestUpdate(contexts[i], p, n) != 1)
			return -EIO;
	return 0;
}

static int whole(const struct scan_content *c, EVP_MD_CTX *const contexts[DIGESTS])
{
	uint8_t piece[PIECE];
	int64_t n = 0;
	int r = 0;

	for (int64_t at = 0; r == 0 && at < c->size; at += n) {
		n = c->size - at < PIECE ? c->size - at : PIECE;
		if (!c->bytes) {
			int64_t got = content_read(c, at, piece, (size_t)n);
			if (got < n)
				return got < 0 ? -EIO : -ESTALE;
		}
		r = take_in(contexts, c->bytes ? c->bytes + at : piece, (size_t)n);
	}
	return r;
}

static int finish(struct scan_content *c, EVP_MD_CTX *const contexts[DIGESTS])
{
	for (size_t i = 0; i < DIGESTS; i++) {
		if (!contexts[i])
			continue;
		if (EVP_DigestFinal_ex(contexts[i], (uint8_t *)c + digestings[i].at, NULL) != 1)
			return -EIO;
		c->digests |= digestings[i].flag;
	}
	return 0;
}

int content_digest(struct scan_content *c, unsigned wanted)
{
	EVP_MD_CTX *contexts[DIGESTS] = {NULL};
	int r = 0;

	wanted &= ~c->digests;
	if (!wanted)
		return 0;
	for (size_t i = 0; r == 0 && i < DIGESTS; i++) {
		if (!(wanted & digestings[i].flag))
			continue;
		contexts[i] = EVP_MD_CTX_new();
		if (!contexts[i] || EVP_DigestInit_ex(contexts[i], digestings[i].method(), NULL) != 1)
			r = -EIO;
	}
	if (r == 0)
		r = whole(c, contexts);
	if (r == 0)
		r = finish(c, contexts);
	for (size_t i = 0; i < DIGESTS; i++)
		EVP_MD_CTX_free(contexts[i]);
	return r;
}
