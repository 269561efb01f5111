/* The image of what packages have installed: allow entries by MD5 and size, named after the package. */
#ifndef PACKAGES_IMAGE_H
#define PACKAGES_IMAGE_H

#include "dpkg_digests.h"

struct packages_counts {
	struct dpkg_counts dpkg;
	uint64_t entries,
	    absent; /* absent: the file is not there, empty or no regular file; such a one allows nothing */
};

/* Writes it to an empty file. Temporary bytes stay in memory: about 100 for each installed file. `generation` is the
 * caller's. -ENOENT: no package system that can be read here. */
int packages_image_write(int root, int fd, int64_t generation, int32_t day, struct packages_counts *ret);

#endif
