/* The files of one folder of a generation that an engine loads, in the order in which it loads them. */
#ifndef SIGNATURE_FILES_H
#define SIGNATURE_FILES_H

#include "bounds.h"
#include "err.h"

#include <stddef.h>

struct signature_files {
	int folder; /* open; -1: there is no such folder */
	size_t n, cap;
	struct signature_file_name {
		int rank;
		char *name;
	} * files;
};

/* Which files, and in which order: lower ranks first, by name within a rank; below 0: not this one. */
typedef int signature_rank_fn(void *arg, const char *name);

/* Opens `name` below `generation` and lists the regular files in it that have a rank. No such folder is an empty list.
 * Links are not followed. -E2BIG: more than MAX_SIGNATURE_FILES. */
int signature_files_list(
    struct signature_files *f, int generation, const char *name, signature_rank_fn *rank, void *arg, struct err *e);
void signature_files_drop(struct signature_files *f, size_t i); /* takes one out: it is refused */
void signature_files_release(struct signature_files *f);

#endif
