#include "image_sort.h"

#include "array.h"
#include "image.h"
#include "image_temp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RUN_BYTES = 16 << 20,
	RUN_RECORDS = RUN_BYTES / IMAGE_RECORD_BYTES,
	RUN_BUFFER = 64 * 1024, /* of a run that is read back */
};

struct run {
	uint64_t at, end; /* what is still on the disk */
	uint8_t *buffer;
	size_t used, n;
	uint8_t record[IMAGE_RECORD_BYTES]; /* its next one */
};

struct image_sorter {
	int fd;
	uint8_t *records;
	size_t n_records;
	struct run *runs;
	size_t n_runs, cap_runs;
	size_t *heap; /* runs that are not empty, the one with the smallest record first */
	size_t n_heap;
	uint64_t bytes; /* on the disk */
};

int image_sorter_new(int temp_fd, struct image_sorter **ret)
{
	struct image_sorter *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fd = image_temp_open(temp_fd);
	s->records = malloc(RUN_BYTES);
	if (s->fd < 0 || !s->records) {
		int r = s->fd < 0 ? s->fd : -ENOMEM;
		image_sorter_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void image_sorter_free(struct image_sorter *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_runs; i++)
		free(s->runs[i].buffer);
	free(s->runs);
	free(s->heap);
	free(s->records);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, IMAGE_RECORD_BYTES);
}

static size_t digest_bytes(const uint8_t *record)
{
	return image_digest_bytes((enum image_digest)(record[0] % IMAGE_DIGEST_COUNT));
}

/* On the disk the zero bytes behind a short digest are left out: the table tells its length. */
static int write_record(struct image_stream *out, const uint8_t *record)
{
	int r = image_stream_write(out, record, IMAGE_RECORD_DIGEST + digest_bytes(record));
	return r < 0 ? r
	             : image_stream_write(out, record + IMAGE_RECORD_VALUE, IMAGE_RECORD_BYTES - IMAGE_RECORD_VALUE);
}

static int write_run(struct image_sorter *s)
{
	struct image_stream out;
	if (s->n_records == 0)
		return 0;
	int r = array_room(&s->runs, &s->cap_runs, s->n_runs, sizeof(*s->runs));
	if (r < 0)
		return r;
	r = image_stream_init(&out, s->fd, s->bytes);
	if (r < 0)
		return r;
	qsort(s->records, s->n_records, IMAGE_RECORD_BYTES, compare);
	for (size_t i = 0; i < s->n_records && r == 0; i++)
		r = write_record(&out, s->records + i * IMAGE_RECORD_BYTES);
	if (r == 0)
		r = image_stream_flush(&out);
	if (r == 0) {
		s->runs[s->n_runs++] = (struct run){.at = s->bytes, .end = out.at};
		s->bytes = out.at;
		s->n_records = 0;
	}
	image_stream_release(&out);
	return r;
}

int image_sorter_add(struct image_sorter *s, const uint8_t record[IMAGE_RECORD_BYTES])
{
	if (s->n_records == RUN_RECORDS) {
		int r = write_run(s);
		if (r < 0)
			return r;
	}
	memcpy(s->records + s->n_records++ * IMAGE_RECORD_BYTES, record, IMAGE_RECORD_BYTES);
	return 0;
}

/* Moves what is left to the front and reads on. */
static int refill(const struct image_sorter *s, struct run *run)
{
	memmove(run->buffer, run->buffer + run->used, run->n - run->used);
	run->n -= run->used;
	run->used = 0;
	while (run->n < RUN_BUFFER && run->at < run->end) {
		uint64_t left = run->end - run->at;
		size_t want = left < RUN_BUFFER - run->n ? (size_t)left : RUN_BUFFER - run->n;
		ssize_t k = pread(s->fd, run->buffer + run->n, want, (off_t)run->at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		run->n += (size_t)k;
		run->at += (uint64_t)k;
	}
	return 0;
}

/* The run's next record: 1, or 0 behind its last. */
static int run_next(const struct image_sorter *s, struct run *run)
{
	if (run->n - run->used < IMAGE_RECORD_BYTES && run->at < run->end) {
		int r = refill(s, run);
		if (r < 0)
			return r;
	}
	if (run->used == run->n)
		return 0;
	const uint8_t *from = run->buffer + run->used;
	size_t head = IMAGE_RECORD_DIGEST + digest_bytes(from), tail = IMAGE_RECORD_BYTES - IMAGE_RECORD_VALUE;
	memset(run->record, 0, sizeof(run->record));
	memcpy(run->record, from, head);
	memcpy(run->record + IMAGE_RECORD_VALUE, from + head, tail);
	run->used += head + tail;
	return 1;
}

static bool before(const struct image_sorter *s, size_t a, size_t b)
{
	return compare(s->runs[s->heap[a]].record, s->runs[s->heap[b]].record) < 0;
}

static void sink(struct image_sorter *s, size_t at)
{
	for (;;) {
		size_t least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < s->n_heap; child++)
			if (before(s, child, least))
				least = child;
		if (least == at)
			return;
		size_t moved = s->heap[at];
		s->heap[at] = s->heap[least];
		s->heap[least] = moved;
		at = least;
	}
}

int image_sorter_merge(struct image_sorter *s)
{
	int r = write_run(s);
	if (r < 0)
		return r;
	free(s->records);
	s->records = NULL;
	s->heap = calloc(s->n_runs + 1, sizeof(*s->heap));
	if (!s->heap)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_runs; i++) {
		s->runs[i].buffer = malloc(RUN_BUFFER);
		if (!s->runs[i].buffer)
			return -ENOMEM;
		r = run_next(s, &s->runs[i]);
		if (r < 0)
			return r;
		s->heap[s->n_heap++] = i;
	}
	for (size_t i = s->n_heap; i-- > 0;)
		sink(s, i);
	return 0;
}

int image_sorter_next(struct image_sorter *s, uint8_t ret[IMAGE_RECORD_BYTES])
{
	if (s->n_heap == 0)
		return 0;
	struct run *least = &s->runs[s->heap[0]];
	memcpy(ret, least->record, IMAGE_RECORD_BYTES);
	int r = run_next(s, least);
	if (r < 0)
		return r;
	if (r == 0)
		s->heap[0] = s->heap[--s->n_heap];
	sink(s, 0);
	return 1;
}
