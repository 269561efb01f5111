#include "image_format.h"

#include "str.h"

#include <errno.h>
#include <string.h>

/* Places in the header. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 8,
	AT_ORIGIN = 12,
	AT_GENERATION = 16,
	AT_DAY = 24,
	AT_NAMES = 32,
	AT_TABLES = 64,
	TABLE_BYTES = 16,
	AT_CHECKSUM = IMAGE_HEADER_BYTES - 8,
	VERSION = 1,
	FILTER_BITS = 8 * (IMAGE_LINE_BYTES - IMAGE_LINE_FILTER),
	FILTER_HASHES = 6,
	FILTER_FROM = 4, /* the bytes before choose the line */
};
static const uint8_t magic[8] = "KhienImg";

static const struct {
	size_t bytes;
	const char *name;
} kinds[IMAGE_DIGEST_COUNT] = {
    [IMAGE_MD5] = {16, "md5"},
    [IMAGE_SHA1] = {20, "sha1"},
    [IMAGE_SHA256] = {32, "sha256"},
    [IMAGE_PE_MD5] = {16, "pe-md5"},
    [IMAGE_PE_SHA1] = {20, "pe-sha1"},
    [IMAGE_PE_SHA256] = {32, "pe-sha256"},
};

size_t image_digest_bytes(enum image_digest kind)
{
	return kinds[kind].bytes;
}

const char *image_digest_name(enum image_digest kind)
{
	return kinds[kind].name;
}

uint32_t image_load32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void image_store32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t load64(const uint8_t *p)
{
	return image_load32(p) | (uint64_t)image_load32(p + 4) << 32;
}

static void store64(uint8_t *p, uint64_t v)
{
	image_store32(p, (uint32_t)v);
	image_store32(p + 4, (uint32_t)(v >> 32));
}

/* FNV-1a: against accidents. Against intent stands the digest in MANIFEST. */
static uint64_t checksum(const uint8_t *p, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static bool table_in_bounds(const struct image_table *t)
{
	return t->count <= MAX_IMAGE_ENTRIES && t->lines <= MAX_IMAGE_ENTRIES && (t->count == 0) == (t->lines == 0);
}

int image_layout(struct image_head *h)
{
	struct image_table *tables = &h->tables[0][0];
	const size_t n = IMAGE_TABLE_COUNT;
	uint64_t at = IMAGE_HEADER_BYTES;
	for (size_t i = 0; i < n; i++) {
		if (!table_in_bounds(&tables[i]))
			return -EPROTO;
		tables[i].lines_at = at;
		at += tables[i].lines * IMAGE_LINE_BYTES;
	}
	for (size_t i = 0; i < n; i++) {
		tables[i].keys_at = at;
		at = image_align(at + tables[i].count * kinds[i % IMAGE_DIGEST_COUNT].bytes);
	}
	for (size_t i = 0; i < n; i++) {
		tables[i].values_at = at;
		at += tables[i].count * IMAGE_VALUE_BYTES;
	}
	if (h->names_bytes > MAX_IMAGE_NAMES)
		return -EPROTO;
	h->names_at = at;
	h->bytes = at + h->names_bytes;
	return 0;
}

void image_head_write(const struct image_head *h, uint8_t dst[IMAGE_HEADER_BYTES])
{
	memset(dst, 0, IMAGE_HEADER_BYTES);
	memcpy(dst + AT_MAGIC, magic, sizeof(magic));
	image_store32(dst + AT_VERSION, VERSION);
	image_store32(dst + AT_ORIGIN, (uint32_t)h->origin);
	store64(dst + AT_GENERATION, (uint64_t)h->generation);
	image_store32(dst + AT_DAY, (uint32_t)h->day);
	store64(dst + AT_NAMES, h->names_bytes);
	const struct image_table *tables = &h->tables[0][0];
	for (size_t i = 0; i < IMAGE_TABLE_COUNT; i++) {
		store64(dst + AT_TABLES + i * TABLE_BYTES, tables[i].count);
		store64(dst + AT_TABLES + i * TABLE_BYTES + 8, tables[i].lines);
	}
	store64(dst + AT_CHECKSUM, checksum(dst, AT_CHECKSUM));
}

int image_head_read(struct image_head *h, const uint8_t src[IMAGE_HEADER_BYTES])
{
	if (memcmp(src + AT_MAGIC, magic, sizeof(magic)) != 0 || image_load32(src + AT_VERSION) != VERSION ||
	    load64(src + AT_CHECKSUM) != checksum(src, AT_CHECKSUM) || image_load32(src + AT_ORIGIN) > IMAGE_PACKAGES)
		return -EPROTO;
	*h = (struct image_head){
	    .generation = (int64_t)load64(src + AT_GENERATION),
	    .day = (int32_t)image_load32(src + AT_DAY),
	    .origin = (enum image_origin)image_load32(src + AT_ORIGIN),
	    .names_bytes = load64(src + AT_NAMES),
	};
	struct image_table *tables = &h->tables[0][0];
	for (size_t i = 0; i < IMAGE_TABLE_COUNT; i++) {
		tables[i].count = load64(src + AT_TABLES + i * TABLE_BYTES);
		tables[i].lines = load64(src + AT_TABLES + i * TABLE_BYTES + 8);
	}
	return image_layout(h);
}

uint64_t image_line(const uint8_t *digest, uint64_t lines)
{
	uint64_t head = (uint64_t)digest[0] << 24 | (uint64_t)digest[1] << 16 | (uint64_t)digest[2] << 8 | digest[3];
	return head * lines >> 32;
}

/* Which bit the i-th two bytes choose. */
static unsigned filter_bit(const uint8_t *digest, int i)
{
	const uint8_t *p = digest + FILTER_FROM + 2 * i;
	return ((unsigned)p[0] << 8 | p[1]) * FILTER_BITS >> 16;
}

void image_filter_add(uint8_t line[IMAGE_LINE_BYTES], const uint8_t *digest)
{
	for (int i = 0; i < FILTER_HASHES; i++) {
		unsigned bit = filter_bit(digest, i);
		line[IMAGE_LINE_FILTER + bit / 8] |= (uint8_t)(1u << bit % 8);
	}
}

bool image_filter_has(const uint8_t line[IMAGE_LINE_BYTES], const uint8_t *digest)
{
	for (int i = 0; i < FILTER_HASHES; i++) {
		unsigned bit = filter_bit(digest, i);
		if (!(line[IMAGE_LINE_FILTER + bit / 8] & 1u << bit % 8))
			return false;
	}
	return true;
}

void image_value_write(uint8_t dst[IMAGE_VALUE_BYTES], const struct image_value *v)
{
	image_store32(dst, v->size);
	image_store32(dst + 4, v->name);
	image_store32(dst + 8, v->number);
}

struct image_value image_value_read(const uint8_t src[IMAGE_VALUE_BYTES])
{
	return (struct image_value){image_load32(src), image_load32(src + 4), image_load32(src + 8)};
}

bool image_name_valid(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)name[i] < 0x20 || name[i] == 0x7f)
			return false;
	return n <= MAX_SIGNATURE_NAME && utf8_valid(name, n);
}
