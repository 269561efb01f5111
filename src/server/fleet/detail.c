#include "detail.h"

#include "str.h"

#include <string.h>

static void add_quoted(struct buf *b, const char *s)
{
	bool clean = utf8_valid(s, strlen(s));
	buf_addc(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c < 0x20)
			buf_addf(b, "\\u%04x", c);
		else
			buf_addc(b, c >= 0x80 && !clean ? '?' : *s);
	}
	buf_addc(b, '"');
}

static void add_key(struct detail *d, const char *key)
{
	buf_addc(&d->b, d->b.n ? ',' : '{');
	add_quoted(&d->b, key);
	buf_addc(&d->b, ':');
}

void detail_text(struct detail *d, const char *key, const char *value)
{
	add_key(d, key);
	add_quoted(&d->b, value);
}

void detail_int(struct detail *d, const char *key, int64_t value)
{
	add_key(d, key);
	buf_addf(&d->b, "%lld", (long long)value);
}

void detail_hex(struct detail *d, const char *key, const void *p, size_t n)
{
	char text[65];
	hex_encode(text, p, n <= 32 ? n : 32);
	detail_text(d, key, text);
}

void detail_raw(struct detail *d, const char *key, const char *json)
{
	add_key(d, key);
	buf_adds(&d->b, json);
}

const char *detail_close(struct detail *d)
{
	buf_adds(&d->b, d->b.n ? "}" : "{}");
	return d->b.error ? NULL : buf_str(&d->b);
}

int detail_error(const struct detail *d)
{
	return d->b.error;
}

void detail_release(struct detail *d)
{
	buf_release(&d->b);
}
