#include "store_key.h"

#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, FINGERPRINT = 16, FINGERPRINT_TEXT = 2 * FINGERPRINT + 1 };
_Static_assert(NONCE + SECRET_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES == SECRET_AT_REST, "the form at rest");

#define META_KEY "secret-key"

void store_key_new(struct store_key *ret)
{
	rnd_bytes(ret->b, sizeof ret->b);
}

int store_key_parse(const char *text, struct store_key *ret)
{
	char hex[STORE_KEY_TEXT];
	size_t n = strcspn(text, "\r\n");
	if (n != sizeof hex - 1 || text[n + strspn(text + n, "\r\n")])
		return -EINVAL;
	memcpy(hex, text, n);
	hex[n] = 0;
	int r = hex_decode(ret->b, sizeof ret->b, hex);
	sodium_memzero(hex, sizeof hex);
	return r;
}

void store_key_format(const struct store_key *k, char dst[STORE_KEY_TEXT])
{
	hex_encode(dst, k->b, sizeof k->b);
}

static void fingerprint(const struct store_key *k, char dst[FINGERPRINT_TEXT])
{
	static const char purpose[] = "khien-store-key-1";
	uint8_t digest[FINGERPRINT];
	crypto_generichash(digest, sizeof digest, (const uint8_t *)purpose, sizeof purpose - 1, k->b, sizeof k->b);
	hex_encode(dst, digest, sizeof digest);
}

int store_key_adopt(struct db *db, const struct store_key *k)
{
	char mine[FINGERPRINT_TEXT], theirs[FINGERPRINT_TEXT];
	fingerprint(k, mine);
	int r = db_exec(db, NULL,
	    "insert into meta(key, value) values ('" META_KEY "', $1) on conflict(key) do nothing", "t", mine);
	if (r == 0)
		r = db_row(db, "select value from meta where key = '" META_KEY "'", "", "T", theirs, sizeof theirs);
	if (r == 0 && strcmp(mine, theirs) != 0)
		r = -EKEYREJECTED;
	return r;
}

int store_key_known(struct db *db, bool *ret)
{
	int64_t n;
	int r = db_row(db, "select count(*) from meta where key = '" META_KEY "'", "", "i", &n);
	if (r == 0)
		*ret = n > 0;
	return r;
}

void secret_seal(const struct store_key *k, const uint8_t key_hash[SHA256_BYTES], const uint8_t secret[SECRET_BYTES],
    uint8_t dst[SECRET_AT_REST])
{
	rnd_bytes(dst, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    dst + NONCE, NULL, secret, SECRET_BYTES, key_hash, SHA256_BYTES, NULL, dst, k->b);
}

int secret_open(const struct store_key *k, const uint8_t key_hash[SHA256_BYTES], const uint8_t sealed[SECRET_AT_REST],
    uint8_t dst[SECRET_BYTES])
{
	int r = crypto_aead_xchacha20poly1305_ietf_decrypt(
	    dst, NULL, NULL, sealed + NONCE, SECRET_AT_REST - NONCE, key_hash, SHA256_BYTES, sealed, k->b);
	return r == 0 ? 0 : -EBADMSG;
}
