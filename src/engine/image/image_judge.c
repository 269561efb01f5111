#include "image_judge.h"

/* In which order the lists are asked; the first answer counts. The reasons stand in the header. */
static const struct step {
	enum image_list list;
	enum image_origin origin;
	enum image_digest from, to;
} steps[] = {
    {IMAGE_ALLOW, IMAGE_SIGNATURES, IMAGE_SHA256, IMAGE_SHA256},
    {IMAGE_DENY, IMAGE_SIGNATURES, IMAGE_SHA256, IMAGE_SHA256},
    {IMAGE_ALLOW, IMAGE_SIGNATURES, IMAGE_MD5, IMAGE_SHA1},
    {IMAGE_DENY, IMAGE_SIGNATURES, IMAGE_MD5, IMAGE_SHA1},
    {IMAGE_ALLOW, IMAGE_PACKAGES, IMAGE_MD5, IMAGE_SHA256},
};

static bool step_finds(const struct step *s, const struct image *const *images, size_t n, const struct image_digests *d,
    struct image_find *f)
{
	for (size_t i = 0; i < n; i++) {
		if (!images[i] || image_origin(images[i]) != s->origin)
			continue;
		for (enum image_digest kind = s->from; kind <= s->to; kind++)
			if (d->of[kind] && image_find(images[i], s->list, kind, d->of[kind], d->size, f))
				return true;
	}
	return false;
}

enum image_verdict image_judge(
    const struct image *const *images, size_t n, const struct image_digests *d, struct image_find *ret)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (step_finds(&steps[i], images, n, d, ret))
			return steps[i].list == IMAGE_DENY ? IMAGE_DENIED : IMAGE_ALLOWED;
	return IMAGE_UNKNOWN;
}

bool image_judge_needs(const struct image *const *images, size_t n, enum image_digest kind)
{
	for (size_t i = 0; i < n; i++)
		if (images[i] &&
		    (image_count(images[i], IMAGE_DENY, kind) || image_count(images[i], IMAGE_ALLOW, kind)))
			return true;
	return false;
}
