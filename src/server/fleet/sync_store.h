/* The store's side of a sync: who goes on where (PROTOCOL.md, "Counter"), what was seen, and what there is to say.
 *
 * sync_take is one write job: after its commit the sync is confirmed. If the answer has something to say
 * (sync_has_news) it goes out at once; else intake holds it and, when the pulse moves, asks sync_news which machines
 * to look at and sync_more what there is for each. Both are read jobs. */
#ifndef SYNC_STORE_H
#define SYNC_STORE_H

#include "db.h"
#include "desk.h"
#include "ledger.h"
#include "sync.h"
#include "verdict.h"

struct sync_taken {
	enum verdict verdict; /* OK, EXPIRED, REVOKED, CLONE */
	int64_t machine_id, install_id;
	char machine[ID_TEXT];
	int64_t beat;          /* the pulse that this answer knows of */
	int64_t interval_s;    /* sync.interval_s in effect */
	bool answer_now;       /* first sync, another epoch, something needed: not to be held */
	struct sync_down down; /* the caller releases it: sync_down_release. next_s is the caller's to set */
};
int sync_take(
    struct desk *d, struct db *db, const struct agent_call *c, const struct sync_up *up, struct sync_taken *ret);
bool sync_has_news(const struct sync_taken *t); /* policy, anchors, tasks, or answer_now */

/* For a held sync: adds to t->down what has come up since. t->verdict becomes REVOKED when that has happened meanwhile;
 * answer_now is set when the installation's standing changed otherwise (the agent's next sync learns what it is). Reads
 * only. */
int sync_more(struct desk *d, struct db *db, const struct sync_up *up, struct sync_taken *t);

/* What happened since the last look: machines that have tasks or another standing (fn for each), or everyone (policy,
 * tree, anchors). Start with sync_watch_begin. */
struct sync_watch {
	int64_t beat, rev;
};
int sync_watch_begin(struct db *db, struct sync_watch *ret);
int sync_watch_news(
    struct db *db, struct sync_watch *w, bool *ret_everyone, void (*fn)(void *arg, int64_t machine_id), void *arg);

/* For a restore tool: another epoch, so that agents send state, hardware and, from the mark on, what they still keep.
 */
int store_new_epoch(struct db *db, const struct ledger_who *who, char ret_epoch[ID_TEXT]);

#endif
