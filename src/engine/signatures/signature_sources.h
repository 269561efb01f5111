/* The files that a person named, sorted out. */
#ifndef SIGNATURE_SOURCES_H
#define SIGNATURE_SOURCES_H

#include "err.h"
#include "signature_kind.h"

#include <stddef.h>
#include <stdint.h>

struct signature_source {
	char *path;
	const char *name; /* its last component */
	const struct signature_kind *kind;
	int64_t modified_s;
};

struct signature_sources {
	struct signature_source *v; /* by name */
	size_t n, cap;
};

/* What is not used, and why: for people. */
typedef void signature_note_fn(void *arg, const char *path, const char *why);

/* Each path is a file or a folder whose files are taken (not those in folders below). A file that is named itself must
 * be of a known kind and usable; one that merely lies in a folder is told to `note` otherwise. -EEXIST: two of one
 * name. */
int signature_sources_find(
    struct signature_sources *s, const char *const *paths, size_t n, signature_note_fn *note, void *arg, struct err *e);
void signature_sources_release(struct signature_sources *s);

#endif
