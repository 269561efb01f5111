/* Allowances in the ledger: contents that administrators let be, stated for a node and all below it or for one machine,
 * with a reason and an end. They are facts, not tasks, so that they hold for machines that are off, and for those that
 * are enrolled or come upon the content only later. */
#ifndef ALLOW_STORE_H
#define ALLOW_STORE_H

#include "allow_list.h"
#include "unit.h"

#include <stdbool.h>

struct allow_statement {
	uint8_t sha256[SHA256_BYTES];
	int64_t node_id, machine_id; /* one of them; the other 0 */
	int64_t valid_from, valid_to;
	bool present; /* false: it says nothing about this content any more */
	const char *reason, *document;
	int32_t document_day;
};
/* -EINVAL (interval, reason), -ENOENT (no present node), -ENOSPC: a machine there would have more than MAX_ALLOWANCES.
 * The caller beats the pulse. */
int allow_state(struct db *db, const struct ledger_entry *l, const struct allow_statement *s, struct err *e);

/* What is in force at a moment, ready to answer for any machine. */
struct allow_table;
int allow_table_load(struct db *db, const struct as_of *at, const struct tree *t, struct allow_table **ret);
void allow_table_free(struct allow_table *a);
/* One block, for free(). What is stated for several nodes above it holds until the latest of their ends. */
int allow_effective(const struct allow_table *a, int64_t node_id, int64_t machine_id, struct allow_list **ret);

/* The statements in force, by content: those whose node, or whose machine's node now, is in scope, and those of nodes
 * above, which hold below. fn returns non-zero to stop, which is returned. Texts live during the call. */
struct allow_row {
	struct allow_statement s;
	int64_t rev, node_id;               /* where it holds: the node, or where the machine hangs now */
	const char *machine, *machine_name; /* NULL: of a node */
};
int allow_rows(struct db *db, const struct scope *scope, const struct as_of *at, const uint8_t *sha256 /* NULL: all */,
    int (*fn)(void *arg, const struct allow_row *row), void *arg);

#endif
