/* The machine secrets at rest: sealed (XChaCha20-Poly1305, bound to the installation) under a key that is in a file of
 * the server and never in the store, so that a stolen database or backup shows none of them. Several servers on one
 * store have the same file. The store remembers the key's fingerprint: with another file a server does not start. */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include "db.h"
#include "ids.h"

enum { STORE_KEY_BYTES = 32, STORE_KEY_TEXT = 65, SECRET_AT_REST = 24 + SECRET_BYTES + 16 };

struct store_key {
	uint8_t b[STORE_KEY_BYTES];
};

void store_key_new(struct store_key *ret);
/* The file's form: 64 hex digits and a line end. -EINVAL. */
int store_key_parse(const char *text, struct store_key *ret);
void store_key_format(const struct store_key *k, char dst[STORE_KEY_TEXT]);

/* 0: the store knows this key, or knew none and knows it now. -EKEYREJECTED: secrets are sealed under another one. */
int store_key_adopt(struct db *db, const struct store_key *k);
/* Whether the store knows a key: then a missing file is an error, not a reason to make one. */
int store_key_known(struct db *db, bool *ret);

void secret_seal(const struct store_key *k, const uint8_t key_hash[SHA256_BYTES], const uint8_t secret[SECRET_BYTES],
    uint8_t dst[SECRET_AT_REST]);
/* -EBADMSG */
int secret_open(const struct store_key *k, const uint8_t key_hash[SHA256_BYTES], const uint8_t sealed[SECRET_AT_REST],
    uint8_t dst[SECRET_BYTES]);

#endif
