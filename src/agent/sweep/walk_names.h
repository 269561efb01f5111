/* The names in one folder in their order, in pieces: a folder of ten million names takes no more memory than one of ten
 * thousand, only more readings. Names that come while it is read are met if they lie ahead. */
#ifndef WALK_NAMES_H
#define WALK_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum walk_name_kind { NAME_UNKNOWN, NAME_FILE, NAME_FOLDER, NAME_OTHER };

struct walk_name {
	char *name; /* walk_name_release */
	enum walk_name_kind kind;
	bool passed;       /* the walk goes on behind this very name */
	const char *after; /* what is still to be passed within it; NULL: nothing */
};
void walk_name_release(struct walk_name *n);

struct walk_names {
	const char *after; /* first component: the name to go on from; NULL: the first one */
	char *last;        /* highest name given out */
	struct walk_name *v;
	size_t n, cap, i;
	bool all; /* there is nothing behind this piece */
};

void walk_names_begin(struct walk_names *n, const char *after); /* `after` outlives it */
void walk_names_release(struct walk_names *n);
/* 1: a name, the caller's; 0: the end; or a negative errno. */
int walk_names_next(struct walk_names *n, int folder, struct walk_name *ret);

#endif
