#include "image_write.h"

#include "image_temp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct image_writer {
	int fd, temp; /* the image (not owned); the values, until it is known where they stand */
	struct image_stream lines, keys, values;
	struct image_table tables[IMAGE_TABLE_COUNT];
	unsigned table;  /* the one that is being written */
	uint64_t number; /* of its line that is being filled */
	uint8_t line[IMAGE_LINE_BYTES];
	bool begun;
	uint8_t last[IMAGE_RECORD_BYTES];
	int same; /* entries of the last digest */
};

int image_writer_new(int fd, int temp_fd, const uint64_t at_most[IMAGE_TABLE_COUNT], struct image_writer **ret)
{
	struct image_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	uint64_t at = IMAGE_HEADER_BYTES;
	int r = image_stream_init(&w->lines, fd, at);
	for (int t = 0; t < IMAGE_TABLE_COUNT; t++) {
		w->tables[t].lines = (at_most[t] + IMAGE_LINE_ENTRIES - 1) / IMAGE_LINE_ENTRIES;
		at += w->tables[t].lines * IMAGE_LINE_BYTES;
	}
	if (r == 0)
		r = image_stream_init(&w->keys, fd, at);
	w->fd = fd;
	w->temp = image_temp_open(temp_fd);
	if (r == 0)
		r = w->temp < 0 ? w->temp : image_stream_init(&w->values, w->temp, 0);
	if (r < 0) {
		image_writer_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void image_writer_free(struct image_writer *w)
{
	if (!w)
		return;
	image_stream_release(&w->lines);
	image_stream_release(&w->keys);
	image_stream_release(&w->values);
	if (w->temp >= 0)
		close(w->temp);
	free(w);
}

/* Writes lines until `number` is the one to be filled. */
static int lines_up_to(struct image_writer *w, uint64_t number)
{
	int r = 0;
	while (r == 0 && w->number < number) {
		r = image_stream_write(&w->lines, w->line, sizeof(w->line));
		memset(w->line, 0, sizeof(w->line));
		image_store32(w->line, (uint32_t)w->tables[w->table].count);
		w->number++;
	}
	return r;
}

/* Closes tables until `table` is the one to be written; IMAGE_TABLE_COUNT closes all. */
static int tables_up_to(struct image_writer *w, unsigned table)
{
	int r = 0;
	while (r == 0 && w->table < table) {
		r = lines_up_to(w, w->tables[w->table].lines);
		if (r == 0)
			r = image_stream_fill(&w->keys, image_align(w->keys.at));
		memset(w->line, 0, sizeof(w->line));
		w->number = 0;
		w->table++;
	}
	return r;
}

static uint32_t load_be(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int put_value(struct image_writer *w, const uint8_t *from)
{
	uint8_t value[IMAGE_VALUE_BYTES];
	struct image_value v = {load_be(from), load_be(from + 4), load_be(from + 8)};
	image_value_write(value, &v);
	return image_stream_write(&w->values, value, sizeof(value));
}

/* Entries that a digest has before this one, or -EEXIST when it is there already but for the name. */
static int count_same(struct image_writer *w, const uint8_t *record)
{
	bool same_digest = w->begun && memcmp(w->last, record, IMAGE_RECORD_VALUE) == 0;
	if (same_digest && memcmp(w->last + IMAGE_RECORD_VALUE, record + IMAGE_RECORD_VALUE, 4) == 0)
		return -EEXIST;
	w->same = same_digest ? w->same + 1 : 0;
	w->begun = true;
	memcpy(w->last, record, IMAGE_RECORD_BYTES);
	return w->same < MAX_IMAGE_SAME ? 0 : -E2BIG;
}

int image_writer_put(struct image_writer *w, const uint8_t record[IMAGE_RECORD_BYTES])
{
	const uint8_t *digest = record + IMAGE_RECORD_DIGEST;
	enum image_digest kind = (enum image_digest)(record[0] % IMAGE_DIGEST_COUNT);
	int r = count_same(w, record);
	if (r < 0)
		return r == -EEXIST ? 0 : r;
	r = tables_up_to(w, record[0]);
	if (r == 0)
		r = lines_up_to(w, image_line(digest, w->tables[w->table].lines));
	if (r < 0)
		return r;
	image_filter_add(w->line, digest);
	w->tables[w->table].count++;
	r = image_stream_write(&w->keys, digest, image_digest_bytes(kind));
	return r < 0 ? r : put_value(w, record + IMAGE_RECORD_VALUE);
}

/* Values and names behind the keys; their places must be those that a reader works out. */
static int append_rest(struct image_writer *w, struct image_head *head, const struct image_names *names)
{
	memcpy(head->tables, w->tables, sizeof(w->tables));
	head->names_bytes = image_names_bytes(names);
	int r = image_layout(head);
	if (r < 0 || w->keys.at != head->tables[0][0].values_at)
		return -EPROTO;
	r = image_stream_flush(&w->values);
	if (r == 0)
		r = image_stream_copy(&w->keys, w->temp, w->values.at);
	if (r == 0)
		r = image_stream_copy(&w->keys, image_names_fd(names), head->names_bytes);
	if (r == 0)
		r = image_stream_flush(&w->keys);
	return r < 0 || w->keys.at == head->bytes ? r : -EPROTO;
}

int image_writer_finish(
    struct image_writer *w, struct image_head *head, const struct image_names *names, uint64_t *ret_count)
{
	uint8_t bytes[IMAGE_HEADER_BYTES];
	int r = tables_up_to(w, IMAGE_TABLE_COUNT);
	if (r == 0)
		r = image_stream_flush(&w->lines);
	if (r == 0)
		r = append_rest(w, head, names);
	if (r < 0)
		return r;
	image_head_write(head, bytes);
	if (pwrite(w->fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	if (fsync(w->fd) < 0)
		return -errno;
	uint64_t count = 0;
	for (int t = 0; t < IMAGE_TABLE_COUNT; t++)
		count += w->tables[t].count;
	if (ret_count)
		*ret_count = count;
	return 0;
}
