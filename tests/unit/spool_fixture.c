#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spool_fixture.h"

#include <string.h>

const struct spool_config small = {.max_bytes = 1 << 20, .keep_us = 1000, .segment_bytes = 1024};

/* Event k has the id k, so that what comes out can be counted. */
struct event numbered(uint64_t k)
{
	struct event e = {.kind = EVENT_DETECTION,
	    .at_us = (int64_t)(1000 + k),
	    .detection = {.engine = "test",
	        .name = "Eicar-Test-Signature",
	        .type = "test",
	        .path = {PATH_BYTES, 9, "/home/\xff/x", "/home/\\xff/x"},
	        .action = ACTION_QUARANTINED}};
	memcpy(e.id, &k, 8);
	return e;
}

static uint64_t number_of(const struct event *e)
{
	uint64_t k;
	memcpy(&k, e->id, 8);
	return k;
}

struct spool *open_spool(const struct spool_disk *d)
{
	struct spool *s = NULL;
	assert_int_equal(spool_open(d, &small, &s), 0);
	return s;
}

int add(struct spool *s, uint64_t k, struct spool_place *ret)
{
	struct event e = numbered(k);
	return spool_add(s, &e, (int64_t)k, ret);
}

void add_synced(struct spool *s, uint64_t first, uint64_t last)
{
	struct spool_place p;
	for (uint64_t k = first; k <= last; k++)
		assert_int_equal(add(s, k, &p), 0);
	assert_int_equal(spool_sync(s), 0);
}

id16 newest(struct spool *s)
{
	struct spool_stream v[SPOOL_MAX_STREAMS];
	return v[spool_streams(s, v) - 1].id;
}

static size_t centre_stream(struct centre *c, id16 id)
{
	for (size_t i = 0; i < c->n; i++)
		if (memcmp(c->streams[i].stream.b, id.b, ID_BYTES) == 0)
			return i;
	assert_true(c->n < 24);
	c->streams[c->n].stream = id;
	return c->n++;
}

/* It is there, or it came under another stream and said then that it had stood there: its first place is noted with it.
 */
static bool centre_has(struct centre *c, const struct event_was *was, uint64_t k)
{
	if (was->seq < 1 || was->seq >= MANY)
		return false;
	uint64_t *first_place = &c->streams[centre_stream(c, was->stream)].at[was->seq];
	if (*first_place == k)
		return true;
	if (!*first_place)
		*first_place = k;
	return false;
}

static void centre_take(struct centre *c, const struct spool_batch *b)
{
	size_t i = centre_stream(c, b->stream);
	assert_true(b->first <= c->streams[i].hwm + 1 || b->floor > c->streams[i].hwm + 1);
	if (b->first == c->streams[i].hwm + 1)
		assert_memory_equal(b->prev_id, c->streams[i].hwm_id, 8);
	for (size_t e = 0; e < b->n; e++) {
		uint64_t k = number_of(&b->events[e]);
		int64_t seq = b->events[e].seq;
		assert_int_equal(seq, b->first + (int64_t)e);
		assert_true(seq < MANY && k < MANY);
		if (seq <= c->streams[i].hwm)
			continue;
		if (!centre_has(c, &b->events[e].was, k))
			c->stored[k]++;
		c->streams[i].at[seq] = k;
		c->streams[i].hwm = seq;
		memcpy(c->streams[i].hwm_id, b->events[e].id, 8);
	}
}

static void compare_all(struct spool *s, struct centre *c)
{
	struct spool_stream v[SPOOL_MAX_STREAMS];
	size_t n = spool_streams(s, v);
	for (size_t k = 0; k < n; k++) {
		enum spool_verdict verdict;
		size_t i = centre_stream(c, v[k].id);
		assert_int_equal(spool_heard(s, v[k].id, c->streams[i].hwm, c->streams[i].hwm_id, &verdict), 0);
		c->new_streams += verdict == SPOOL_NEW_STREAM;
	}
}

/* One sync and all events calls; `answers` false: the centre commits and its answers are lost. */
void deliver(struct spool *s, struct centre *c, size_t at_most, bool answers)
{
	static struct spool_batch b;
	struct spool_stream v[SPOOL_MAX_STREAMS];
	compare_all(s, c);
	size_t n = spool_streams(s, v);
	for (size_t k = 0; k < n; k++) {
		while (spool_next(s, v[k].id, at_most, 16384, &b) == 0) {
			centre_take(c, &b);
			if (!answers)
				break;
			size_t i = centre_stream(c, b.stream);
			enum spool_verdict verdict;
			assert_int_equal(
			    spool_heard(s, b.stream, c->streams[i].hwm, c->streams[i].hwm_id, &verdict), 0);
			assert_int_equal(verdict, SPOOL_AGREED);
		}
	}
}

void assert_each_once(const struct centre *c, uint64_t first, uint64_t last)
{
	for (uint64_t k = first; k <= last; k++)
		assert_int_equal(c->stored[k], 1);
}
