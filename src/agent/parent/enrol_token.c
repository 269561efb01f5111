#include "enrol_token.h"
#include "str.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { ID_HEX = 12, SECRET_HEX = 32, PIN_HEX = 64, TOKEN_SECRET = 16 };

static const char prefix[] = "khien1_";

/* The part of n hex digits at *s, which must be followed by `end`; *s is moved behind it. */
static int part(const char **s, size_t n, char end, uint8_t *dst)
{
	char text[PIN_HEX + 1];
	if (strnlen(*s, n) < n || (*s)[n] != end)
		return -EINVAL;
	memcpy(text, *s, n);
	text[n] = 0;
	int r = hex_decode(dst, n / 2, text);
	sodium_memzero(text, sizeof text);
	*s += end ? n + 1 : n;
	return r;
}

int enrol_token_parse(const char *text, struct enrol_token *ret)
{
	static const char white[] = " \t\r\n";
	static const char context[] = "khien-token-1";
	char copy[sizeof prefix + ID_HEX + SECRET_HEX + PIN_HEX + 3];
	uint8_t secret[TOKEN_SECRET];
	struct enrol_token t;
	text += strspn(text, white);
	size_t n = strcspn(text, white);
	if (text[n + strspn(text + n, white)] || n >= sizeof copy || strncmp(text, prefix, sizeof prefix - 1) != 0)
		return -EINVAL;
	memcpy(copy, text, n);
	copy[n] = 0;
	const char *s = copy + sizeof prefix - 1;
	int r = part(&s, ID_HEX, '_', t.id) || part(&s, SECRET_HEX, '_', secret) || part(&s, PIN_HEX, 0, t.pin)
	            ? -EINVAL
	            : 0;
	if (!r) {
		crypto_generichash_state h;
		crypto_generichash_init(&h, NULL, 0, sizeof t.auth_key);
		crypto_generichash_update(&h, (const unsigned char *)context, sizeof context - 1);
		crypto_generichash_update(&h, secret, sizeof secret);
		crypto_generichash_final(&h, t.auth_key, sizeof t.auth_key);
		sodium_memzero(&h, sizeof h);
		*ret = t;
	}
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(copy, sizeof copy);
	sodium_memzero(&t, sizeof t);
	return r;
}

static void start(crypto_generichash_state *h, const struct enrol_token *t, const char *context)
{
	crypto_generichash_init(h, t->auth_key, sizeof t->auth_key, LINK_KEY);
	crypto_generichash_update(h, (const unsigned char *)context, strlen(context));
}

void enrol_token_prove(const struct enrol_token *t, const uint8_t csr_sha256[SHA256_BYTES], id16 install_id,
    const uint8_t seal_key[LINK_KEY], uint8_t ret_proof[LINK_KEY])
{
	crypto_generichash_state h;
	start(&h, t, "khien-enrol-1");
	crypto_generichash_update(&h, csr_sha256, SHA256_BYTES);
	crypto_generichash_update(&h, install_id.b, ID_BYTES);
	crypto_generichash_update(&h, seal_key, LINK_KEY);
	crypto_generichash_final(&h, ret_proof, LINK_KEY);
}

int enrol_token_check(const struct enrol_token *t, const struct link_enrolled *answer,
    const uint8_t seal_public[LINK_KEY], const uint8_t seal_secret[LINK_KEY], uint8_t ret_secret[SECRET_BYTES])
{
	crypto_generichash_state h;
	uint8_t expected[LINK_KEY], sealed_sha256[SHA256_BYTES];
	crypto_hash_sha256(sealed_sha256, answer->sealed, answer->sealed_n);
	start(&h, t, "khien-enrolled-1");
	crypto_generichash_update(&h, answer->machine.b, ID_BYTES);
	crypto_generichash_update(&h, sealed_sha256, sizeof sealed_sha256);
	crypto_generichash_update(&h, seal_public, LINK_KEY);
	crypto_generichash_final(&h, expected, sizeof expected);
	if (!mem_equal_ct(expected, answer->confirm, sizeof expected))
		return -EACCES;
	if (answer->sealed_n != SECRET_BYTES + crypto_box_SEALBYTES)
		return -EBADMSG;
	if (crypto_box_seal_open(ret_secret, answer->sealed, answer->sealed_n, seal_public, seal_secret) != 0)
		return -EBADMSG;
	return 0;
}
