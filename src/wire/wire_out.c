#include "wire_int.h"

#include "str.h"

#include <errno.h>
#include <string.h>

void out(struct buf *b, const char *text)
{
	buf_adds(b, text);
}

static void escape(struct buf *b, unsigned char c)
{
	static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	for (const char *p = shorts; *p; p += 2) {
		if ((unsigned char)*p == c) {
			const char two[] = {'\\', p[1]};
			buf_add(b, two, 2);
			return;
		}
	}
	buf_addf(b, "\\u%04x", c);
}

static void add_quoted(struct buf *b, const char *s, size_t n)
{
	buf_addc(b, '"');
	size_t from = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, s + from, i - from);
		escape(b, c);
		from = i + 1;
	}
	buf_add(b, s + from, n - from);
	buf_addc(b, '"');
}

void out_text(struct buf *b, const char *name, const char *s)
{
	size_t n = s ? strlen(s) : 0;
	/* a text that no reader would take must not leave: whoever made it is told */
	if (!utf8_valid(s, n) && !b->error)
		b->error = -EILSEQ;
	out(b, name);
	add_quoted(b, s ? s : "", n);
}

void out_int(struct buf *b, const char *name, int64_t v)
{
	char digits[24], *p = digits + sizeof digits;
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do
		*--p = (char)('0' + rest % 10);
	while (rest /= 10);
	if (v < 0)
		*--p = '-';
	out(b, name);
	buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

void out_bool(struct buf *b, const char *name, bool v)
{
	out(b, name);
	out(b, v ? "true" : "false");
}

void out_hex(struct buf *b, const char *name, const void *p, size_t n)
{
	out(b, name);
	buf_addc(b, '"');
	if (buf_reserve(b, 2 * n) == 0) {
		hex_encode(b->p + b->n, p, n);
		b->n += 2 * n;
	}
	buf_addc(b, '"');
}

void out_hex_text(struct buf *b, const char *name, const char *hex)
{
	out_text(b, name, *hex ? hex : "00000000000000000000000000000000");
}

void out_base64(struct buf *b, const char *name, const void *p, size_t n)
{
	size_t len = 4 * ((n + 2) / 3);
	out(b, name);
	buf_addc(b, '"');
	if (buf_reserve(b, len) == 0) {
		base64_encode(b->p + b->n, p, n);
		b->n += len;
	}
	buf_addc(b, '"');
}

void out_word(struct buf *b, const char *name, const char *const *words, size_t n, unsigned v)
{
	if ((v >= n || !words[v]) && !b->error)
		b->error = -EINVAL;
	out_text(b, name, v < n && words[v] ? words[v] : "");
}

void out_json(struct buf *b, const char *name, const char *json)
{
	out(b, name);
	out(b, json && *json ? json : "{}");
}
