#include "spool_int.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void spool_remember(struct spool *s, const uint8_t id[8], int64_t position)
{
	struct recent *r = &s->recent[s->recent_next++ % SPOOL_RECENT];
	memcpy(r->id, id, 8);
	r->position = position;
}

static int64_t find_recent(const struct spool *s, const uint8_t id[8])
{
	for (size_t i = 0; i < SPOOL_RECENT; i++)
		if (s->recent[i].position && memcmp(s->recent[i].id, id, 8) == 0)
			return s->recent[i].position;
	return 0;
}

/* One that got no record would stand in the way of its successor, which has the same name. */
void spool_close_segment(struct spool *s)
{
	if (s->file < 0)
		return;
	s->disk->close(s->disk->context, s->file);
	s->file = -1;
	struct segment *g = &s->segments[s->n_segments - 1];
	if (g->n)
		return;
	s->disk->remove(s->disk->context, g->name);
	s->stats.bytes -= g->bytes;
	s->n_segments--;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	spool_close_segment(s);
	buf_release(&s->record);
	buf_release(&s->loaded);
	free(s->segments);
	free(s);
}

static bool acknowledged(const struct spool *s, const struct segment *g)
{
	for (size_t i = 0; i < s->n_spans; i++) {
		int64_t end = i + 1 < s->n_spans ? s->spans[i + 1].first - 1 : INT64_MAX;
		int64_t first = g->first > s->spans[i].first ? g->first : s->spans[i].first;
		int64_t last = g->last < end ? g->last : end;
		if (first <= last && last > s->spans[i].acked)
			return false;
	}
	return true;
}

/* The oldest segment, if it may go: acknowledged, and not the one that is being written. */
bool spool_drop_oldest(struct spool *s)
{
	if (!s->n_segments || (s->n_segments == 1 && s->file >= 0) || !acknowledged(s, &s->segments[0]))
		return false;
	if (s->disk->remove(s->disk->context, s->segments[0].name))
		return false;
	s->stats.bytes -= s->segments[0].bytes;
	s->n_segments--;
	memmove(s->segments, s->segments + 1, s->n_segments * sizeof *s->segments);
	buf_clear(&s->loaded);
	spool_prune_spans(s);
	return true;
}

void spool_expire(struct spool *s, int64_t now_us)
{
	while (s->n_segments && s->segments[0].written_us < now_us - s->config.keep_us && spool_drop_oldest(s))
		;
}

int spool_push_segment(struct spool *s, const struct segment *g)
{
	if (s->n_segments == s->cap_segments) {
		size_t cap = s->cap_segments ? 2 * s->cap_segments : 16;
		struct segment *p = realloc(s->segments, cap * sizeof *p);
		if (!p)
			return -ENOMEM;
		s->segments = p;
		s->cap_segments = cap;
	}
	s->segments[s->n_segments++] = *g;
	return 0;
}

static int begin_segment(struct spool *s)
{
	struct segment g = {.first = s->next, .last = s->next - 1};
	snprintf(g.name, sizeof g.name, "%016llx.seg", (unsigned long long)s->next);
	int file, r = s->disk->create(s->disk->context, g.name, &file);
	if (r)
		return r;
	buf_clear(&s->record);
	spool_put_header(&s->record, spool_active(s), s->next);
	r = s->record.error ? s->record.error : s->disk->append(s->disk->context, file, s->record.p, s->record.n);
	g.bytes = (int64_t)s->record.n;
	if (!r)
		r = spool_push_segment(s, &g);
	if (r) {
		s->disk->close(s->disk->context, file);
		s->disk->remove(s->disk->context, g.name);
		return r;
	}
	s->file = file;
	s->folder_unsynced = true;
	s->stats.bytes += g.bytes;
	return 0;
}

/* From here on the files are not what we think: nothing is accepted until they have been read anew. */
static void break_off(struct spool *s)
{
	spool_close_segment(s);
	s->stats.broken = true;
	s->next = s->synced_next;
}

static int append_record(struct spool *s, int64_t now_us)
{
	struct segment *g = &s->segments[s->n_segments - 1];
	int r = s->disk->append(s->disk->context, s->file, s->record.p, s->record.n);
	if (r) {
		if (s->disk->cut(s->disk->context, s->file, g->bytes))
			break_off(s);
		return r;
	}
	if (!g->n)
		g->first = s->next;
	g->last = s->next;
	g->n++;
	g->bytes += (int64_t)s->record.n;
	g->written_us = now_us;
	s->stats.bytes += (int64_t)s->record.n;
	return 0;
}

static bool is_full(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EFBIG;
}

static int make_room(struct spool *s, int64_t more)
{
	while (s->stats.bytes + more > s->config.max_bytes)
		if (!spool_drop_oldest(s))
			return -ENOSPC;
	return 0;
}

static int ready_segment(struct spool *s)
{
	if (s->file >= 0 && s->segments[s->n_segments - 1].bytes < s->config.segment_bytes)
		return 0;
	int r = spool_sync(s);
	if (r)
		return r;
	spool_close_segment(s);
	return begin_segment(s);
}

/* One try; the record is encoded last because begin_segment uses the same buffer. */
static int write_event(struct spool *s, const struct event *e, int64_t now_us)
{
	int r = ready_segment(s);
	if (r)
		return r;
	buf_clear(&s->record);
	r = spool_put_record(&s->record, s->next, now_us, e);
	if (!r)
		r = make_room(s, (int64_t)s->record.n);
	return r ? r : append_record(s, now_us);
}

int spool_add(struct spool *s, const struct event *e, int64_t now_us, struct spool_place *ret)
{
	if (s->stats.broken)
		return -EIO;
	int64_t known = find_recent(s, e->id);
	if (known) {
		*ret = spool_place_of(s, known);
		return 0;
	}
	int r = write_event(s, e, now_us);
	while (is_full(r) && !s->stats.broken && spool_drop_oldest(s))
		r = write_event(s, e, now_us);
	if (r)
		return is_full(r) ? -ENOSPC : r;
	spool_remember(s, e->id, s->next);
	if (e->kind == EVENT_TASK_RESULT && e->task_id > s->stats.last_task)
		s->stats.last_task = e->task_id;
	*ret = spool_place_of(s, s->next);
	s->next++;
	return 0;
}

int spool_sync(struct spool *s)
{
	if (s->stats.broken)
		return -EIO;
	if (s->next == s->synced_next)
		return 0;
	int r = s->disk->sync(s->disk->context, s->file);
	if (!r && s->folder_unsynced)
		r = s->disk->sync_folder(s->disk->context);
	if (r) {
		break_off(s);
		return r;
	}
	s->folder_unsynced = false;
	s->synced_next = s->next;
	return 0;
}

static int64_t count_waiting(const struct spool *s)
{
	int64_t n = 0;
	for (size_t i = 0; i < s->n_spans; i++)
		if (spool_span_end(s, i) > s->spans[i].acked)
			n += spool_span_end(s, i) - s->spans[i].acked;
	return n;
}

static int64_t oldest_waiting(struct spool *s)
{
	struct record r;
	struct event e;
	for (size_t i = 0; i < s->n_spans; i++)
		if (spool_first_at(s, s->spans[i].acked + 1, spool_span_end(s, i), &r) == 0 &&
		    spool_decode(&r, &e) == 0)
			return e.at_us;
	return 0;
}

void spool_get_stats(struct spool *s, struct spool_stats *ret)
{
	*ret = s->stats;
	ret->waiting = count_waiting(s);
	if (ret->waiting)
		ret->oldest_waiting_us = oldest_waiting(s);
}
