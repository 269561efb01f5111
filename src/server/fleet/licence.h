/* Licences: a quota by contract, allocated to units by documents; it never blocks protection. Machines may outnumber it
 * (over-use is a figure, not an error); what is allocated may not outnumber the pool.
 *
 * Checked before a commit, at every moment that a statement speaks about and the pool's contract is in force: the
 * allocations of a pool stay within its quantity, and no unit's balance in a pool is below zero. */
#ifndef LICENCE_H
#define LICENCE_H

#include "unit.h"

enum { MAX_LICENCE_QUANTITY = 100000000, MAX_DOCUMENT_LINES = 2 * MAX_NODES };

struct pool_statement {
	int64_t pool_id; /* 0: a new pool */
	int64_t valid_from, valid_to;
	bool present;
	const char *contract, *supplier;
	int64_t quantity;
	int32_t start_day, end_day; /* in force from the first day's 0:00 to the last day's 24:00 */
};
int licence_state_pool(
    struct db *db, const struct ledger_entry *l, const struct pool_statement *s, int64_t *ret_id, struct err *e);

struct licence_line {
	int64_t pool_id, node_id; /* node 0: the pool's own side */
	int64_t amount;           /* what the side gets; negative: gives */
};
/* A document that allocates or transfers. Stating one anew (same id) replaces all of its lines; present = false cancels
 * it. */
struct licence_document {
	int64_t doc_id; /* 0: a new document */
	bool present;
	int64_t valid_from;
	const char *number, *note;
	int32_t doc_day;
	size_t n_lines;
	const struct licence_line *lines; /* sum to zero within each pool; nodes are units */
};
int licence_state_document(
    struct db *db, const struct ledger_entry *l, const struct licence_document *d, int64_t *ret_id, struct err *e);

/* Pools as of a moment. A pool belongs to the province: with a scope that is not everything, `allocated` and `free` are
 * not told (-1). */
struct pool_row {
	int64_t pool_id, rev;
	char *contract, *supplier;
	int64_t quantity;
	int32_t start_day, end_day;
	bool in_force;     /* present, and the moment's day lies within the contract */
	int32_t days_left; /* to the end of the last day; negative: over */
	int64_t allocated, free;
};
int licence_pools(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    struct pool_row **ret, size_t *ret_n);
void licence_pools_free(struct pool_row *rows, size_t n);

/* What each node holds as of a moment over the pools in force (pool_id 0) or in one pool (in force or not), by node id.
 * A node that no line of any document in force names is not in the list. Nodes out of scope are not either. */
struct licence_balance {
	int64_t node_id, amount;
};
int licence_balances(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    int64_t pool_id, struct licence_balance **ret, size_t *ret_n);

/* The documents as of a moment, newest revision first, each with the lines that the scope may see (the pool's own side
 * only with everything); documents without any visible line are left out. fn returns non-zero to stop, which is
 * returned. */
struct licence_document_row {
	int64_t rev, recorded_at;
	struct licence_document document; /* texts and lines live during the call */
};
int licence_documents(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    int (*fn)(void *arg, const struct licence_document_row *d), void *arg);

#endif
