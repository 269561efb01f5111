/* Policy in the ledger: settings (model/policy.h) stated for nodes, and what is in effect for a node. */
#ifndef POLICY_STORE_H
#define POLICY_STORE_H

#include "policy.h"
#include "unit.h"

struct policy_statement {
	int64_t node_id;
	enum setting_id setting;
	int64_t valid_from, valid_to;
	bool present; /* false: the node says nothing about it */
	int64_t value;
	bool locked;
};
/* -ERANGE (min, max), -ENOENT (no present node), -EPERM: a node above has locked the setting. The caller beats the
 * pulse. */
int policy_state(struct db *db, const struct ledger_entry *l, const struct policy_statement *s, struct err *e);

/* Statements as of a moment, ready to answer for any node of the tree. */
struct policy_table;
int policy_table_load(struct db *db, const struct as_of *at, const struct tree *t, struct policy_table **ret);
void policy_table_free(struct policy_table *p);
/* A node that is not present answers as the nearest present one above. */
void policy_effective(const struct policy_table *p, int64_t node_id, struct policy *ret);

/* The statements of the nodes in scope and of those above them (whose values rule below), in the tree's order. */
int policy_statements(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    int (*fn)(void *arg, const struct policy_statement *s, int64_t rev), void *arg);

/* The settings for agents as canonical JSON, {"sync.interval_s":60}: the text that is sent and that the hash is over.
 */
enum { POLICY_JSON = 2048, POLICY_HASH_TEXT = 33 };
void policy_agent_json(const struct policy *p, char dst[POLICY_JSON]);
void policy_hash(const struct policy *p, char dst[POLICY_HASH_TEXT]); /* BLAKE2b-128, hex */

#endif
