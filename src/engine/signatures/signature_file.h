/* Reads a file of digests. What libclamav takes it takes, what libclamav refuses it refuses: one malformed line, and
 * the whole file is refused with that line's number, because half a database is none that anybody has tested. As there,
 * lines for other functional levels are passed over before their digest is looked at, a line that begins with '#' is a
 * comment, an empty one is malformed, an empty file as well, and a size of '*' needs a least level of 73 or more.
 *
 * Lists (.hashes, .allow) are ours: a digest (MD5, SHA-1 or SHA-256), white space, perhaps '*', a name; empty lines and
 * comments count for nothing; any size. */
#ifndef SIGNATURE_FILE_H
#define SIGNATURE_FILE_H

#include "err.h"
#include "image_build.h"
#include "signature_ignore.h"
#include "signature_kind.h"

#include <stdint.h>

enum { SIGNATURE_FLEVEL = 216 }; /* the functional level that files are read for: libclamav 1.4.6's */

struct signature_file {
	const struct signature_kind *kind;     /* of SIGNATURE_IMAGE */
	const char *label;                     /* names the file in errors */
	const struct signature_ignore *ignore; /* NULL: none */
	/* Is called for each entry, whose texts live until it returns; below 0 ends the reading. */
	int (*entry)(void *arg, const struct image_entry *e);
	void *arg;
};

struct signature_counts {
	uint64_t taken, other_level, ignored;
};

/* -EINVAL with file and line in `e`; what was told to `entry` before that is void. */
int signature_file_read(const struct signature_file *f, int fd, struct signature_counts *ret, struct err *e);

#endif
