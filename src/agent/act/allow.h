/* Changing the allow list (model/allow_set.h has the file and how it is asked). Process-safe. */
#ifndef ALLOW_H
#define ALLOW_H

#include "allow_set.h"
#include "err.h"

#define ALLOW_FILE_NAME "allow" /* in the agent's state folder, 0600 */

/* Adds the entry, or replaces the one of the same content. Entries that have expired are dropped on the way.
 * -ENOSPC: MAX_ALLOWED are there. -EBADMSG: the file is broken: nothing is changed. */
int allow_add(int state_folder, const struct allow_item *item, struct err *e);
int allow_remove(int state_folder, const uint8_t sha256[SHA256_BYTES], struct err *e); /* -ENOENT */

/* In the order of the digests, expired ones too; until fn returns something else than 0, which is returned. */
int allow_list(int state_folder, int (*fn)(void *arg, const struct allow_item *item), void *arg, struct err *e);

/* The file as a descriptor for the workers, read-only. -ENOENT: nothing was ever allowed. */
int allow_open(int state_folder);

#endif
