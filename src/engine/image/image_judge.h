/* What the images say of a whole content, all digests and lists weighed against each other. The only place where the
 * order of allow and deny stands:
 *
 *   1  a strong digest (SHA-256) names it bad                      deny, unless SHA-256 allows it as well
 *   2  the signatures' allow list names it, by whatever digest     allow
 *   3  a weak digest (MD5, SHA-1) names it bad                     deny
 *   4  a package's digest names it                                 allow
 *
 * As in libclamav an allow entry takes a false alarm back; but never one that is surer than itself, because MD5 and
 * SHA-1 collide at will. A package's digest stands last: whatever is known to be bad stays bad, even where root has
 * installed it from a package. */
#ifndef IMAGE_JUDGE_H
#define IMAGE_JUDGE_H

#include "image.h"

struct image_digests {
	const uint8_t *of[IMAGE_PE_MD5]; /* by IMAGE_MD5, IMAGE_SHA1, IMAGE_SHA256; NULL: not computed, so not asked */
	int64_t size;
};

enum image_verdict { IMAGE_UNKNOWN, IMAGE_DENIED, IMAGE_ALLOWED };

/* `images` may hold NULLs. *ret is what decided; untouched for IMAGE_UNKNOWN. */
enum image_verdict image_judge(
    const struct image *const *images, size_t n, const struct image_digests *d, struct image_find *ret);

/* True when this digest of a content can matter to the images: the others need not be computed. */
bool image_judge_needs(const struct image *const *images, size_t n, enum image_digest kind);

#endif
