/* The regular files below some folders, in the order of their paths compared component by component, each with the
 * folder that it stands in held open, so that whoever acts on it later needs no path. No link is followed.
 *
 * The order makes a walk repeatable: a path says how far it has come (walk_plan.after), whatever has appeared or gone
 * since. Memory does not grow with a folder's size: names are read in pieces, the smallest ones first. */
#ifndef WALK_H
#define WALK_H

#include "event.h"
#include "mounts.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct walk;

struct walk_plan {
	size_t n_roots;
	const char *const
	    *roots; /* absolute, without links ("/srv/a"); files or folders. One within another is left out */
	size_t n_left_out;
	const char *const *left_out; /* folders that are not entered, absolute */
	const char *after;           /* goes on behind this path; NULL: from the beginning */
	const struct mounts *mounts; /* outlives the walk */
	bool network, removable;     /* enter such file systems; roots are always entered */
	bool no_repeats;             /* leave out what another mount shows as well */
};

/* A folder on the way. The walk's own until somebody holds it; then open until it is dropped as often. */
struct walk_folder;
int walk_folder_fd(const struct walk_folder *f);
struct walk_folder *walk_folder_hold(struct walk_folder *f);
void walk_folder_drop(struct walk_folder *f); /* takes NULL */

enum walk_kind {
	WALK_FILE,   /* fd is open for reading, and the caller's from now on */
	WALK_MISSED, /* something could not be looked at: error; fd is -1, there is no folder */
};

struct walk_item {
	enum walk_kind kind;
	int fd;
	int error;        /* positive errno */
	const char *path; /* bytes; lives until the next call */
	size_t path_n;
	const char *name; /* the last component, within path */
	struct walk_folder *folder;
	struct stat st;
	enum device_type device;
};

/* 0, -ENOMEM, -EINVAL (a root that is not absolute). */
int walk_new(const struct walk_plan *plan, struct walk **ret);
void walk_free(struct walk *w);

/* 1: an item; 0: the end; -ENOMEM. What goes away under the walk is not missed, it is gone. */
int walk_next(struct walk *w, struct walk_item *ret);

/* Less than, equal to or greater than 0: the walk's order. */
int walk_compare(const char *a, const char *b);

#endif
