/* A path of Linux in its form for people: UTF-8 stays; control characters, marks that turn the direction of writing,
 * and every byte above ASCII where the whole is no UTF-8, become \xNN, so that a name can neither move a terminal's
 * cursor, nor begin a line of its own, nor look like another. */
#ifndef PATH_DISPLAY_H
#define PATH_DISPLAY_H

#include "buf.h"

/* Appends to b; BUF_INIT(MAX_DISPLAY) always has room for a path. */
int path_display(struct buf *b, const void *raw, size_t n);

#endif
