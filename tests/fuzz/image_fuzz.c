/* An image of any bytes: is refused, or answers every question within its bounds. So that the header's checksum does
 * not keep the fuzzer out, the bytes are tried as they are and with the checksum and length put right. */
#include "image_format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct image *i, const uint8_t *p, size_t n)
{
	uint8_t digest[32] = {0};
	struct image_find f;
	for (size_t at = 0; at < n; at += 16) {
		memcpy(digest, p + at, n - at < sizeof(digest) ? n - at : sizeof(digest));
		for (int list = 0; list < IMAGE_LIST_COUNT; list++)
			for (int kind = 0; kind < IMAGE_DIGEST_COUNT; kind++)
				if (image_find(i, (enum image_list)list, (enum image_digest)kind, digest,
				        (int64_t)at - 1, &f) &&
				    !image_name_valid(f.name))
					abort();
	}
}

static void try_bytes(const uint8_t *p, size_t n)
{
	struct image *i = NULL;
	if (image_over(p, n, &i) == 0)
		ask(i, p, n);
	image_close(i);
}

/* The counts are taken modulo something small, the rest of the bytes are as they come. */
static void try_put_right(const uint8_t *data, size_t size)
{
	struct image_head head = {.generation = 1};
	struct image_table *tables = &head.tables[0][0];
	for (size_t t = 0; t < IMAGE_TABLE_COUNT; t++) {
		tables[t].count = data[t] % 9;
		tables[t].lines = tables[t].count ? 1 + data[t] % 3 : 0;
	}
	head.names_bytes = data[IMAGE_TABLE_COUNT];
	if (image_layout(&head) < 0)
		abort();
	uint8_t *p = calloc(1, head.bytes);
	if (!p)
		return;
	image_head_write(&head, p);
	for (size_t at = IMAGE_HEADER_BYTES; at < head.bytes; at += size)
		memcpy(p + at, data, head.bytes - at < size ? head.bytes - at : size);
	try_bytes(p, head.bytes);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_bytes(data, size);
	if (size > IMAGE_TABLE_COUNT)
		try_put_right(data, size);
	return 0;
}
