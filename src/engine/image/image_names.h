/* The names of an image while it is built: each template once, in a temporary file that is mapped, so that they take
 * the kernel's memory and not ours. */
#ifndef IMAGE_NAMES_H
#define IMAGE_NAMES_H

#include <stdint.h>

struct image_names;

int image_names_new(int temp_fd, struct image_names **ret);
void image_names_free(struct image_names *n);

/* A valid name as its template's offset and its number. -E2BIG: MAX_IMAGE_NAMES. */
int image_names_add(struct image_names *n, const char *name, uint32_t *ret_offset, uint32_t *ret_number);

/* The texts: the first *ret_bytes of the file. */
int image_names_fd(const struct image_names *n);
uint64_t image_names_bytes(const struct image_names *n);

#endif
