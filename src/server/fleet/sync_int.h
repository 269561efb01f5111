/* What the files of a sync share; for no other room. */
#ifndef SYNC_INT_H
#define SYNC_INT_H

#include "allow_store.h"
#include "identity_int.h"
#include "policy.h"
#include "sync_store.h"

struct live {
	int64_t installed, counter, heard_day, policy_key, interval_s;
	id16 branch, state_hash, hw_hash;
	uint8_t nonces[NONCES_BYTES];
	char policy_hash[ID_TEXT], allow_hash[ID_TEXT];
};

struct sync_job {
	struct desk *desk;
	struct db *db;
	const struct agent_call *call;
	const struct sync_up *up;
	struct sync_taken *ret;
	struct caller caller;
	struct change ch;
	struct live was, now; /* the row as read, and as it is to be written */
	int64_t beat, policy_key, anchors_version, open_tasks;
	struct sync_mark first_stream; /* of up->streams[0], read with the rest */
	bool other_epoch;
	struct hardware stored; /* of the installation, when it was needed */
	enum hw_match hw;       /* what was sent against what is stored; HW_SAME when the hash agrees */
	bool known_hardware;    /* there is something to compare at all */
	id16 branch;            /* to answer with */
	int64_t counter;
	bool moved; /* the live row is to be written: not for a late repeat */
};

/* Where the sync stands in the counting of its branches. Decides, writes branches, clones and decisions; j->now has the
 * counter that goes on. verdict: OK or CLONE. */
int sync_count(struct sync_job *j, enum verdict *ret);

/* What was seen: day, presence, name, state, hardware, protection. */
int sync_observe(struct sync_job *j);

/* The policy and the allowances in effect when they are not known to be those of j->was; j->now gets key, hashes and
 * interval. */
int sync_policy(struct sync_job *j);
int sync_streams(struct sync_job *j);
int sync_tasks(struct sync_job *j);
/* Adds the policy, the anchors and the tasks that the agent has not got. */
int sync_policy_text(struct desk *d, struct db *db, int64_t machine_id, struct sync_down *down);
int sync_allow_list(struct desk *d, struct db *db, int64_t machine_id, struct sync_down *down);
int sync_anchors(struct db *db, struct sync_down *down);
int tasks_for(struct db *db, int64_t machine_id, int64_t seen, struct sync_down *down);

#endif
