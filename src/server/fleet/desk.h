/* What one process keeps from job to job: the tree, the naming rules, the policy and the allowances of a moment, loaded
 * and compiled once. Only a saving of time: each job asks the store, in its own transaction, whether they still hold.
 * Any thread. */
#ifndef DESK_H
#define DESK_H

#include "allow_store.h"
#include "naming.h"
#include "policy_store.h"
#include "unit.h"

struct desk;
int desk_new(struct desk **ret);
void desk_free(struct desk *d);

struct desk_view {
	const struct tree *tree;
	struct naming *rules;
	const struct policy_table *policy;
	const struct allow_table *allow;
};
/* As of that moment, by all that this transaction knows. The view lives until desk_shut; other threads wait for that.
 */
int desk_open(struct desk *d, struct db *db, int64_t at, struct desk_view *ret);
void desk_shut(struct desk *d);

/* The policy in effect where a machine hangs now. */
int desk_policy(struct desk *d, struct db *db, int64_t machine_id, struct policy *ret);

/* What is allowed on it there; one block, for free(). */
int desk_allow(struct desk *d, struct db *db, int64_t machine_id, struct allow_list **ret);

/* The last revision that says anything about tree, rules, policy or allowances. */
int desk_last_word(struct db *db, int64_t *ret_rev);

#endif
