/* Enrolment tokens (PROTOCOL.md, "Enrolment token") and the proofs that rest on them. The secret is in the token's text
 * alone; the store keeps auth_key. */
#ifndef TOKEN_H
#define TOKEN_H

#include "db.h"
#include "err.h"
#include "ids.h"
#include "ledger.h"
#include "scope.h"

enum {
	TOKEN_ID_TEXT = 13,
	TOKEN_SECRET_BYTES = 16,
	TOKEN_TEXT = 7 + 12 + 1 + 32 + 1 + 64 + 1,
	AUTH_KEY_BYTES = 32,
	SEAL_KEY_BYTES = 32,
	PROOF_BYTES = 32,
	SEALED_BYTES = SECRET_BYTES + 48
};

struct token {
	char id[TOKEN_ID_TEXT];
	uint8_t secret[TOKEN_SECRET_BYTES];
	uint8_t pin[SHA256_BYTES];
};

/* -EINVAL for anything else than the exact form. */
int token_parse(const char *text, struct token *ret);
void token_format(const struct token *t, char dst[TOKEN_TEXT]);

void token_auth_key(const uint8_t secret[TOKEN_SECRET_BYTES], uint8_t dst[AUTH_KEY_BYTES]);
void token_proof(const uint8_t auth_key[AUTH_KEY_BYTES], const uint8_t csr_sha256[SHA256_BYTES], const id16 *install_id,
    const uint8_t seal_key[SEAL_KEY_BYTES], uint8_t dst[PROOF_BYTES]);
void token_confirm(const uint8_t auth_key[AUTH_KEY_BYTES], const id16 *machine, const uint8_t sealed[SEALED_BYTES],
    const uint8_t seal_key[SEAL_KEY_BYTES], uint8_t dst[PROOF_BYTES]);

/* The store's side. One ledger commit each. */
struct token_wish {
	int64_t uses;         /* 1 … MAX_TOKEN_USES */
	int64_t expires_real; /* real time, in the future, at most MAX_TOKEN_DAYS ahead */
	int64_t node_id;      /* what a machine hangs on where no rule speaks; a present node */
	const char *note;
};
enum { MAX_TOKEN_USES = 1000000, MAX_TOKEN_DAYS = 3660 };

/* The token's text, which exists nowhere else. pin: the SHA-256 of the CA's SubjectPublicKeyInfo. -EINVAL, -ENOENT. */
int token_create(struct db *db, const struct ledger_who *who, const struct token_wish *w,
    const uint8_t pin[SHA256_BYTES], char ret_text[TOKEN_TEXT], struct err *e);
int token_revoke(struct db *db, const struct ledger_who *who, const char *id); /* -ENOENT; again: 0, nothing written */

struct token_row {
	char id[TOKEN_ID_TEXT];
	int64_t node_id, uses, uses_left, expires_real, created_at, rev;
	bool revoked;
	const char *note, *actor; /* who made it */
};
/* Newest first, of nodes in scope. fn returns non-zero to stop, which is returned. */
int token_list(struct db *db, const struct scope *scope, int (*fn)(void *arg, const struct token_row *t), void *arg);
int token_get(struct db *db, const struct scope *scope, const char *id, int (*fn)(void *arg, const struct token_row *t),
    void *arg); /* -ENOENT */

/* The key to check a proof with, of a token that is not revoked, whether or not it has run out. -ENOENT. */
int token_key(struct db *db, const char *id, uint8_t ret_auth_key[AUTH_KEY_BYTES]);
/* Takes one use. -ENOENT: unknown, revoked, expired or used up. Exact with any number of servers. */
int token_use(struct db *db, const char *id, int64_t *ret_node_id);

#endif
