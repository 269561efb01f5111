/* What is mounted where, as the kernel tells it (/proc/self/mountinfo), for whoever walks over it. */
#ifndef MOUNTS_H
#define MOUNTS_H

#include "event.h"

#include <stdbool.h>
#include <stdint.h>

struct mounts;

enum mount_kind {
	MOUNT_LOCAL,
	MOUNT_NETWORK, /* another computer's, or a program's: fuse */
	MOUNT_PSEUDO,  /* the kernel's own: there is nothing of anybody's to scan, and reading may do something */
};

struct mount_facts {
	enum mount_kind kind;
	enum device_type device;
	bool repeats; /* another mount shows the whole of it as well: bind mounts, containers' layers */
};

/* Reads the table. `mountinfo` and `sys`: "/proc/self/mountinfo" and "/sys", or what tests have filled. */
int mounts_read(const char *mountinfo, const char *sys, struct mounts **ret);
void mounts_free(struct mounts *m); /* takes NULL */

/* By the mount's id (statx's stx_mnt_id). -ENOENT: it is newer than the table. */
int mounts_find(const struct mounts *m, uint64_t id, struct mount_facts *ret);

#endif
