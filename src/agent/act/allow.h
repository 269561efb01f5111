/* What is allowed on this computer (model/allow_set.h has the file and how it is asked). Two lists: the computer's own,
 * which root changes here, and the centre's, which comes whole. Workers read the file that is made of both. */
#ifndef ALLOW_H
#define ALLOW_H

#include "allow_set.h"
#include "err.h"

/* In the agent's state folder, 0600. */
#define ALLOW_OWN_NAME  "allow-own" /* the computer's own list, with who, when and why */
#define ALLOW_FILE_NAME "allow"     /* what is allowed by either, without these; for workers */

/* The own list. Process-safe; allow_publish makes it count.
 *
 * Adds the entry, or replaces the one of the same content. Entries that have expired are dropped on the way.
 * -ENOSPC: MAX_ALLOWED are there. -EBADMSG: the file is broken: nothing is changed. */
int allow_add(int state_folder, const struct allow_item *item, struct err *e);
int allow_remove(int state_folder, const uint8_t sha256[SHA256_BYTES], struct err *e); /* -ENOENT */

/* In the order of the digests, expired ones too; until fn returns something else than 0, which is returned. */
int allow_list(int state_folder, int (*fn)(void *arg, const struct allow_item *item), void *arg, struct err *e);

/* Makes the workers' file of the own list and of the centre's n entries (sha256 and until_us; any order); of two the
 * later end counts. A file that would be the same stays, so that its inode tells of changes. A damaged own list allows
 * nothing (-EBADMSG, after the centre's were written). One process does this: the parent. */
int allow_publish(int state_folder, const struct allow_item *centre, size_t n, struct err *e);

/* The file as a descriptor for the workers, read-only. -ENOENT: nothing was ever allowed. */
int allow_open(int state_folder);

#endif
