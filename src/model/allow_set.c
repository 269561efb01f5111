#include "allow_set.h"

#include <errno.h>
#include <string.h>

static uint64_t number(const unsigned char *p, int bytes)
{
	uint64_t v = 0;
	for (int i = bytes; i--;)
		v = v << 8 | p[i];
	return v;
}

int allow_set_read(struct allow_set *ret, const void *p, size_t n)
{
	const unsigned char *b = p;
	*ret = (struct allow_set){0};
	if (n < ALLOW_HEADER || memcmp(b, "KHIENAL1", 8) != 0)
		return -EBADMSG;
	uint64_t entries = number(b + 8, 4), texts = number(b + 12, 4);
	if (entries > MAX_ALLOWED || n != ALLOW_HEADER + entries * ALLOW_ENTRY + texts)
		return -EBADMSG;
	for (uint64_t i = 1; i < entries; i++) {
		const unsigned char *entry = b + ALLOW_HEADER + i * ALLOW_ENTRY;
		if (memcmp(entry - ALLOW_ENTRY, entry, SHA256_BYTES) >= 0)
			return -EBADMSG;
	}
	*ret = (struct allow_set){.n = (size_t)entries, .entries = b + ALLOW_HEADER};
	return 0;
}

bool allow_set_has(const struct allow_set *s, const uint8_t sha256[SHA256_BYTES], int64_t now_us)
{
	size_t from = 0, to = s->n;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		const unsigned char *entry = s->entries + middle * ALLOW_ENTRY;
		int c = memcmp(sha256, entry, SHA256_BYTES);
		if (c == 0)
			return (int64_t)number(entry + SHA256_BYTES, 8) > now_us;
		if (c < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return false;
}
