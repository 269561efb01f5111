/* Private to the room: reading pools and balances whatever the caller may see, and the check before a commit. */
#ifndef LICENCE_INT_H
#define LICENCE_INT_H

#include "licence.h"

/* In force at a moment: on the contract's first day from 0:00 to its last day's 24:00. */
bool licence_in_force(int32_t start_day, int32_t end_day, int64_t at);

int licence_read_pools(struct db *db, const struct as_of *at, struct pool_row **ret, size_t *ret_n);

/* Balances of every pool and node at a moment, by pool and node; node 0 is not in the list. */
struct licence_side {
	int64_t pool_id, node_id, amount;
};
int licence_read_sides(struct db *db, const struct as_of *at, struct licence_side **ret, size_t *ret_n);

/* Every moment in [from, TIME_END) at which a document takes effect or a pool begins, ends or changes. */
int licence_check(struct db *db, int64_t from, struct err *e);

#endif
