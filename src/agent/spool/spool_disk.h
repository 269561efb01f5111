/* What the spool asks of a disk. Production has one (spool_disk_folder); tests have one that forgets what was not
 * synced and fails when told to. All return 0 or a negative errno. */
#ifndef SPOOL_DISK_H
#define SPOOL_DISK_H

#include "buf.h"

#include <stddef.h>
#include <stdint.h>

struct spool_disk {
	void *context;
	/* Calls `each` for every file; stops at its first failure and returns it. */
	int (*list)(void *context, int (*each)(void *arg, const char *name), void *arg);
	/* Appends the file to b. Blocks that cannot be read are given as zeros: the rest may be good. */
	int (*read)(void *context, const char *name, struct buf *b);
	int (*create)(void *context, const char *name, int *ret_file); /* new and empty; -EEXIST */
	int (*append)(void *context, int file, const void *p, size_t n);
	int (*cut)(void *context, int file, int64_t size);
	int (*sync)(void *context, int file); /* bytes and size */
	/* Syncs a file that somebody else has written, who may have been killed before he could. */
	int (*settle)(void *context, const char *name);
	void (*close)(void *context, int file);
	int (*sync_folder)(void *context);                                        /* names made or removed */
	int (*replace)(void *context, const char *name, const void *p, size_t n); /* file_replace */
	int (*remove)(void *context, const char *name);
};

/* A folder that is open already and outlives the disk. */
struct spool_disk spool_disk_folder(int dir_fd);

#endif
