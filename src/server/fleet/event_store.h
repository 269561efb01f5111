/* Events into the store: exactly once (PROTOCOL.md, POST /agent/v1/events). The stream's mark moves in the transaction
 * of the events themselves. */
#ifndef EVENT_STORE_H
#define EVENT_STORE_H

#include "db.h"
#include "event.h"
#include "ledger.h"
#include "scope.h"
#include "verdict.h"

struct events_taken {
	enum verdict verdict; /* OK, EXPIRED, REVOKED, CLONE, STREAM, SYNC_FIRST, GAP, FORK */
	int64_t hwm;          /* OK, GAP, FORK */
	uint8_t hwm_id[8];
	int64_t stored, repeated; /* of this batch */
	char epoch[ID_TEXT];
};
int events_take(struct db *db, const struct agent_call *c, const struct event_batch *b, struct events_taken *ret);

/* Detections, newest first, of machines in scope that hang (now) on node_id or below. Texts live during the call. */
struct detection_row {
	int64_t pos, at_us, received_at_us;
	const char *machine, *machine_name; /* uid; its name now */
	int64_t node_id;
	struct detection detection;
	const char *request;
};
struct detection_query {
	int64_t node_id;           /* 0: everything in scope */
	const char *machine;       /* uid; NULL: all */
	int64_t from_us, until_us; /* received; until_us 0: now */
	int64_t before_pos;        /* page: what comes behind; 0: from the newest */
	int64_t limit;             /* 1 … 1000 */
	const char *name;          /* the malware's, exactly; NULL: any */
	const uint8_t *sha256;     /* NULL: any */
};
int detection_list(struct db *db, const struct scope *scope, const struct detection_query *q,
    int (*fn)(void *arg, const struct detection_row *d), void *arg);

#endif
