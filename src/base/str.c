#include "str.h"

#include <errno.h>
#include <string.h>

int str_copy(char *dst, size_t size, const char *s)
{
	size_t n = strlen(s);
	if (n >= size) {
		dst[0] = 0;
		return -ENAMETOOLONG;
	}
	memcpy(dst, s, n + 1);
	return 0;
}

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

int str_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = *s == '-';
	if (negative)
		s++;
	if (!*s)
		return -EINVAL;
	int64_t v = 0; /* gathered as a negative number, whose range is the larger one */
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, *s - '0', &v))
			return -ERANGE;
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, v, &v))
		return -ERANGE;
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

void hex_encode(char *dst, const void *src, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = src;
	for (size_t i = 0; i < n; i++) {
		dst[2 * i] = digits[p[i] >> 4];
		dst[2 * i + 1] = digits[p[i] & 15];
	}
	dst[2 * n] = 0;
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(void *dst, size_t n, const char *s)
{
	unsigned char *p = dst;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_digit(s[2 * i]);
		int lo = hi < 0 ? -1 : hex_digit(s[2 * i + 1]);
		if (lo < 0)
			return -EINVAL;
		p[i] = (unsigned char)(hi << 4 | lo);
	}
	return s[2 * n] ? -EINVAL : 0;
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(char *dst, const void *src, size_t n)
{
	const unsigned char *p = src;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;
		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		*dst++ = b64[v >> 18];
		*dst++ = b64[v >> 12 & 63];
		*dst++ = i + 1 < n ? b64[v >> 6 & 63] : '=';
		*dst++ = i + 2 < n ? b64[v & 63] : '=';
	}
	*dst = 0;
}

/* By table: paths of events come this way, tens of thousands a second. */
static int b64_digit(char c)
{
#define RUN(first, value) [first] = (value) + 1
#define RUN2(f, v)        RUN(f, v), RUN((f) + 1, (v) + 1)
#define RUN8(f, v)        RUN2(f, v), RUN2((f) + 2, (v) + 2), RUN2((f) + 4, (v) + 4), RUN2((f) + 6, (v) + 6)
#define RUN26(f, v)       RUN8(f, v), RUN8((f) + 8, (v) + 8), RUN8((f) + 16, (v) + 16), RUN2((f) + 24, (v) + 24)
	static const int8_t table[256] = {
	    RUN26('A', 0), RUN26('a', 26), RUN8('0', 52), RUN2('8', 60), RUN('+', 62), RUN('/', 63)};
	return table[(unsigned char)c] - 1;
}

int base64_decode(void *dst, size_t cap, const char *s, size_t *ret_n)
{
	size_t len = strlen(s), n = 0;
	unsigned char *out = dst;
	if (len % 4)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		int pad = i + 4 == len ? (s[i + 3] == '=') + (s[i + 3] == '=' && s[i + 2] == '=') : 0;
		uint32_t v = 0;
		for (int k = 0; k < 4; k++) {
			int d = k >= 4 - pad ? 0 : b64_digit(s[i + (size_t)k]);
			if (d < 0)
				return -EINVAL;
			v = v << 6 | (uint32_t)d;
		}
		if ((pad == 1 && v & 0xff) || (pad == 2 && v & 0xffff)) /* one text for one value */
			return -EINVAL;
		for (int k = 0; k < 3 - pad; k++) {
			if (n == cap)
				return -EMSGSIZE;
			out[n++] = (unsigned char)(v >> (16 - 8 * k));
		}
	}
	*ret_n = n;
	return 0;
}

/* The length of the well-formed sequence at p, 0 if there is none. Table 3-7 of the Unicode Standard. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return p[0] != 0;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
		return 0;
	unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool utf8_valid(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	while (n) {
		size_t k = utf8_sequence(p, n);
		if (!k)
			return false;
		p += k;
		n -= k;
	}
	return true;
}

bool mem_equal_ct(const void *a, const void *b, size_t n)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned char d = 0;
	for (size_t i = 0; i < n; i++)
		d |= (unsigned char)(x[i] ^ y[i]);
	return d == 0;
}
