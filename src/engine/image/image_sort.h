/* Sorts any number of records in bounded memory: runs that fit the buffer go sorted to a temporary file, and are merged
 * when they are read back. */
#ifndef IMAGE_SORT_H
#define IMAGE_SORT_H

#include <stdint.h>

/* A record is compared byte by byte: table, digest (zero bytes behind a short one), size, name, number, the last three
 * with their highest byte first. */
enum {
	IMAGE_RECORD_DIGEST = 1,
	IMAGE_RECORD_VALUE = IMAGE_RECORD_DIGEST + 32,
	IMAGE_RECORD_BYTES = IMAGE_RECORD_VALUE + 12,
};

struct image_sorter;

int image_sorter_new(int temp_fd, struct image_sorter **ret);
void image_sorter_free(struct image_sorter *s);
int image_sorter_add(struct image_sorter *s, const uint8_t record[IMAGE_RECORD_BYTES]);

/* No more is added; what was comes back in ascending order. */
int image_sorter_merge(struct image_sorter *s);
/* 1, or 0 behind the last one. */
int image_sorter_next(struct image_sorter *s, uint8_t ret[IMAGE_RECORD_BYTES]);

#endif
