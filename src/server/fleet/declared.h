/* How many computers a unit says that it has: servers and workstations, with date and document. Without a declaration
 * the number is unknown, never zero. */
#ifndef DECLARED_H
#define DECLARED_H

#include "unit.h"

struct declared {
	int64_t node_id;
	int64_t valid_from, valid_to;
	bool present; /* false takes the declaration back for that interval */
	int64_t servers, workstations;
	const char *document;
	int32_t document_day;
};

/* Only for a unit (kind 3). -EINVAL, -ENOENT. */
int declared_state(struct db *db, const struct ledger_entry *l, const struct declared *d, struct err *e);

struct declared_row {
	const struct node *node; /* in the tree given */
	int64_t servers, workstations, rev, valid_from;
	char *document;
	int32_t document_day;
};
/* The declarations in force, by node id, of the present nodes in scope. The caller frees with declared_free. */
int declared_list(struct db *db, const struct scope *scope, const struct tree *t, const struct as_of *at,
    struct declared_row **ret, size_t *ret_n);
void declared_free(struct declared_row *rows, size_t n);

#endif
