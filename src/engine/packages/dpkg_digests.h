/* What dpkg knows of the files that it has installed: the MD5 of each, as the packages tell them (info/NAME.md5sums),
 * and of configuration files as dpkg has put them there (in its status file). Only of packages that are installed now.
 */
#ifndef DPKG_DIGESTS_H
#define DPKG_DIGESTS_H

#include "ids.h"

#include <stdint.h>

#define DPKG_FOLDER "var/lib/dpkg"
#define DPKG_STATUS DPKG_FOLDER "/status"

struct package_file {
	const char *package;
	const char *path; /* below the root, without a leading slash; where a diversion has put it */
	uint8_t md5[MD5_BYTES];
};

struct dpkg_counts {
	uint64_t packages, without_digests, malformed_lines;
};

/* `root`: the folder that the computer's files are below. `fn` below 0 ends it. -ENOENT: dpkg is not used here. A line
 * that is malformed is passed over and counted: it allows nothing. */
int dpkg_digests_read(int root, int (*fn)(void *arg, const struct package_file *f), void *arg, struct dpkg_counts *ret);

#endif
