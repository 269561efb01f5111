#include "hardware.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int order(const void *a, const void *b)
{
	const struct hw_value *x = a, *y = b;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return memcmp(x->digest.b, y->digest.b, ID_BYTES);
}

void hw_normalize(struct hardware *h)
{
	qsort(h->v, h->n, sizeof h->v[0], order);
	size_t n = 0;
	for (size_t i = 0; i < h->n; i++)
		if (!n || order(&h->v[n - 1], &h->v[i]))
			h->v[n++] = h->v[i];
	h->n = n;
}

struct kind_count {
	size_t in_a, in_b, equal;
};

static struct kind_count count_kind(const struct hardware *a, const struct hardware *b, enum hw_kind kind)
{
	struct kind_count c = {0};
	for (size_t i = 0; i < a->n; i++)
		c.in_a += a->v[i].kind == kind;
	for (size_t j = 0; j < b->n; j++) {
		if (b->v[j].kind != kind)
			continue;
		c.in_b++;
		for (size_t i = 0; i < a->n; i++)
			c.equal += order(&a->v[i], &b->v[j]) == 0;
	}
	return c;
}

enum hw_match hw_compare(const struct hardware *a, const struct hardware *b)
{
	size_t common = 0, same = 0, touching = 0;
	for (enum hw_kind k = HW_SMBIOS_UUID; k < HW_KIND_END; k++) {
		if (k == HW_MACHINE_ID)
			continue;
		struct kind_count c = count_kind(a, b, k);
		if (!c.in_a || !c.in_b)
			continue;
		common++;
		same += c.equal == c.in_a && c.equal == c.in_b;
		touching += c.equal > 0;
	}
	if (!common)
		return HW_UNKNOWN;
	if (!touching)
		return HW_DIFFERENT;
	return same == common && common >= 2 ? HW_SAME : HW_PARTLY;
}
