/* The tree of units: province, groups, units and units below units, as facts.
 *
 * What always holds, at every moment that any statement speaks about, and is checked before a commit: no cycle, at most
 * MAX_TREE_DEPTH levels, a present node hangs on a present node (a group on the province, a unit on a group or a unit),
 * and no two present nodes have codes that fold to the same text ("SGDĐT" and "SGDDT" are the same code).
 *
 * A change of the tree can move machines: unit_create and unit_state do not do that; the caller ends its ledger commit
 * with machine_place_all (machine.h), once. */
#ifndef UNIT_H
#define UNIT_H

#include "bounds.h"
#include "db.h"
#include "err.h"
#include "ids.h"
#include "ledger.h"
#include "scope.h"

enum node_kind { NODE_KIND_PROVINCE = 1, NODE_KIND_GROUP = 2, NODE_KIND_UNIT = 3 };

struct node {
	int64_t id;
	enum node_kind kind;
	bool present; /* a node that is not present keeps its last place, so that what hangs on it finds the way up */
	int64_t parent_id; /* 0: the province */
	int64_t rev, valid_from;
	int64_t sort_order;
	const char *code, *name, *code_fold, *name_fold;
	const char *document;
	int32_t document_day;  /* 0: none */
	const struct node *up; /* NULL: the province */
	int depth;             /* the province: 0 */
};

/* The tree of one moment, in memory. Nodes that nothing is said about at that moment are not in it. */
struct tree {
	size_t n;
	struct node *nodes;          /* sorted by id */
	const struct node **order;   /* all n: depth first, children by (sort_order, id): the units' own order */
	const struct node **by_code; /* present ones, sorted by code_fold */
	size_t n_by_code;
};

/* Reads the tree of that moment. The machinery behind scopes and figures: it sees everything; what a caller is shown is
 * filtered by scope_covers. -EBADMSG: no province. */
int tree_load(struct db *db, const struct as_of *at, struct tree **ret);
int tree_load_now(struct db *db, struct tree **ret); /* as of the business clock's now, all that is known */
void tree_free(struct tree *t);

const struct node *tree_node(const struct tree *t, int64_t id);          /* NULL: not in it */
const struct node *tree_present(const struct tree *t, int64_t id);       /* NULL: not in it, or not present */
const struct node *tree_by_code(const struct tree *t, const char *code); /* present ones; folded comparison; NULL */
/* The node itself if present, else the nearest present one above; the province for an unknown one. Never NULL. */
const struct node *tree_nearest_present(const struct tree *t, int64_t id);
bool tree_below(const struct node *n, int64_t above_id);       /* n is that node or hangs below it */
size_t tree_index(const struct tree *t, const struct node *n); /* 0 … n-1, for arrays beside the tree */

/* A statement: from valid_from until before valid_to the node was so. */
struct unit_statement {
	int64_t node_id;              /* unit_create: 0 */
	int64_t valid_from, valid_to; /* usually recorded_at or a past day, TIME_END */
	bool present;
	int64_t parent_id;
	const char *code, *name; /* stored in NFC */
	int64_t sort_order;
	const char *document;
	int32_t document_day;
};

/* valid_from later than recorded_at is refused with -EINVAL: a change of the tree is stated when it has come, because
 * machines move at the moment of the statement. All errors that a person can mend: -EINVAL (text), -ENOENT (no such
 * node or parent), -EEXIST (code taken), -ELOOP (cycle or too deep), -ENOSPC (MAX_NODES). */
int unit_create(struct db *db, const struct ledger_entry *l, enum node_kind kind, const struct unit_statement *s,
    int64_t *ret_id, struct err *e);
int unit_state(struct db *db, const struct ledger_entry *l, const struct unit_statement *s, struct err *e);

/* For imports: the same without the check of the whole, which unit_check does once for all at the end. */
int unit_create_unchecked(struct db *db, const struct ledger_entry *l, enum node_kind kind,
    const struct unit_statement *s, int64_t *ret_id, struct err *e);
int unit_state_unchecked(struct db *db, const struct ledger_entry *l, const struct unit_statement *s, struct err *e);
/* Every moment in [from, to) at which any statement begins or ends. */
int unit_check(struct db *db, int64_t from, int64_t to, struct err *e);

/* All statements about a node, oldest revision first. fn returns non-zero to stop, which is returned. -ENOENT: no such
 * node, or now out of scope. */
struct unit_history {
	int64_t rev, recorded_at;
	struct unit_statement statement; /* texts live during the call */
};
int unit_history(struct db *db, const struct scope *scope, int64_t node_id,
    int (*fn)(void *arg, const struct unit_history *h), void *arg);

#endif
