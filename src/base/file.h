/* Small files that are there whole or not at all. Linux; not built for Windows. */
#ifndef FILE_H
#define FILE_H

#include "buf.h"

#include <stddef.h>
#include <sys/types.h>

/* Writes a temporary file beside `name` in the folder dir_fd, syncs it, renames it over `name` and syncs the folder:
 * after 0 the new bytes survive a power loss, after a failure the old ones stand (only a failed sync of the folder,
 * -EIO, leaves open which of the two). One writer at a time for a name. */
int file_replace(int dir_fd, const char *name, const void *p, size_t n, mode_t mode);

/* Appends the whole file to b, whose maximum bounds it; -ENOENT, -EMSGSIZE. */
int file_read(int dir_fd, const char *name, struct buf *b);

/* Writes all n bytes or fails. */
int file_write_all(int fd, const void *p, size_t n);

#endif
