/* Makes an image from entries in any number and order, in bounded memory: entries are sorted in runs on a temporary
 * file and merged. The same entries added in the same order give the same bytes. */
#ifndef IMAGE_BUILD_H
#define IMAGE_BUILD_H

#include "err.h"
#include "image.h"

#include <stdint.h>

struct image_builder;

struct image_about {
	int64_t generation;
	int32_t day;
	enum image_origin origin;
};

struct image_entry {
	enum image_list list;
	enum image_digest kind;
	const uint8_t *digest;
	int64_t size;     /* 0 to IMAGE_MAX_SIZE, or IMAGE_ANY_SIZE */
	const char *name; /* "" none */
};

enum { IMAGE_IN_MEMORY = -1 };

/* Temporary files without names go into the folder `temp_fd`, which must stay open, or into memory: about 45 bytes an
 * entry with MD5, 60 with SHA-256. */
int image_builder_new(int temp_fd, struct image_builder **ret);
void image_builder_free(struct image_builder *b);

/* Of several entries that differ only in name one stays, always the same for the same entries. -EINVAL: a name with
 * control characters, no UTF-8 or too long; a size out of bounds. -E2BIG: more than MAX_IMAGE_ENTRIES or
 * MAX_IMAGE_NAMES. */
int image_builder_add(struct image_builder *b, const struct image_entry *e);

/* Writes the image to an empty regular file and syncs it; the builder is used up. *ret_count: entries in it (may be
 * NULL). */
int image_builder_write(struct image_builder *b, int fd, const struct image_about *a, uint64_t *ret_count);

#endif
