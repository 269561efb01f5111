#include "spool_int.h"
#include "ipc.h"
#include "rnd.h"

#include <errno.h>
#include <string.h>

static const char file_name[] = "streams";
enum { MAX_FILE = 64 + SPOOL_MAX_STREAMS * 64, FILE_VERSION = 1 };

struct span *spool_active(struct spool *s)
{
	return &s->spans[s->n_spans - 1];
}

/* The file: u16 version, u8 n, n × (id, first, born, acked, id at acked, silent), u32 CRC. Reader below. */
int spool_save_spans(struct spool *s)
{
	struct buf b = BUF_INIT(MAX_FILE);
	ipc_begin(&b, FILE_VERSION);
	ipc_put_u8(&b, (uint8_t)s->n_spans);
	for (size_t i = 0; i < s->n_spans; i++) {
		ipc_put_id(&b, s->spans[i].id);
		ipc_put_i64(&b, s->spans[i].first);
		ipc_put_i64(&b, s->spans[i].born);
		ipc_put_i64(&b, s->spans[i].acked);
		ipc_put_fixed(&b, s->spans[i].acked_id, 8);
		ipc_put_bool(&b, s->spans[i].silent);
	}
	ipc_put_u32(&b, b.error ? 0 : spool_crc(b.p, b.n));
	int r = b.error ? b.error : s->disk->replace(s->disk->context, file_name, b.p, b.n);
	buf_release(&b);
	return r;
}

static bool span_is_sane(const struct span *v, const struct span *before)
{
	if (v->first < 1 || v->born < v->first || v->acked < v->first - 1 || v->born > INT64_MAX / 2 ||
	    v->acked > INT64_MAX / 2)
		return false;
	return !before || v->first >= before->first;
}

static int parse_spans(struct spool *s, const struct buf *b)
{
	struct ipc_reader r;
	uint16_t version;
	if (b->n < 4 || ipc_open(&r, b->p, b->n - 4, &version) || version != FILE_VERSION)
		return -EBADMSG;
	struct ipc_reader tail = {.p = (const unsigned char *)b->p + b->n - 4, .n = 4};
	if (ipc_get_u32(&tail) != spool_crc(b->p, b->n - 4))
		return -EBADMSG;
	size_t n = ipc_get_enum(&r, SPOOL_MAX_STREAMS + 1);
	for (size_t i = 0; i < n; i++) {
		struct span *v = &s->spans[i];
		v->id = ipc_get_id(&r);
		v->first = ipc_get_i64(&r);
		v->born = ipc_get_i64(&r);
		v->acked = ipc_get_i64(&r);
		ipc_get_fixed(&r, v->acked_id, 8);
		v->silent = ipc_get_bool(&r);
		if (!span_is_sane(v, i ? v - 1 : NULL))
			return -EBADMSG;
	}
	if (ipc_end(&r) || !n)
		return -EBADMSG;
	s->n_spans = n;
	return 0;
}

int spool_load_spans(struct spool *s)
{
	struct buf b = BUF_INIT(MAX_FILE);
	int r = s->disk->read(s->disk->context, file_name, &b);
	if (!r)
		r = parse_spans(s, &b);
	else if (r == -EMSGSIZE)
		r = -EBADMSG;
	buf_release(&b);
	return r;
}

void spool_first_span(struct spool *s, int64_t first)
{
	s->n_spans = 1;
	s->spans[0] = (struct span){.first = first, .born = first, .acked = first - 1};
	rnd_bytes(s->spans[0].id.b, ID_BYTES);
}

int64_t spool_span_end(const struct spool *s, size_t i)
{
	return i + 1 < s->n_spans ? s->spans[i + 1].first - 1 : s->synced_next - 1;
}

const struct span *spool_span_of(const struct spool *s, int64_t position)
{
	size_t i = s->n_spans - 1;
	while (i && s->spans[i].first > position)
		i--;
	return &s->spans[i];
}

struct spool_place spool_place_of(const struct spool *s, int64_t position)
{
	const struct span *v = spool_span_of(s, position);
	return (struct spool_place){v->id, position - v->first + 1};
}

size_t spool_streams(const struct spool *s, struct spool_stream ret[SPOOL_MAX_STREAMS])
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_spans; i++) {
		const struct span *v = &s->spans[i];
		if (!v->silent)
			ret[n++] = (struct spool_stream){
			    v->id, spool_span_end(s, i) - v->first + 1, v->acked - v->first + 1};
	}
	return n;
}

/* A span goes when nothing is kept any more that was born in it: until then it may be the first place of an event that
 * moved on to a later stream. */
void spool_prune_spans(struct spool *s)
{
	int64_t kept = s->n_segments ? s->segments[0].first : s->next;
	size_t gone = 0;
	while (gone + 1 < s->n_spans && s->spans[gone + 1].born <= kept)
		gone++;
	memmove(s->spans, s->spans + gone, (s->n_spans - gone) * sizeof *s->spans);
	s->n_spans -= gone;
}

/* Room for one more: an old span whose events are acknowledged, the moved ones too, loses only the chance to be sent
 * again. */
static int make_room(struct spool *s)
{
	spool_prune_spans(s);
	if (s->n_spans < SPOOL_MAX_STREAMS)
		return 0;
	if (s->spans[0].acked < spool_span_end(s, 0) || spool_active(s)->acked + 1 < s->spans[1].born)
		return -ENOSPC;
	s->n_spans--;
	memmove(s->spans, s->spans + 1, s->n_spans * sizeof *s->spans);
	return 0;
}

static void silence_all_but_newest(struct spool *s)
{
	for (size_t i = 0; i + 1 < s->n_spans; i++) {
		s->spans[i].silent = true;
		s->spans[i].acked = spool_span_end(s, i);
	}
}

/* Nothing was born in the newest one, and nothing of it was acknowledged: its window may have another name. */
static int open_span(struct spool *s)
{
	struct span *v = spool_active(s);
	if (v->born == s->next && v->acked == v->first - 1) {
		rnd_bytes(v->id.b, ID_BYTES);
		return 0;
	}
	int r = make_room(s);
	if (r)
		return r;
	int64_t first = spool_active(s)->acked + 1;
	s->n_spans++;
	*spool_active(s) = (struct span){.first = first, .born = s->next, .acked = first - 1};
	rnd_bytes(spool_active(s)->id.b, ID_BYTES);
	return 0;
}

int spool_new_stream(struct spool *s, enum spool_owner owner)
{
	struct span before[SPOOL_MAX_STREAMS];
	size_t n_before = s->n_spans;
	int r = spool_sync(s);
	if (r)
		return r;
	memcpy(before, s->spans, sizeof before);
	r = open_span(s);
	if (!r) {
		if (owner == SPOOL_OTHER_MACHINE)
			silence_all_but_newest(s);
		r = spool_save_spans(s);
	}
	if (r) {
		memcpy(s->spans, before, sizeof before);
		s->n_spans = n_before;
	} else {
		spool_close_segment(s); /* the next one's header will name the new stream */
	}
	return r;
}

/* Has the centre another event at `position` than we have? What we cannot read any more does not count against it. */
static bool disagrees(struct spool *s, const struct span *v, int64_t position, const uint8_t id[8])
{
	static const uint8_t unknown[8];
	uint8_t ours[8];
	if (position < v->first)
		return false;
	if (position == v->acked && memcmp(v->acked_id, unknown, 8) != 0)
		return memcmp(v->acked_id, id, 8) != 0;
	return spool_id_at(s, position, ours) == 0 && memcmp(ours, id, 8) != 0;
}

/* A mark that cannot be saved is no loss: the centre will tell it again. */
static void take_mark(struct spool *s, struct span *v, int64_t position, const uint8_t id[8])
{
	if (position == v->acked)
		return;
	v->acked = position;
	memcpy(v->acked_id, id, 8);
	spool_save_spans(s);
}

void spool_give_up(struct spool *s, size_t i, int64_t position)
{
	static const uint8_t unknown[8];
	take_mark(s, &s->spans[i], position, unknown);
}

int spool_heard(struct spool *s, id16 stream, int64_t hwm, const uint8_t hwm_id[8], enum spool_verdict *ret)
{
	size_t i = 0;
	while (i < s->n_spans && memcmp(s->spans[i].id.b, stream.b, ID_BYTES) != 0)
		i++;
	*ret = SPOOL_AGREED;
	if (i < s->n_spans && s->spans[i].silent)
		return 0;
	if (i == s->n_spans || hwm < 0 || hwm > INT64_MAX / 4)
		return -EINVAL;
	struct span *v = &s->spans[i];
	int64_t position = v->first + hwm - 1, end = spool_span_end(s, i);
	bool newest = i + 1 == s->n_spans;
	bool fork = position > end || disagrees(s, v, position, hwm_id);
	if (fork && newest) {
		*ret = SPOOL_NEW_STREAM;
		return spool_new_stream(s, SPOOL_SAME_MACHINE);
	}
	if (fork) /* what was left of an old stream was acknowledged before it was left */
		position = end;
	take_mark(s, v, position, hwm_id);
	return 0;
}
