/* The compiled image: what is known of contents by their digests, in one file that every process maps read-only.
 * image_format.h says how it lies; image_build.h makes it.
 *
 * image_open takes the same time for any size, and looks only at the header: the rest is judged where it is used. A
 * file that was altered gives wrong answers or none, never an access outside it; whether it was altered the MANIFEST
 * beside it tells (manifest.h). A file that is mapped must not be shortened: images are made anew and renamed, never
 * written in place. */
#ifndef IMAGE_H
#define IMAGE_H

#include "bounds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_list { IMAGE_DENY, IMAGE_ALLOW, IMAGE_LIST_COUNT };
/* Of a whole content, or of a section of a PE file. */
enum image_digest {
	IMAGE_MD5,
	IMAGE_SHA1,
	IMAGE_SHA256,
	IMAGE_PE_MD5,
	IMAGE_PE_SHA1,
	IMAGE_PE_SHA256,
	IMAGE_DIGEST_COUNT
};
enum image_origin { IMAGE_SIGNATURES, IMAGE_PACKAGES };

#define IMAGE_MAX_SIZE INT64_C(0xfffffffe) /* of an entry's exact size, as in libclamav */
enum { IMAGE_ANY_SIZE = -1 }; /* of an entry: whatever the content's size; of a question: the size is not known */

struct image;

struct image_find {
	char name[MAX_SIGNATURE_NAME + 1]; /* UTF-8 without control characters; "" has none */
	int64_t size;                      /* the entry's: exact, or IMAGE_ANY_SIZE */
	enum image_origin origin;
};

/* Maps the file; the descriptor may be closed. -EPROTO: no image, damaged, or of another version. */
int image_open(int fd, struct image **ret);
/* Over bytes that stay where they are until image_close. */
int image_over(const void *bytes, size_t n, struct image **ret);
void image_close(struct image *i);

/* True when an entry fits; *ret tells which. `digest` has image_digest_bytes(kind) bytes. A size that is not known fits
 * every entry; who scans knows it. */
bool image_find(const struct image *i, enum image_list list, enum image_digest kind, const uint8_t *digest,
    int64_t size, struct image_find *ret);

/* 0: no such digest needs to be computed for the sake of this image. */
uint64_t image_count(const struct image *i, enum image_list list, enum image_digest kind);

int64_t image_generation(const struct image *i);
int32_t image_day(const struct image *i); /* of its newest source, days since 1970 */
enum image_origin image_origin(const struct image *i);

size_t image_digest_bytes(enum image_digest kind);
const char *image_digest_name(enum image_digest kind); /* "md5", "pe-sha256" */

#endif
