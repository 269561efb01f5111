/* Client certificates: who a caller is, renewal, revocation. A certificate belongs to an installation (one enrolment
 * and its renewals); what ends, ends for the installation. */
#ifndef CERT_H
#define CERT_H

#include "db.h"
#include "ids.h"
#include "ledger.h"
#include "scope.h"
#include "verdict.h"

enum { SERIAL_MAX = 20 };

enum install_status { INSTALL_VALID = 1, INSTALL_REVOKED, INSTALL_SUPERSEDED, INSTALL_REFUSED };

struct cert_info {
	uint8_t serial[SERIAL_MAX];
	size_t serial_n;
	uint8_t key_hash[SHA256_BYTES];
	int64_t not_before, not_after; /* real time */
	const char *pem;
};

/* -ENOENT: a certificate that the store does not know (answered like a revoked one). */
struct caller {
	int64_t install_id, machine_id;
	char machine[ID_TEXT];
	enum install_status status;
	uint8_t key_hash[SHA256_BYTES];
	int64_t not_after;
	id16 agent_install_id; /* as enrolled */
};
int cert_caller(struct db *db, const uint8_t *serial, size_t n, struct caller *ret);

/* Renewal, two steps around the signing. Idempotent by the new key: *ret_pem (NULL: sign now; the caller frees) is the
 * certificate that was signed for it before. The old one stays good until it expires: a machine restored from a
 * snapshot still has it, and one key going on in two places is seen by its counter. An expired one is welcome. */
struct renew_answer {
	enum verdict verdict; /* OK, REVOKED, CLONE */
	char machine[ID_TEXT];
	char *certificate;
};
/* *ret as for enrol_decide. */
int cert_renew_decide(struct db *db, const struct agent_call *c, const id16 *install_id,
    const uint8_t key_hash[SHA256_BYTES], struct renew_answer *ret);
int cert_renew_finish(struct db *db, const struct agent_call *c, const struct cert_info *info);

/* Revokes the machine's installation that is in force (all of its certificates) and beats the pulse. -ENOENT: no such
 * machine in scope. Again: 0, nothing written. */
int cert_revoke(
    struct db *db, const struct ledger_who *who, const struct scope *scope, const char *uid, const char *reason);

/* Keys whose installation changed its standing after that beat (revoked, superseded, become another machine's): their
 * connections are to be closed, so that the next call is judged anew. */
int cert_changed_since(
    struct db *db, int64_t beat, int (*fn)(void *arg, const uint8_t key_hash[SHA256_BYTES]), void *arg);

struct cert_row {
	const char *serial; /* hex */
	int64_t not_before, not_after;
	enum install_status status;
	bool current; /* of the installation that the machine is now */
};
int cert_list(struct db *db, const struct scope *scope, const char *uid, int (*fn)(void *arg, const struct cert_row *c),
    void *arg);

#endif
