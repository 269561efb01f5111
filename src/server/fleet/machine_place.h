/* The one place where it is decided on which node a machine hangs. Private to the room. */
#ifndef MACHINE_PLACE_H
#define MACHINE_PLACE_H

#include "machine.h"

struct place {
	int64_t node_id;
	enum place_basis basis;
	int64_t rule_id;
	char reason[192];
};

/* By rules, else token, else province; overruling is the caller's affair. token_node 0: none. */
int place_decide(struct naming *rules, const struct tree *t, const char *name, int64_t token_node, struct place *ret);

/* For a machine that has no place yet, from `since` on. */
int machine_place_first(struct db *db, const struct ledger_entry *l, struct desk *desk, int64_t machine_id,
    int64_t since, const char *name, int64_t token_node);

/* What the tokens gave machines to hang on, by machine id. */
struct token_node {
	int64_t machine_id, node_id;
};
int place_token_nodes(struct db *db, struct token_node **ret, size_t *ret_n);
int64_t place_token_of(const struct token_node *t, size_t n, int64_t machine_id); /* 0: none */

#endif
