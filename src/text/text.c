#include "text.h"
#include "str.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <utf8proc.h>

static int from_utf8proc(utf8proc_ssize_t r)
{
	switch (r) {
	case UTF8PROC_ERROR_NOMEM:
		return -ENOMEM;
	case UTF8PROC_ERROR_OVERFLOW:
		return -ENAMETOOLONG;
	default:
		return -EILSEQ;
	}
}

static bool turns_direction(int32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f ||
	       c == 0x061c;
}

static bool unfit(int32_t c)
{
	utf8proc_category_t k = utf8proc_category(c);
	return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP ||
	       turns_direction(c);
}

static bool is_space(int32_t c)
{
	return utf8proc_category(c) == UTF8PROC_CATEGORY_ZS;
}

/* [*begin, *end) without white space at the ends; -EINVAL for a character that has no place in a name. */
static int trim(const char *s, size_t n, size_t *begin, size_t *end)
{
	bool text_seen = false;
	*begin = *end = 0;
	for (size_t i = 0; i < n;) {
		int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate((const uint8_t *)s + i, (utf8proc_ssize_t)(n - i), &c);
		if (used <= 0)
			return -EILSEQ;
		if (unfit(c))
			return -EINVAL;
		if (!is_space(c)) {
			if (!text_seen)
				*begin = i;
			text_seen = true;
			*end = i + (size_t)used;
		}
		i += (size_t)used;
	}
	return 0;
}

static int copy_out(char *dst, size_t size, const char *s, size_t n)
{
	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(dst, s, n);
	dst[n] = 0;
	return 0;
}

static int source_length(const char *src, size_t *ret)
{
	size_t n = strnlen(src, TEXT_MAX_SOURCE + 1);
	if (n > TEXT_MAX_SOURCE)
		return -ENAMETOOLONG;
	*ret = n;
	return 0;
}

int text_nfc(char *dst, size_t size, const char *src)
{
	size_t n, begin, end;
	uint8_t *out = NULL;
	dst[0] = 0;
	int r = source_length(src, &n);
	if (r)
		return r;
	utf8proc_ssize_t made = utf8proc_map(
	    (const uint8_t *)src, (utf8proc_ssize_t)n, &out, (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
	if (made < 0)
		return from_utf8proc(made);
	r = trim((const char *)out, (size_t)made, &begin, &end);
	if (r == 0)
		r = copy_out(dst, size, (const char *)out + begin, end - begin);
	free(out);
	return r;
}

/* The bar of đ is no combining mark, so that no decomposition takes it away. */
static utf8proc_int32_t without_bar(utf8proc_int32_t c, void *unused)
{
	(void)unused;
	return c == 0x110 || c == 0x111 ? 'd' : is_space(c) ? ' ' : c;
}

int text_fold(char *dst, size_t size, const char *src)
{
	size_t n;
	uint8_t *out = NULL;
	dst[0] = 0;
	int r = source_length(src, &n);
	if (r)
		return r;
	utf8proc_ssize_t made = utf8proc_map_custom((const uint8_t *)src, (utf8proc_ssize_t)n, &out,
	    (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK),
	    without_bar, NULL);
	if (made < 0)
		return from_utf8proc(made);
	r = copy_out(dst, size, (const char *)out, (size_t)made);
	free(out);
	return r;
}

static bool escape_into(char *dst, size_t size, size_t *n, const uint8_t *p, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	if (*n + 4 * count >= size)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char e[4] = {'\\', 'x', digits[p[i] >> 4], digits[p[i] & 15]};
		memcpy(dst + *n, e, 4);
		*n += 4;
	}
	return true;
}

static bool plain_into(char *dst, size_t size, size_t *n, const uint8_t *p, size_t count)
{
	if (*n + count >= size)
		return false;
	memcpy(dst + *n, p, count);
	*n += count;
	return true;
}

/* src with everything unfit escaped, cut to size between two characters. */
static void make_fit(char *dst, size_t size, const char *src)
{
	const uint8_t *p = (const uint8_t *)src;
	size_t left = strnlen(src, size), n = 0;
	while (left > 0) {
		int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate(p, (utf8proc_ssize_t)left, &c);
		bool bad = used <= 0;
		size_t count = bad ? 1 : (size_t)used;
		if (!(bad || unfit(c) ? escape_into : plain_into)(dst, size, &n, p, count))
			break;
		p += count;
		left -= count;
	}
	dst[n] = 0;
}

void text_nfc_any(char *dst, size_t size, const char *src)
{
	char fit[1024];
	if (size > sizeof fit)
		size = sizeof fit;
	make_fit(fit, size, src);
	/* NFC may be longer than its source for a few characters; then a shorter beginning of it fits */
	for (size_t room = size; text_nfc(dst, size, fit) == -ENAMETOOLONG && room > 1;) {
		room -= room > 8 ? 8 : 1;
		make_fit(fit, room, src);
	}
}

size_t text_width(const char *s)
{
	size_t width = 0, left = strlen(s);
	while (left > 0) {
		int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate((const uint8_t *)s, (utf8proc_ssize_t)left, &c);
		if (used <= 0) {
			used = 1;
			width++;
		} else {
			width += (size_t)utf8proc_charwidth(c);
		}
		s += used;
		left -= (size_t)used;
	}
	return width;
}
