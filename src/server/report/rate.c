#include "figures.h"

#include <stdlib.h>

int rate_compare(struct rate a, struct rate b)
{
	if (a.den == 0 || b.den == 0)
		return (a.den != 0) - (b.den != 0);
	__int128 left = (__int128)a.num * b.den, right = (__int128)b.num * a.den;
	return left < right ? -1 : left > right;
}

void number_text(int64_t n, char dst[NUMBER_TEXT])
{
	char digits[24];
	int count = snprintf(
	    digits, sizeof digits, "%llu", n < 0 ? 0ULL - (unsigned long long)n : (unsigned long long)n);
	char *at = dst;
	if (n < 0)
		*at++ = '-';
	for (int i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			*at++ = '.';
		*at++ = digits[i];
	}
	*at = 0;
}

/* Tenths of a per cent, half up, in whole numbers: (1000 num / den) + 1/2, rounded down. */
void rate_text(struct rate r, char dst[RATE_TEXT])
{
	char whole[NUMBER_TEXT];
	if (r.den == 0) {
		dst[0] = 0;
		return;
	}
	int64_t tenths = (int64_t)(((__int128)r.num * 2000 + r.den) / ((__int128)r.den * 2));
	number_text(tenths / 10, whole);
	snprintf(dst, RATE_TEXT, "%.24s,%d%%", whole, (int)(tenths % 10));
}

struct rate figure_rate_installed(const struct figure_counts *c)
{
	return c->has_allocation && c->allocated > 0 ? (struct rate){c->installed, c->allocated} : (struct rate){0, 0};
}

struct rate figure_rate_within(const struct figure_counts *c)
{
	return c->has_allocation && c->allocated > 0 ? (struct rate){c->within, c->allocated} : (struct rate){0, 0};
}

struct rate figure_rate_protected(const struct figure_counts *c)
{
	return c->existing_known && c->existing > 0 ? (struct rate){c->protected_now, c->existing}
	                                            : (struct rate){0, 0};
}

int figure_part_find(const char *name, enum figure_part *ret)
{
	static const char *const names[] = {[PART_INSTALLED] = "installed",
	    [PART_ACTIVE] = "active",
	    [PART_SILENT] = "silent",
	    [PART_PROTECTED] = "protected"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum figure_part)i;
			return 0;
		}
	}
	return -ENOENT;
}
