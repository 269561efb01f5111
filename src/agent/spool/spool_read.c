#include "spool_int.h"

#include <errno.h>
#include <string.h>

int spool_load_segment(struct spool *s, size_t i)
{
	if (s->loaded.n && s->loaded_index == i && (int64_t)s->loaded.n == s->segments[i].bytes)
		return 0;
	buf_clear(&s->loaded);
	int r = s->disk->read(s->disk->context, s->segments[i].name, &s->loaded);
	if (r) {
		buf_clear(&s->loaded);
		return r;
	}
	s->loaded_index = i;
	return 0;
}

int spool_first_at(struct spool *s, int64_t from, int64_t end, struct record *ret)
{
	for (size_t i = 0; i < s->n_segments && s->segments[i].first <= end; i++) {
		size_t at = SPOOL_HEADER;
		if (s->segments[i].last < from)
			continue;
		int r = spool_load_segment(s, i);
		if (!r)
			r = spool_find_record((unsigned char *)s->loaded.p, s->loaded.n, &at, from, ret);
		if (!r)
			return ret->position <= end ? 0 : -ENOENT;
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

int spool_id_at(struct spool *s, int64_t position, uint8_t ret[8])
{
	struct record r;
	struct event e;
	int k = spool_first_at(s, position, position, &r);
	if (!k)
		k = spool_decode(&r, &e);
	if (k)
		return k;
	memcpy(ret, e.id, 8);
	return 0;
}

/* Where it stood first: that place is what all later ones are known by. */
static struct event_was place_before(const struct spool *s, size_t i, int64_t position)
{
	const struct span *v = s->spans;
	size_t k = i;
	while (k && position < v[k].born && position >= v[k - 1].first)
		k--;
	return k == i ? (struct event_was){0} : (struct event_was){v[k].id, position - v[k].first + 1};
}

/* Takes records from the loaded segment as long as they follow one another. */
static void take_records(struct spool *s, size_t i, int64_t end, size_t max_events, size_t max_bytes,
    const struct record *first, struct spool_batch *ret)
{
	const unsigned char *p = (unsigned char *)s->loaded.p;
	size_t at = (size_t)(first->event - 16 - SPOOL_RECORD_HEAD - p), bytes = 0;
	int64_t wanted = first->position;
	struct record r;
	while (ret->n < max_events && wanted <= end && spool_find_record(p, s->loaded.n, &at, wanted, &r) == 0) {
		bytes += r.event_bytes;
		if (r.position != wanted || (ret->n && bytes > max_bytes) || spool_decode(&r, &ret->events[ret->n]))
			break;
		ret->events[ret->n].seq = wanted - s->spans[i].first + 1;
		ret->events[ret->n].was = place_before(s, i, wanted);
		ret->n++;
		wanted++;
		at += r.size;
	}
}

static void set_prev_id(struct spool *s, const struct span *v, int64_t position, uint8_t ret[8])
{
	memset(ret, 0, 8);
	if (position < v->first)
		return;
	if (position == v->acked)
		memcpy(ret, v->acked_id, 8);
	else
		spool_id_at(s, position, ret);
}

int spool_next(struct spool *s, id16 stream, size_t max_events, size_t max_bytes, struct spool_batch *ret)
{
	size_t i = 0;
	struct record r;
	while (i < s->n_spans && memcmp(s->spans[i].id.b, stream.b, ID_BYTES) != 0)
		i++;
	if (i == s->n_spans)
		return -ENOENT;
	const struct span *v = &s->spans[i];
	int64_t end = spool_span_end(s, i), wanted = v->acked + 1;
	int k = wanted > end ? -ENOENT : spool_first_at(s, wanted, end, &r);
	if (k) {
		buf_release(&s->loaded);
		if (k == -ENOENT &&
		    wanted <= end) /* nothing of it can be read any more: there is nothing to wait for */
			spool_give_up(s, i, end);
		return k;
	}
	int64_t kept = s->segments[0].first > v->first ? s->segments[0].first : v->first;
	*ret = (struct spool_batch){.stream = v->id, .first = r.position - v->first + 1};
	ret->floor = r.position > wanted ? ret->first : kept - v->first + 1;
	set_prev_id(s, v, r.position - 1, ret->prev_id);
	k = spool_first_at(s, r.position, end, &r); /* the id before may have lain in another segment */
	if (k)
		return k;
	if (max_events > MAX_BATCH_EVENTS)
		max_events = MAX_BATCH_EVENTS;
	take_records(s, i, end, max_events, max_bytes, &r, ret);
	return ret->n ? 0 : -EBADMSG;
}
