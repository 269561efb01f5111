#include "path_display.h"
#include "str.h"

#include <stdbool.h>
#include <string.h>

/* Bytes, behind a first one that is above ASCII, of characters that change how what follows is shown: C1 controls, and
 * the marks that turn the direction of writing (a name ending in "exe" can be shown as ending in "txt"). */
static size_t hidden_sequence(const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char lead[2], n_lead, from, to;
	} hidden[] = {
	    {{0xc2, 0}, 1, 0x80, 0x9f},    /* U+0080–009F */
	    {{0xe2, 0x80}, 2, 0x8e, 0x8f}, /* U+200E–200F */
	    {{0xe2, 0x80}, 2, 0xa8, 0xae}, /* U+2028–202E */
	    {{0xe2, 0x81}, 2, 0xa6, 0xa9}, /* U+2066–2069 */
	};
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
		size_t k = hidden[i].n_lead;
		if (n > k && memcmp(p, hidden[i].lead, k) == 0 && p[k] >= hidden[i].from && p[k] <= hidden[i].to)
			return k + 1;
	}
	return 0;
}

int path_display(struct buf *b, const void *raw, size_t n)
{
	const unsigned char *p = raw;
	bool text = utf8_valid(raw, n);
	size_t escape = 0; /* bytes still to be escaped */
	for (size_t i = 0; i < n; i++) {
		if (!escape)
			escape = text ? hidden_sequence(p + i, n - i) : 0;
		if (escape || p[i] < 0x20 || p[i] == 0x7f || (!text && p[i] >= 0x80))
			buf_addf(b, "\\x%02x", p[i]);
		else
			buf_addc(b, (char)p[i]);
		escape -= escape > 0;
	}
	return b->error;
}
