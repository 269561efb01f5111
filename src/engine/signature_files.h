/* The files of one folder of a generation, in the order of their names. */
#ifndef SIGNATURE_FILES_H
#define SIGNATURE_FILES_H

#include "bounds.h"
#include "err.h"

#include <stddef.h>

struct signature_files {
	int folder; /* open; -1: there is no such folder */
	size_t n, cap;
	char **names;
};

/* Opens `name` below `generation` and lists the regular files in it whose extension is one of `extensions` (NULL at the
 * end, without dots). No such folder is an empty list. Links are not followed. -E2BIG: more than MAX_SIGNATURE_FILES.
 */
int signature_files_list(
    struct signature_files *f, int generation, const char *name, const char *const *extensions, struct err *e);
void signature_files_release(struct signature_files *f);

#endif
