/* A ledger commit: every change of facts and every write of a person or machine that must leave a trace.
 * Begin one inside a write job; it takes the next revision from the locked head, so revisions are in commit order on
 * both databases. recorded_at is the business clock's now, but never below the revision before. The entry is linked
 * into the hash chain by ledger_end. One ledger commit a write job at most; several facts may share its revision as
 * long as each (subject, rev) is new. */
#ifndef LEDGER_H
#define LEDGER_H

#include "db.h"
#include "ids.h"

#include <stdint.h>

struct ledger_entry {
	int64_t rev;         /* set by ledger_begin */
	int64_t recorded_at; /* set by ledger_begin; also the natural valid_from of "from now on" */
	int64_t real_at;
	uint8_t prev[SHA256_BYTES];
};

struct ledger_who {
	const char *actor;   /* "account:7", "machine:<uid>", "system", "local:root" */
	const char *request; /* request id, "" when there is none */
};

int ledger_begin(struct db *db, struct ledger_entry *ret);

/* action: "machine.enrol", "unit.change", …; object: "machine:<uid>", "unit:12", …; node_id: whose subtree may read the
 * entry (NODE_PROVINCE: the province's people only); detail: a JSON object, sorted keys, no secrets. */
int ledger_end(struct db *db, const struct ledger_entry *l, const struct ledger_who *who, const char *action,
    const char *object, int64_t node_id, const char *detail);

/* The revision in force at a moment of recorded time: the last with recorded_at <= known_at. */
int ledger_rev_at(struct db *db, int64_t known_at, int64_t *ret_rev);

/* Recomputes the chain from its beginning. 0; -EBADMSG and *ret_rev: the first entry that does not fit. */
int ledger_verify(struct db *db, int64_t *ret_rev);

/* The question that every figure answers: what held at `at`, as known at revision `rev`. */
struct as_of {
	int64_t at;       /* business time; day_last_us(day) for a past day, now for today */
	int64_t rev;      /* INT64_MAX: all that is known now */
	int64_t known_at; /* the recorded time that rev stands for; observations later than it are left out; TIME_END:
	                     now */
};

/* Positions for n rows that will be exported; the first one. Locks export_head until commit. */
int export_positions(struct db *db, int64_t n, int64_t *ret_first);

#endif
