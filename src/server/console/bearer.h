/* Sessions of browsers and tokens of scripts: a text that only its holder has, of which the store keeps the
 * BLAKE2b-256. All of it lives on real time. */
#ifndef BEARER_H
#define BEARER_H

#include "authz.h"
#include "db.h"
#include "ids.h"
#include "ledger.h"

enum bearer_kind { BEARER_SESSION = 1, BEARER_TOKEN = 2 };

/* "khs_" or "kht_" and 64 hex digits. */
enum { BEARER_TEXT = 4 + 64 + 1, BEARER_HASH = 32, CSRF_TEXT = 65, MAX_LABEL = 128, MAX_TOKENS = 100 };
enum { SESSION_S = 12 * 3600, MIN_TOKEN_S = 60, MAX_TOKEN_S = 400 * 86400 };

struct bearer_wish {
	enum bearer_kind kind;
	int64_t account_id;
	const char *label;
	permission_set may; /* ~0: all that the account may */
	int64_t node_id;    /* NODE_PROVINCE: wherever the account may */
	int64_t lifetime_s;
};

/* Writes the row; the ledger's entry is the caller's. */
int bearer_make(struct db *db, const struct bearer_wish *w, char ret_text[BEARER_TEXT], int64_t *ret_id);
/* -EINVAL: no such text can be. */
int bearer_digest(const char *text, uint8_t ret[BEARER_HASH]);
/* What a browser must send with a write, beside its cookie: made of the session's text, so that no store is asked. */
void bearer_csrf(const char *text, char ret[CSRF_TEXT]);
/* Ends one (-ENOENT: not this account's, or ended) or all of an account but `keep` (NULL: none). */
int bearer_end(struct db *db, int64_t account_id, int64_t id);
int bearer_end_all(struct db *db, int64_t account_id, const uint8_t *keep);

#endif
