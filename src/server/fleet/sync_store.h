/* The store's side of a sync: who goes on where (PROTOCOL.md, "Counter"), what was seen, and what there is to say.
 *
 * sync_take is one write job: after its commit the sync is confirmed. If the answer has something to say
 * (sync_has_news) it goes out at once; else intake holds it and, when the pulse moves, asks sync_news which machines
 * to look at and sync_more what there is for each. Both are read jobs. */
#ifndef SYNC_STORE_H
#define SYNC_STORE_H

#include "db.h"
#include "ledger.h"
#include "sync.h"
#include "verdict.h"

struct sync_taken {
	enum verdict verdict; /* OK, EXPIRED, REVOKED, CLONE */
	int64_t machine_id;
	char machine[ID_TEXT];
	int64_t beat;          /* the pulse that this answer knows of */
	int64_t policy_key;    /* for sync_more */
	int64_t interval_s;    /* sync.interval_s in effect */
	bool answer_now;       /* first sync, another epoch, something needed: not to be held */
	struct sync_down down; /* the caller releases it: sync_down_release. next_s is the caller's to set */
};
int sync_take(struct db *db, const struct agent_call *c, const struct sync_up *up, struct sync_taken *ret);
bool sync_has_news(const struct sync_taken *t);

/* Adds to t->down what has come up since: policy, anchors, tasks. Moves t->beat on. The verdict changes when the
 * certificate ended meanwhile. Reads only. */
int sync_more(struct db *db, const struct sync_up *up, struct sync_taken *t);

/* What happened after beat `since`: machines that have news of their own, or everyone (policy, tree, anchors).
 * fn is called for each machine. Moves *beat to the pulse that was looked at. */
int sync_news(struct db *db, int64_t *beat, bool *ret_everyone, void (*fn)(void *arg, int64_t machine_id), void *arg);
/* The pulse now. */
int sync_beat(struct db *db, int64_t *ret);

/* For a restore tool: another epoch, so that agents send state, hardware and, from the mark on, what they still keep.
 */
int store_new_epoch(struct db *db, const struct ledger_who *who, char ret_epoch[ID_TEXT]);

#endif
