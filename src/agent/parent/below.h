/* Files of the computer, read below a root folder: "/" in production, a filled folder in tests. Absolute symbolic links
 * stay inside the root. Paths are given without a leading slash. */
#ifndef BELOW_H
#define BELOW_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

int below_open(int root, const char *path, int flags); /* a descriptor, or a negative errno */
bool below_exists(int root, const char *path);

/* The file's first `size` - 1 bytes without white space at both ends; -ENOENT and others leave dst empty. */
int below_text(int root, const char *path, char *dst, size_t size);

/* The whole file appended to b, within its maximum: what is beyond is left out. */
int below_read(int root, const char *path, struct buf *b);

int below_link(int root, const char *path, char *dst, size_t size);

/* Calls `each` for every name in a folder ("." and ".." left out); a folder that is not there has none. */
void below_each(int root, const char *folder, void (*each)(void *arg, const char *name), void *arg);

/* The value behind `key` in lines "key = value" or "key=value", quotes taken off; section "" is any. Returns false
 * without it. */
bool below_setting(int root, const char *path, const char *section, const char *key, char *dst, size_t size);

#endif
