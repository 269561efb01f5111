/* Accounts, apart from the ways to sign in (a login is an issuer and a subject; issuer "local" has a password), and the
 * roles that they are granted. The ledger's entry is the caller's, but for the commands of root at the end. */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "authz.h"
#include "db.h"
#include "err.h"
#include "ledger.h"
#include "store.h"

enum { MAX_ACCOUNT_NAME = 64, MAX_GRANTS = 32, MIN_PASSWORD = 12, MAX_PASSWORD = 256, PASSWORD_HASH = 128 };

#define ISSUER_LOCAL "local"

/* argon2id, 64 MiB and two passes for each call: never on an event thread nor on the store's writer.
 * -ENOMEM when the memory is not to be had. */
int password_hash(char dst[PASSWORD_HASH], const char *password);
/* 0; -EACCES. A NULL hash takes the same time and is never right: whoever guesses names learns nothing. */
int password_verify(const char *hash, const char *password);
/* 0, or -EINVAL with the reason: too short, too long, the account's own name. */
int password_acceptable(const char *password, const char *account_name, struct err *e);

struct grant_wish {
	enum role role;
	int64_t node_id;
	const char *origin; /* "console", "command", later the directory group that gave it */
};

struct account_wish {
	const char *name; /* [a-z0-9._-]{2,64}, begins with a letter or digit */
	const char *display;
	const char *password_hash; /* of the local login; NULL: no local login */
	bool must_change;
	size_t n_grants;
	const struct grant_wish *grants;
};

bool account_name_ok(const char *name);

/* -EEXIST: the name is taken. -ENOENT: a granted node is not there. -E2BIG: more than MAX_GRANTS. */
int account_create(struct db *db, const struct ledger_entry *l, const struct account_wish *w, int64_t *ret_id);
/* Ends every session and token of a disabled account. -ENOENT. */
int account_set(struct db *db, const struct ledger_entry *l, int64_t id, const char *display, bool disabled);
/* Ends every session and token but `keep` (NULL: all). -ENOENT: no account or no local login. */
int account_set_password(struct db *db, int64_t id, const char *hash, bool must_change, const uint8_t *keep);

/* -EEXIST: the account has that role there. -ENOENT: no such node. -E2BIG. */
int grant_add(
    struct db *db, const struct ledger_entry *l, int64_t account_id, const struct grant_wish *w, int64_t *ret_id);
/* -ENOENT: no such grant, or ended. */
int grant_end(struct db *db, const struct ledger_entry *l, int64_t grant_id);

/* What the command line of the centre's root uses: the account "command-line", which has no way to sign in and is an
 * administrator of the province. Its earlier tokens end. dst: BEARER_TEXT bytes; belongs into a file of mode 0600. */
int account_make_command_token(struct store *s, char *dst, size_t size, struct err *e);

/* The administrator of the whole province, made by whoever is root on the centre: creates the account, or, where the
 * name exists, gives it this password, enables it and grants it again (the way back in). The first sign-in must change
 * the password; until then the account can do nothing else. For programs: blocks, hashes on the calling thread. */
int account_make_administrator(struct store *s, const char *name, const char *password, struct err *e);

#endif
