#ifndef SPOOL_INT_H
#define SPOOL_INT_H

#include "buf.h"
#include "spool.h"

enum {
	SPOOL_HEADER = 48,
	SPOOL_RECORD_HEAD = 12,                                     /* magic, length, checksum */
	SPOOL_MAX_RECORD = MAX_IPC_MESSAGE,                         /* of the payload */
	SPOOL_MAX_SEGMENT = 4 * MAX_IPC_MESSAGE + SPOOL_MAX_RECORD, /* what the reader takes at once */
	SPOOL_RECENT = 1024,
};

/* A window on the positions. The next span begins where the centre's mark in this one ended. */
struct span {
	id16 id;
	int64_t first;       /* position of number 1 */
	int64_t born;        /* next position when it was opened: those before stood in the span before, too */
	int64_t acked;       /* position of the centre's mark; first - 1: nothing */
	uint8_t acked_id[8]; /* zeros: not known */
	bool silent;         /* another machine's: never named to the centre */
};

struct segment {
	int64_t first, last; /* positions of its first and last good record */
	int64_t n;           /* good records */
	int64_t bytes;       /* of the file */
	int64_t written_us;  /* of its last record */
	char name[24];
};

struct recent {
	uint8_t id[8];
	int64_t position; /* 0: empty */
};

struct spool {
	const struct spool_disk *disk;
	struct spool_config config;
	struct span spans[SPOOL_MAX_STREAMS];
	size_t n_spans;
	struct segment *segments; /* oldest first */
	size_t n_segments, cap_segments;
	int64_t next;        /* position of the next event */
	int64_t synced_next; /* positions below it are safe */

	int file; /* the last segment is being written; -1: none is */
	bool folder_unsynced;

	struct buf record;   /* one being written */
	struct buf loaded;   /* bytes of one segment, for reading */
	size_t loaded_index; /* which; meaningful while loaded.n > 0 */

	struct recent recent[SPOOL_RECENT];
	size_t recent_next;
	struct spool_stats stats; /* what is counted at opening */
};

/* One record as it lies in a segment's bytes. */
struct record {
	int64_t position, written_us;
	const unsigned char *event; /* by ipc_get_event */
	size_t event_bytes;
	size_t size; /* of the whole record */
};

/* spool_segment.c: the form on the disk */
uint32_t spool_crc(const void *p, size_t n);
void spool_put_header(struct buf *b, const struct span *span, int64_t first);
int spool_get_header(const void *p, size_t n, struct span *ret_span); /* id and first alone; -EBADMSG */
int spool_put_record(struct buf *b, int64_t position, int64_t now_us, const struct event *e);
/* The first good record at or behind *at whose position is at least `from`; *at is moved to its first byte. -ENOENT. */
int spool_find_record(const unsigned char *p, size_t n, size_t *at, int64_t from, struct record *ret);
int spool_decode(const struct record *r, struct event *ret);

/* spool_streams.c */
int spool_load_spans(struct spool *s); /* -ENOENT: no file; -EBADMSG */
int spool_save_spans(struct spool *s);
void spool_first_span(struct spool *s, int64_t first);
struct span *spool_active(struct spool *s);
int64_t spool_span_end(const struct spool *s, size_t i); /* the last synced position of a span */
const struct span *spool_span_of(const struct spool *s, int64_t position);
struct spool_place spool_place_of(const struct spool *s, int64_t position);
void spool_prune_spans(struct spool *s);
void spool_give_up(struct spool *s, size_t i, int64_t position); /* the mark moves without the centre's word */

/* spool_read.c */
int spool_load_segment(struct spool *s, size_t i);
int spool_id_at(struct spool *s, int64_t position, uint8_t ret[8]); /* -ENOENT: not kept, or not readable */
int spool_first_at(
    struct spool *s, int64_t from, int64_t end, struct record *ret); /* the first kept one in [from, end] */

/* spool.c */
int spool_push_segment(struct spool *s, const struct segment *g);
void spool_close_segment(struct spool *s);
bool spool_drop_oldest(struct spool *s);
void spool_remember(struct spool *s, const uint8_t id[8], int64_t position);

#endif
