/* Private to the room: rules as they would be. */
#ifndef NAMING_INT_H
#define NAMING_INT_H

#include "naming.h"

int naming_new(struct naming **ret); /* no rules */
/* Puts the rule in place of the one with its id, or takes that away, in memory alone. */
int naming_put(struct naming *n, const struct naming_rule *rule, bool remove, struct err *e);

#endif
