/* A folder with any bytes in it: two segments and the file of streams, parted by the first four bytes. Whatever lies
 * there, the spool opens, takes new events, gives them out, and gives none twice. */
#include "memory_disk.h"
#include "spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct memory_disk *m, size_t i, const char *name, const uint8_t *p, size_t n)
{
	m->files[i].there = m->files[i].there_safely = true;
	snprintf(m->files[i].name, sizeof m->files[i].name, "%s", name);
	m->files[i].bytes = BUF_INIT(1 << 20);
	buf_add(&m->files[i].bytes, p, n);
	m->files[i].safe = n;
}

static void must(bool so)
{
	if (!so)
		abort();
}

static void use(struct spool *s)
{
	static struct spool_batch b;
	struct event e = {.kind = EVENT_STARTED, .id = {1, 2, 3}, .body = "{}"};
	struct spool_place p;
	struct spool_stream v[SPOOL_MAX_STREAMS];
	enum spool_verdict verdict;
	must(spool_add(s, &e, 1, &p) == 0 && spool_sync(s) == 0);
	size_t n = spool_streams(s, v);
	must(n >= 1 && n <= SPOOL_MAX_STREAMS);
	for (size_t i = 0; i < n; i++) {
		int64_t before = v[i].acked;
		while (spool_next(s, v[i].id, 10, 4096, &b) == 0) {
			must(b.n > 0 && b.first > before);
			before = b.first + (int64_t)b.n - 1;
			must(spool_heard(s, b.stream, before, b.events[b.n - 1].id, &verdict) == 0);
			must(verdict == SPOOL_AGREED);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory_disk m;
	struct spool_config config = {.max_bytes = 4 << 20, .keep_us = 1, .segment_bytes = 4096};
	struct spool *s = NULL;
	if (size < 4 || size > 1 << 16)
		return 0;
	size_t a = data[0] | (size_t)data[1] << 8, b = data[2] | (size_t)data[3] << 8;
	data += 4;
	size -= 4;
	a = a < size ? a : size;
	b = b < size - a ? b : size - a;
	memset(&m, 0, sizeof m);
	put(&m, 0, "0000000000000001.seg", data, a);
	put(&m, 1, "0000000000000004.seg", data + a, b);
	put(&m, 2, "streams", data + a + b, size - a - b);
	struct spool_disk d = memory_disk(&m);
	must(spool_open(&d, &config, &s) == 0);
	use(s);
	spool_free(s);
	memory_release(&m);
	return 0;
}
