/* The machines' quarantines, as their events tell. */
#ifndef QUARANTINE_STORE_H
#define QUARANTINE_STORE_H

#include "db.h"
#include "event.h"
#include "scope.h"

enum quarantine_state { ITEM_STANDS = 1, ITEM_WAS_RESTORED, ITEM_WAS_DELETED, QUARANTINE_STATE_END };
const char *quarantine_state_name(enum quarantine_state s);              /* "stands"; NULL for none */
int quarantine_state_find(const char *name, enum quarantine_state *ret); /* -ENOENT */

/* Items, the newest change first, of machines in scope that hang (now) on node_id or below. Texts live during the call.
 */
struct quarantine_row {
	id16 item;
	const char *machine, *machine_name;
	int64_t machine_id, node_id;
	enum quarantine_state state;
	uint8_t sha256[SHA256_BYTES];
	const char *name, *why;
	struct os_path path;
	int64_t taken_at, changed_at, task_id;
};
struct quarantine_query {
	int64_t node_id;             /* 0: everything in scope */
	const char *machine;         /* uid; NULL: all */
	const uint8_t *sha256;       /* NULL: all */
	enum quarantine_state state; /* 0: any */
	int64_t
	    before_at; /* page: what was changed before, or at the same moment and stands behind; 0: from the newest */
	int64_t before_machine;
	id16 before_item;
	int64_t limit; /* 1 … 1000 */
};
int quarantine_rows(struct db *db, const struct scope *scope, const struct quarantine_query *q,
    int (*fn)(void *arg, const struct quarantine_row *row), void *arg);

#endif
