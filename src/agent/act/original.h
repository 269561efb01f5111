/* The file that goes into quarantine, as a descriptor and the name that it has at the moment. */
#ifndef ORIGINAL_H
#define ORIGINAL_H

#include "act_disk.h"
#include "err.h"
#include "ids.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct original {
	int fd;
	int folder;
	bool own_folder; /* opened by us while following it */
	char name[NAME_MAX + 1];
	struct stat was; /* when it was begun with */
};

/* Takes neither descriptor over. -EINVAL: not a regular file. -ENOENT: it has no name any more; -EAGAIN: it is renamed
 * faster than it can be followed, or the name that it was opened by is gone while it has others. */
int original_open(struct original *o, int folder, const char *name, int fd);
void original_close(struct original *o);

/* Where it is, in the kernel's own words and therefore without links; cap bytes with the NUL. -ENAMETOOLONG and others:
 * the kernel cannot say. */
int original_path(const struct original *o, char *dst, size_t cap);

/* -ESTALE when its content was written to since it was begun with. */
int original_unchanged(const struct original *o);

/* Removes the name, but only if the file behind it is this one and unchanged:
 *
 *   name ──rename──> .khien-ID ──look──> same file: unlink, sync
 *                               └──────> another: rename back; look for the file anew
 *
 * Looking and unlinking are two calls, and between them somebody could put another file at the private name. Whoever
 * can do that may write to this folder (and, if it is sticky, owns the files), and could unlink that file himself; so
 * nothing is lost that was not his to lose, and the file's count of names tells that it was not ours: it is followed.
 * The private name is not a folder of our own, because a full disk has no room for one. */
int original_remove(struct original *o, const struct act_disk *disk, id16 id, struct err *e);

/* ".khien-" and the item's id. */
enum { ORIGINAL_PRIVATE_NAME = 7 + ID_TEXT };
void original_private_name(id16 id, char dst[ORIGINAL_PRIVATE_NAME]);

#endif
