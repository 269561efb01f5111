/* How an image lies in its file. All numbers are little-endian.
 *
 *   header   512 bytes: what it is, how many entries each table has, a checksum over itself
 *   lines    of all tables: the only part that a miss touches, a cache line each
 *   keys     of all tables: digests, sorted
 *   values   of all tables: size, name
 *   names    texts ending in NUL
 *
 * Where a part begins follows from the counts alone, so nothing can overlap or point outside.
 *
 * A line stands for a range of digests of equal width (about 32 entries): the number of the first entry in it, and a
 * Bloom filter of 480 bits over all of its entries. A digest that is not in the image is answered from one cache line
 * in about 998 of 1000 cases; 8,5 million entries have 17 MB of lines, so that the keys need not be in memory. A hit
 * searches its range, which is only as long as chance makes it: digests are spread evenly.
 *
 * A name is a template and a number: the longest run of digits in it, where that fits 32 bits, is taken out and a byte
 * 1 stands for it. "Win.Trojan.Agent-1388768-0" and a hundred thousand others share one text. */
#ifndef IMAGE_FORMAT_H
#define IMAGE_FORMAT_H

#include "image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	IMAGE_TABLE_COUNT = IMAGE_LIST_COUNT * IMAGE_DIGEST_COUNT,
	IMAGE_HEADER_BYTES = 512,
	IMAGE_LINE_BYTES = 64,
	IMAGE_LINE_FILTER = 4, /* where in the line the filter begins */
	IMAGE_LINE_ENTRIES = 32,
	IMAGE_VALUE_BYTES = 12,
	IMAGE_NAME_NUMBER = 1, /* in a template: the number's place */
};
#define IMAGE_SIZE_ANY UINT32_C(0xffffffff) /* in a value */

struct image_table {
	uint64_t count, lines;                 /* entries; ranges */
	uint64_t lines_at, keys_at, values_at; /* offsets in the file, by image_layout */
};

struct image_head {
	int64_t generation;
	int32_t day;
	enum image_origin origin;
	uint64_t names_bytes;
	struct image_table tables[IMAGE_LIST_COUNT][IMAGE_DIGEST_COUNT];
	uint64_t names_at, bytes; /* by image_layout */
};

/* Works out the offsets from the counts. -EPROTO when they are beyond the bounds. */
int image_layout(struct image_head *h);

void image_head_write(const struct image_head *h, uint8_t dst[IMAGE_HEADER_BYTES]);
int image_head_read(struct image_head *h, const uint8_t src[IMAGE_HEADER_BYTES]); /* with its layout; -EPROTO */

/* The line that a digest belongs to; digests in ascending order have lines in ascending order. */
uint64_t image_line(const uint8_t *digest, uint64_t lines);
void image_filter_add(uint8_t line[IMAGE_LINE_BYTES], const uint8_t *digest);
bool image_filter_has(const uint8_t line[IMAGE_LINE_BYTES], const uint8_t *digest);

struct image_value {
	uint32_t size, name, number; /* name: offset in the names */
};
void image_value_write(uint8_t dst[IMAGE_VALUE_BYTES], const struct image_value *v);
struct image_value image_value_read(const uint8_t src[IMAGE_VALUE_BYTES]);

/* UTF-8 without control characters, at most MAX_SIGNATURE_NAME bytes. */
bool image_name_valid(const char *name);

uint32_t image_load32(const uint8_t *p);
void image_store32(uint8_t *p, uint32_t v);

/* Parts begin at multiples of a line. */
static inline uint64_t image_align(uint64_t at)
{
	return (at + IMAGE_LINE_BYTES - 1) / IMAGE_LINE_BYTES * IMAGE_LINE_BYTES;
}

#endif
