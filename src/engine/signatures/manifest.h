/* MANIFEST of a generation's folder: which generation it is, of which day, and the SHA-256 of each of its files. Text:
 *
 *   khien-signatures 1
 *   generation 7
 *   day 2026-11-24
 *   file 5891b5… 6 body/main.ndb          one a file, sorted by name; the name is the rest of the line
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include "err.h"
#include "ids.h"

#include <stddef.h>
#include <stdint.h>

#define MANIFEST_NAME "MANIFEST"

struct manifest_file {
	char *name; /* "image", "body/main.ndb" */
	int64_t size;
	uint8_t sha256[SHA256_BYTES];
};

struct manifest {
	int64_t generation;
	int32_t day;
	struct manifest_file *files;
	size_t n, cap;
};

void manifest_release(struct manifest *m);

/* Reads and judges the whole of a file below `folder`, and adds it. */
int manifest_add(struct manifest *m, int folder, const char *name, struct err *e);
int manifest_write(const struct manifest *m, int folder); /* synced */
int manifest_read(struct manifest *m, int folder, struct err *e);

/* 0: each file that MANIFEST names is there with these bytes. To be asked once after a change, by whoever maps or loads
 * first: it reads everything. -EBADMSG: one differs or is not there. */
int manifest_check(const struct manifest *m, int folder, struct err *e);

#endif
