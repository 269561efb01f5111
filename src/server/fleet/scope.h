/* What a caller may see: everything, or the subtrees of the nodes that were granted. Every function that reads facts
 * for a caller takes one and cannot be called without. A node is in scope if it or any node above it, in the tree of
 * the moment asked about (live lists: the tree of now), is granted.
 *
 * Only the console's authorisation makes one from grants; a program that works on the store of its own host for its own
 * user takes scope_everything(). */
#ifndef SCOPE_H
#define SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scope;
struct tree;

const struct scope *scope_everything(void);

/* n may be 0: sees nothing. -ENOMEM. The nodes are copied. */
int scope_grant(struct scope **ret, const int64_t *nodes, size_t n);
void scope_free(struct scope *s); /* NULL is fine; never for scope_everything() */

bool scope_is_everything(const struct scope *s); /* everything, or the province itself is granted */
bool scope_covers(const struct scope *s, const struct tree *t, int64_t node_id); /* false for an unknown node */

#endif
