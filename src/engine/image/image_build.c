#include "image_build.h"

#include "image_format.h"
#include "image_names.h"
#include "image_sort.h"
#include "image_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct image_builder {
	int temp_fd; /* not owned */
	struct image_names *names;
	struct image_sorter *sorter;
	uint64_t added[IMAGE_TABLE_COUNT];
	uint64_t all;
};

int image_builder_new(int temp_fd, struct image_builder **ret)
{
	struct image_builder *b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->temp_fd = temp_fd;
	int r = image_names_new(temp_fd, &b->names);
	if (r == 0)
		r = image_sorter_new(temp_fd, &b->sorter);
	if (r < 0) {
		image_builder_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

void image_builder_free(struct image_builder *b)
{
	if (!b)
		return;
	image_names_free(b->names);
	image_sorter_free(b->sorter);
	free(b);
}

static void store_be(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * (3 - i));
}

int image_builder_add(struct image_builder *b, const struct image_entry *e)
{
	uint8_t record[IMAGE_RECORD_BYTES] = {0};
	uint32_t name, number;
	if (!image_name_valid(e->name) || e->size < IMAGE_ANY_SIZE || e->size > IMAGE_MAX_SIZE)
		return -EINVAL;
	if (b->all >= MAX_IMAGE_ENTRIES)
		return -E2BIG;
	int r = image_names_add(b->names, e->name, &name, &number);
	if (r < 0)
		return r;
	unsigned table = (unsigned)e->list * IMAGE_DIGEST_COUNT + (unsigned)e->kind;
	record[0] = (uint8_t)table;
	memcpy(record + IMAGE_RECORD_DIGEST, e->digest, image_digest_bytes(e->kind));
	store_be(record + IMAGE_RECORD_VALUE, e->size == IMAGE_ANY_SIZE ? IMAGE_SIZE_ANY : (uint32_t)e->size);
	store_be(record + IMAGE_RECORD_VALUE + 4, name);
	store_be(record + IMAGE_RECORD_VALUE + 8, number);
	r = image_sorter_add(b->sorter, record);
	if (r < 0)
		return r;
	b->added[table]++;
	b->all++;
	return 0;
}

int image_builder_write(struct image_builder *b, int fd, const struct image_about *a, uint64_t *ret_count)
{
	struct image_writer *w = NULL;
	struct image_head head = {.generation = a->generation, .day = a->day, .origin = a->origin};
	uint8_t record[IMAGE_RECORD_BYTES];
	int r = image_sorter_merge(b->sorter);
	if (r < 0)
		return r;
	r = image_writer_new(fd, b->temp_fd, b->added, &w);
	while (r == 0 && (r = image_sorter_next(b->sorter, record)) > 0)
		r = image_writer_put(w, record);
	if (r == 0)
		r = image_writer_finish(w, &head, b->names, ret_count);
	image_writer_free(w);
	return r;
}
