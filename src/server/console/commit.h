/* What a handler on the writer says of what it did: the audit entry that its call ends with. The commit itself is begun
 * before the handler and ended behind it by the choke point, so that no route can write without an entry. */
#ifndef COMMIT_H
#define COMMIT_H

#include "call.h"

/* object: printf of the object's name, "unit:12". detail is taken over; NULL is out of memory. node_id: whose subtree
 * may read the entry. Returns 0 or a negative errno. */
int commit_entry(struct call *c, const char *action, int64_t node_id, json_t *detail, const char *object, ...)
    __attribute__((format(printf, 5, 6)));

/* Runs the handler of a writing route between ledger_begin and ledger_end, or answers as before when the call is the
 * repetition of one that had the same Idempotency-Key. */
int commit_run(struct db *db, struct call *c);

#endif
