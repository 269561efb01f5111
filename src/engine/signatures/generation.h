/* A generation: all signatures of a computer at one time, in a folder that is made once and never written again.
 *
 *   signatures/current -> 7     what is in force
 *   signatures/7/image          digests
 *   signatures/7/body/          files for libclamav
 *   signatures/7/yara/          rules
 *   signatures/7/MANIFEST
 *
 * It is made beside, tried, and only then turned to, so that a computer keeps what it had until the new one works. The
 * one before stays on the disk until the next. */
#ifndef GENERATION_H
#define GENERATION_H

#include "err.h"
#include "signature_sources.h"

#include <stdint.h>

struct generation_load {
	int folder; /* "signatures" */
	const char *const *paths;
	size_t n_paths;
	int32_t today; /* the generation's day is that of its newest file, but never later */
	signature_note_fn *note;
	/* Tries the generation in the folder `name` below `folder`; below 0 refuses it. NULL: it is not tried. */
	int (*check)(void *arg, int folder, const char *name, struct err *e);
	void *arg;
};

struct generation {
	int64_t number;
	int32_t day;
	uint64_t entries; /* in the image */
	size_t body_files, yara_files;
};

/* Makes the next generation and turns to it. After a failure the old one stands and nothing of the new is left.
 * -EBUSY: somebody else loads just now. */
int generation_load(const struct generation_load *l, struct generation *ret, struct err *e);

/* The number of the current one, 0 when there is none. */
int64_t generation_current(int folder);

#endif
