/* The request parser, as the server feeds it: a head from a stream, then a body, all at once and in two pieces. */
#include "http_chunk.h"
#include "http_head.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The body must be the same however the bytes were cut. Returns a sum over it and where it ended. */
static uint64_t read_chunks(const char *p, size_t n, size_t cut)
{
	struct http_chunks c = {.state = CHUNK_SIZE};
	uint64_t sum = 0;
	for (size_t at = 0; at < n && c.state != CHUNK_END && c.state != CHUNK_BROKEN;) {
		size_t end = at < cut ? cut : n, data_n;
		const char *data;
		size_t used = http_chunks_feed(&c, p + at, end - at, &data, &data_n);
		assert(used <= end - at && (used || end == at));
		for (size_t i = 0; i < data_n; i++)
			sum = sum * 31 + (unsigned char)data[i];
		at += used;
	}
	return sum * 16 + c.state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	size_t cut = data[0] | (size_t)data[1] << 8;
	const char *p = (const char *)data + 2;
	n -= 2;
	cut = cut > n ? n : cut;
	size_t early = http_head_end(p, cut, 0), end = http_head_end(p, n, early ? 0 : cut);
	assert(!early || early == end);
	assert(end == http_head_end(p, n, 0));
	if (end && end <= HTTP_MAX_HEAD) {
		char *head = malloc(end);
		memcpy(head, p, end);
		struct http_head h;
		if (!http_head_parse(head, end, &h)) {
			assert(!(h.chunked && h.content_length >= 0));
			assert(h.text[h.path] == '/' && h.text[h.method]);
			(void)http_head_field(&h, "Host");
			if (h.chunked)
				assert(read_chunks(p + end, n - end, 0) ==
				       read_chunks(p + end, n - end, cut > end ? cut - end : 0));
		}
		free(head);
	}
	return 0;
}
