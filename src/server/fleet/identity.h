/* Which machine is it? (ARCHITECTURE.md) Enrolment in three steps: enrol_decide in a write job; the caller has the
 * certificate signed by khien-ca (common name: the machine's uid); enrol_finish in a second write job. Both may be
 * repeated any number of times after a lost reply: the CSR's key names the enrolment. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "cert.h"
#include "db.h"
#include "desk.h"
#include "hardware.h"
#include "ledger.h"
#include "scope.h"
#include "state.h"
#include "store_key.h"
#include "token.h"
#include "verdict.h"

struct enrol_request {
	const char *token_id;
	uint8_t proof[PROOF_BYTES];
	uint8_t csr_sha256[SHA256_BYTES]; /* of the CSR's text */
	uint8_t key_hash[SHA256_BYTES];   /* of the CSR's SubjectPublicKeyInfo; the CSR's own signature was checked */
	id16 install_id;
	uint8_t seal_key[SEAL_KEY_BYTES];
	struct hardware hardware; /* normalized */
	const struct inventory *inventory;
	struct agent_call call; /* no serial */
};

struct enrol_answer {
	enum verdict verdict; /* OK, TOKEN, REVOKED (this key was given up or revoked: a new one is needed) */
	char machine[ID_TEXT];
	uint8_t sealed[SEALED_BYTES]; /* the machine secret for the parent's key */
	uint8_t confirm[PROOF_BYTES];
	char *certificate; /* what was signed before for this key and is still good; NULL: sign now. The caller frees */
};

/* *ret is zeros, or what an earlier run of the same job left: that is released first. -EINVAL: a seal_key that is no
 * key. Decides the machine, takes a use of the token, writes the facts. Nothing is written when the key is known
 * already. */
int enrol_decide(
    struct desk *d, struct db *db, const struct store_key *k, const struct enrol_request *q, struct enrol_answer *ret);

/* Stores what khien-ca signed for that key. Of two that were signed for one key both are good. -ENOENT: no such
 * enrolment. */
int enrol_finish(struct db *db, const uint8_t key_hash[SHA256_BYTES], const struct cert_info *c);

/* The secret of the installation that a machine is now: for codes that work offline. -ENOENT, -EBADMSG. */
int machine_secret(struct db *db, const struct store_key *k, int64_t machine_id, uint8_t dst[SECRET_BYTES]);

/* Decisions about a machine (uid) or all (NULL), newest first; the scope must cover the machine. */
struct decision_row {
	int64_t rev, recorded_at;
	const char *machine, *other; /* uids; other may be "" */
	const char *kind;   /* "new", "reinstalled", "two-alive", "silent-joined", "split", "superseded-speaks",
	                       "clone-hardware", … */
	const char *detail; /* the evidence: a JSON object */
	int apart;
};
int decision_list(struct db *db, const struct scope *scope, const char *uid,
    int (*fn)(void *arg, const struct decision_row *d), void *arg);

/* Who was told to enrol anew and has not yet. */
struct clone_row {
	int64_t id, seen_at, rev;
	const char *machine; /* the uid whose key it had */
	const char *address, *state;
};
int clone_list(struct db *db, const struct scope *scope, int (*fn)(void *arg, const struct clone_row *c), void *arg);

/* The agent says that it is being removed from its computer. */
int identity_goodbye(struct db *db, const struct agent_call *c, enum verdict *ret);
/* By a person ("retired"): no longer installed from now on; what it did before stays. It is a word about counting, not
 * about trust: a machine that is heard again after it was retired or removed is installed again (a fact, with its
 * reason). -ENOENT: no such machine in scope. */
int identity_retire(
    struct db *db, const struct ledger_who *who, const struct scope *scope, const char *uid, const char *reason);
/* By rule: all that have not been heard for so many days (at most `limit` in one commit). *ret_n: how many there were.
 */
int identity_retire_silent(struct db *db, const struct ledger_who *who, int32_t days, int64_t limit, int64_t *ret_n);

#endif
