/* Images in files without names, for tests and benchmarks. */
#ifndef IMAGE_FIXTURE_H
#define IMAGE_FIXTURE_H

#include "image_build.h"

#include <stddef.h>
#include <stdint.h>

int image_fixture_folder(void); /* a descriptor of the folder for temporary files; TMPDIR or /tmp */
int image_fixture_file(void);   /* a new file without a name */

/* Builds and opens; the test fails when that does. ret_fd may be NULL. */
struct image *image_fixture_build(
    const struct image_entry *entries, size_t n, const struct image_about *a, int *ret_fd);

#endif
