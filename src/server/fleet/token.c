#include "token.h"

#include "str.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define PREFIX "khien1_"
enum { ID_AT = sizeof PREFIX - 1, SECRET_AT = ID_AT + TOKEN_ID_TEXT, PIN_AT = SECRET_AT + 2 * TOKEN_SECRET_BYTES + 1 };

static bool lower_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n;
}

int token_parse(const char *text, struct token *ret)
{
	char secret[2 * TOKEN_SECRET_BYTES + 1];
	struct token t;
	if (strlen(text) != TOKEN_TEXT - 1 || memcmp(text, PREFIX, ID_AT) != 0)
		return -EINVAL;
	if (text[SECRET_AT - 1] != '_' || text[PIN_AT - 1] != '_')
		return -EINVAL;
	if (!lower_hex(text + ID_AT, TOKEN_ID_TEXT - 1) || !lower_hex(text + SECRET_AT, sizeof secret - 1) ||
	    !lower_hex(text + PIN_AT, 2 * SHA256_BYTES))
		return -EINVAL;
	memcpy(t.id, text + ID_AT, TOKEN_ID_TEXT - 1);
	t.id[TOKEN_ID_TEXT - 1] = 0;
	memcpy(secret, text + SECRET_AT, sizeof secret - 1);
	secret[sizeof secret - 1] = 0;
	int r = hex_decode(t.secret, sizeof t.secret, secret);
	if (r == 0)
		r = hex_decode(t.pin, sizeof t.pin, text + PIN_AT);
	if (r == 0)
		*ret = t;
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(&t, sizeof t);
	return r;
}

void token_format(const struct token *t, char dst[TOKEN_TEXT])
{
	memcpy(dst, PREFIX, ID_AT);
	memcpy(dst + ID_AT, t->id, TOKEN_ID_TEXT - 1);
	hex_encode(dst + SECRET_AT, t->secret, sizeof t->secret);
	hex_encode(dst + PIN_AT, t->pin, sizeof t->pin);
	dst[SECRET_AT - 1] = dst[PIN_AT - 1] = '_';
}

struct part {
	const void *p;
	size_t n;
};

static void keyed_hash(
    uint8_t dst[32], const uint8_t *key, size_t n_key, const char *purpose, size_t n, const struct part *v)
{
	crypto_generichash_state s;
	crypto_generichash_init(&s, key, n_key, 32);
	crypto_generichash_update(&s, (const uint8_t *)purpose, strlen(purpose));
	for (size_t i = 0; i < n; i++)
		crypto_generichash_update(&s, v[i].p, v[i].n);
	crypto_generichash_final(&s, dst, 32);
	sodium_memzero(&s, sizeof s);
}

void token_auth_key(const uint8_t secret[TOKEN_SECRET_BYTES], uint8_t dst[AUTH_KEY_BYTES])
{
	const struct part v[] = {{secret, TOKEN_SECRET_BYTES}};
	keyed_hash(dst, NULL, 0, "khien-token-1", 1, v);
}

void token_proof(const uint8_t auth_key[AUTH_KEY_BYTES], const uint8_t csr_sha256[SHA256_BYTES], const id16 *install_id,
    const uint8_t seal_key[SEAL_KEY_BYTES], uint8_t dst[PROOF_BYTES])
{
	const struct part v[] = {{csr_sha256, SHA256_BYTES}, {install_id->b, ID_BYTES}, {seal_key, SEAL_KEY_BYTES}};
	keyed_hash(dst, auth_key, AUTH_KEY_BYTES, "khien-enrol-1", 3, v);
}

void token_confirm(const uint8_t auth_key[AUTH_KEY_BYTES], const id16 *machine, const uint8_t sealed[SEALED_BYTES],
    const uint8_t seal_key[SEAL_KEY_BYTES], uint8_t dst[PROOF_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	crypto_hash_sha256(digest, sealed, SEALED_BYTES);
	const struct part v[] = {{machine->b, ID_BYTES}, {digest, sizeof digest}, {seal_key, SEAL_KEY_BYTES}};
	keyed_hash(dst, auth_key, AUTH_KEY_BYTES, "khien-enrolled-1", 3, v);
}
