#include "spool_int.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct segment *)a)->name, ((const struct segment *)b)->name);
}

static bool is_segment_name(const char *name)
{
	return strlen(name) == 20 && strspn(name, "0123456789abcdef") == 16 && strcmp(name + 16, ".seg") == 0;
}

static int note_file(void *arg, const char *name)
{
	struct segment g = {0};
	if (!is_segment_name(name))
		return 0;
	str_copy(g.name, sizeof g.name, name);
	return spool_push_segment(arg, &g);
}

static void note_record(struct spool *s, struct segment *g, const struct record *r, const struct event *e)
{
	if (!g->n)
		g->first = r->position;
	g->last = r->position;
	g->n++;
	g->written_us = r->written_us;
	spool_remember(s, e->id, r->position);
	if (e->kind == EVENT_TASK_RESULT && e->task_id > s->stats.last_task)
		s->stats.last_task = e->task_id;
	s->next = r->position + 1;
}

/* Positions rise: one that does not was written by a process that could not tell whether its write had come through,
 * and a later one took its number. */
static void scan_segment(struct spool *s, struct segment *g)
{
	const unsigned char *p = (unsigned char *)s->loaded.p;
	size_t at = s->loaded.n < SPOOL_HEADER ? 0 : SPOOL_HEADER, good_end = at;
	int64_t named = (int64_t)strtoull(g->name, NULL, 16), from = s->next > named ? s->next : named;
	struct record r;
	struct event e;
	for (; spool_find_record(p, s->loaded.n, &at, from, &r) == 0; from = s->next) {
		at += r.size;
		good_end = at;
		if (spool_decode(&r, &e) == 0) /* always so: spool_find_record finds no other ones */
			note_record(s, g, &r, &e);
	}
	g->bytes = (int64_t)s->loaded.n;
	s->stats.torn_bytes += (int64_t)(s->loaded.n - good_end);
	s->stats.bytes += g->bytes;
}

/* A segment without one good record is of no use to anybody. */
static int scan_all(struct spool *s, struct span *ret_newest)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_segments; i++) {
		struct segment g = s->segments[i];
		buf_clear(&s->loaded);
		int r = s->disk->read(s->disk->context, g.name, &s->loaded);
		if (r && r != -EMSGSIZE)
			return r;
		spool_get_header(s->loaded.p, s->loaded.n, ret_newest);
		scan_segment(s, &g);
		if (g.n) {
			s->segments[n++] = g;
		} else {
			s->stats.bytes -= g.bytes;
			s->disk->remove(s->disk->context, g.name);
		}
	}
	s->n_segments = n;
	buf_release(&s->loaded);
	return 0;
}

/* Without its file the stream is known from the newest segment, and its mark from the centre's next answer. */
static int settle_spans(struct spool *s, int loaded, const struct span *newest)
{
	int64_t kept = s->n_segments ? s->segments[0].first : s->next;
	if (loaded == 0)
		return 0;
	spool_first_span(s, kept);
	if (newest->first) {
		s->spans[0].id = newest->id;
		s->spans[0].first = s->spans[0].born = newest->first;
		s->spans[0].acked = (kept < newest->first ? newest->first : kept) - 1;
	}
	return spool_save_spans(s);
}

static void count_missing(struct spool *s)
{
	int64_t expected = s->n_segments ? s->segments[0].first : s->next;
	for (size_t i = 0; i < s->n_segments; i++) {
		const struct segment *g = &s->segments[i];
		int64_t gap = g->first - expected + (g->last - g->first + 1 - g->n);
		if (gap > 0 && g->last > spool_span_of(s, g->last)->acked)
			s->stats.missing += gap;
		expected = g->last + 1;
	}
}

/* Whoever was killed between writing and syncing has left bytes that a power loss would still take; nothing may be sent
 * before that is over. Segments before the last one were synced when they were left. */
static int settle_last(struct spool *s)
{
	if (!s->n_segments)
		return 0;
	int r = s->disk->settle(s->disk->context, s->segments[s->n_segments - 1].name);
	return r ? r : s->disk->sync_folder(s->disk->context);
}

static int read_all(struct spool *s)
{
	struct span newest = {0};
	int loaded = spool_load_spans(s);
	if (loaded && loaded != -ENOENT && loaded != -EBADMSG)
		return loaded;
	int r = s->disk->list(s->disk->context, note_file, s);
	if (r)
		return r;
	if (s->n_segments)
		qsort(s->segments, s->n_segments, sizeof *s->segments, by_name);
	r = scan_all(s, &newest);
	if (!r)
		r = settle_spans(s, loaded, &newest);
	if (r)
		return r;
	if (s->next <= spool_active(s)->acked)
		s->next = spool_active(s)->acked + 1;
	s->synced_next = s->next;
	count_missing(s);
	return settle_last(s);
}

int spool_open(const struct spool_disk *disk, const struct spool_config *config, struct spool **ret)
{
	struct spool *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->disk = disk;
	s->config = *config;
	if (s->config.segment_bytes > 4 * MAX_IPC_MESSAGE)
		s->config.segment_bytes = 4 * MAX_IPC_MESSAGE;
	if (s->config.segment_bytes > config->max_bytes / 4) /* else there is nothing to drop when it is full */
		s->config.segment_bytes = config->max_bytes / 4;
	s->file = -1;
	s->next = 1;
	s->record = BUF_INIT(SPOOL_MAX_RECORD + SPOOL_RECORD_HEAD + SPOOL_HEADER);
	s->loaded = BUF_INIT(SPOOL_MAX_SEGMENT + SPOOL_HEADER);
	int r = read_all(s);
	if (r) {
		spool_free(s);
		return r;
	}
	*ret = s;
	return 0;
}
