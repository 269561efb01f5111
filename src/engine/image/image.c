#include "image.h"

#include "image_format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct image {
	const uint8_t *map;
	bool mapped; /* by us */
	struct image_head head;
};

static int map_file(int fd, const uint8_t **ret, size_t *ret_n)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < IMAGE_HEADER_BYTES)
		return -EPROTO;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	*ret_n = (size_t)st.st_size;
	return 0;
}

/* Behind the lines one page at a time is looked at, if ever: reading ahead would fill a small computer's memory. */
static void expect_scattered(const struct image *i)
{
	enum { PAGE = 4096 };
	uint64_t from = (i->head.tables[0][0].keys_at + PAGE - 1) / PAGE * PAGE;
	if (from < i->head.bytes)
		madvise((void *)(i->map + from), (size_t)(i->head.bytes - from), MADV_RANDOM);
}

int image_over(const void *bytes, size_t n, struct image **ret)
{
	struct image_head head;
	if (n < IMAGE_HEADER_BYTES || image_head_read(&head, bytes) < 0 || head.bytes != n)
		return -EPROTO;
	struct image *i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	*i = (struct image){.map = bytes, .head = head};
	*ret = i;
	return 0;
}

int image_open(int fd, struct image **ret)
{
	const uint8_t *map;
	size_t n;
	struct image *i;
	int r = map_file(fd, &map, &n);
	if (r < 0)
		return r;
	r = image_over(map, n, &i);
	if (r < 0) {
		munmap((void *)map, n);
		return r;
	}
	i->mapped = true;
	expect_scattered(i);
	*ret = i;
	return 0;
}

void image_close(struct image *i)
{
	if (!i)
		return;
	if (i->mapped)
		munmap((void *)i->map, (size_t)i->head.bytes);
	free(i);
}

/* The first entry in [from, to) whose digest is not below. */
static uint64_t lower_bound(const uint8_t *keys, size_t width, uint64_t from, uint64_t to, const uint8_t *digest)
{
	while (from < to) {
		uint64_t middle = from + (to - from) / 2;
		if (memcmp(keys + middle * width, digest, width) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool size_fits(uint32_t entry, int64_t size)
{
	return entry == IMAGE_SIZE_ANY || size == IMAGE_ANY_SIZE || (int64_t)entry == size;
}

/* The template with its number put in; an altered one gives no name. */
static void make_name(const struct image *i, const struct image_value *v, char dst[MAX_SIGNATURE_NAME + 1])
{
	dst[0] = '\0';
	if (v->name >= i->head.names_bytes)
		return;
	const char *from = (const char *)i->map + i->head.names_at + v->name;
	size_t left = (size_t)(i->head.names_bytes - v->name);
	size_t n = strnlen(from, left < MAX_SIGNATURE_NAME + 1 ? left : MAX_SIGNATURE_NAME + 1);
	if (n == left || n > MAX_SIGNATURE_NAME)
		return;
	const char *number = memchr(from, IMAGE_NAME_NUMBER, n);
	int written = number ? snprintf(dst, MAX_SIGNATURE_NAME + 1, "%.*s%u%.*s", (int)(number - from), from,
	                           v->number, (int)(from + n - number - 1), number + 1)
	                     : snprintf(dst, MAX_SIGNATURE_NAME + 1, "%.*s", (int)n, from);
	if (written > MAX_SIGNATURE_NAME || !image_name_valid(dst))
		dst[0] = '\0';
}

static void fill(const struct image *i, const struct image_value *v, struct image_find *ret)
{
	make_name(i, v, ret->name);
	ret->size = v->size == IMAGE_SIZE_ANY ? IMAGE_ANY_SIZE : (int64_t)v->size;
	ret->origin = i->head.origin;
}

/* The entries of the digest's line; false when the line says that it has none like it, or nonsense. */
static bool line_range(
    const struct image *i, const struct image_table *t, const uint8_t *digest, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t number = image_line(digest, t->lines);
	const uint8_t *line = i->map + t->lines_at + number * IMAGE_LINE_BYTES;
	if (!image_filter_has(line, digest))
		return false;
	*ret_from = image_load32(line);
	*ret_to = number + 1 < t->lines ? image_load32(line + IMAGE_LINE_BYTES) : t->count;
	return *ret_from <= *ret_to && *ret_to <= t->count;
}

bool image_find(const struct image *i, enum image_list list, enum image_digest kind, const uint8_t *digest,
    int64_t size, struct image_find *ret)
{
	const struct image_table *t = &i->head.tables[list][kind];
	const uint8_t *keys = i->map + t->keys_at;
	const size_t width = image_digest_bytes(kind);
	uint64_t from, to;
	if (t->count == 0 || !line_range(i, t, digest, &from, &to))
		return false;
	uint64_t k = lower_bound(keys, width, from, to, digest);
	for (int same = 0; same < MAX_IMAGE_SAME && k < to && memcmp(keys + k * width, digest, width) == 0;
	     same++, k++) {
		struct image_value v = image_value_read(i->map + t->values_at + k * IMAGE_VALUE_BYTES);
		if (size_fits(v.size, size)) {
			fill(i, &v, ret);
			return true;
		}
	}
	return false;
}

uint64_t image_count(const struct image *i, enum image_list list, enum image_digest kind)
{
	return i->head.tables[list][kind].count;
}

int64_t image_generation(const struct image *i)
{
	return i->head.generation;
}

int32_t image_day(const struct image *i)
{
	return i->head.day;
}

enum image_origin image_origin(const struct image *i)
{
	return i->head.origin;
}
