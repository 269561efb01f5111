/* Trust anchors by purpose, handed to agents: text that this room does not look into. */
#ifndef ANCHOR_H
#define ANCHOR_H

#include "db.h"
#include "ledger.h"
#include "sync.h"

int anchor_version(struct db *db, int64_t *ret); /* 0: none yet */
/* The caller ends with anchors_release. */
int anchor_load(struct db *db, struct anchors *ret);
/* Replaces one purpose's text as one ledger commit ("trust.anchor"), raises the version and beats the pulse; nothing is
 * written when it is the same. -ENOSPC: more than MAX_ANCHORS purposes; -EINVAL: purpose is not [a-z0-9-]{1,32};
 * -EMSGSIZE: body above MAX_ANCHOR_BODY. */
int anchor_set(struct db *db, const struct ledger_who *who, const char *purpose, const char *body);
/* The same inside a ledger commit of the caller. */
int anchor_put(struct db *db, const struct ledger_entry *l, const char *purpose, const char *body);

#endif
