/* The spool: where events wait, on the disk, until the centre says that they are durable.
 *
 * What holds:
 *  1. After spool_sync has returned 0, every event added before is found again after a kill, a reboot or a power loss.
 *  2. Only synced events are ever given out to be sent: a number that the centre has seen is never used for another
 * event.
 *  3. What is not acknowledged is never dropped. Full (the bound, or the disk) means that a new event is refused.
 *  4. What is acknowledged is kept for a while, so that a centre that was restored from a backup can be told again; it
 * goes first when room is needed.
 *
 * On the disk an event has a position, which rises for ever and is never used twice. A stream is a window on the
 * positions: (random id, first position), and its numbers are counted from there. A new stream is therefore one small
 * file replaced, whatever waits; nothing is copied. Segments hold the records; a new one is begun at each opening, so
 * that no file is ever appended to behind bytes of unknown worth. A record carries its position and a checksum; the
 * reader finds the next good record behind a bad stretch, and what is missing between two is reported. Bytes behind the
 * last good record of a segment are a torn write that nobody got a receipt for: they do not count.
 *
 * Not thread-safe. */
#ifndef SPOOL_H
#define SPOOL_H

#include "bounds.h"
#include "event.h"
#include "ids.h"
#include "spool_disk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;

struct spool_config {
	int64_t max_bytes;     /* of all segments; a new event that would pass it is refused */
	int64_t keep_us;       /* how long an acknowledged event stays: 30 days */
	int64_t segment_bytes; /* a new segment is begun beyond it; 256 KiB keeps reading cheap and dropping fine */
};

/* Where an event stands. */
struct spool_place {
	id16 stream;
	int64_t seq;
};

struct spool_stats {
	int64_t waiting;           /* not acknowledged */
	int64_t oldest_waiting_us; /* at_us of the oldest of them; 0: none */
	int64_t bytes;
	int64_t missing;    /* numbers among the kept ones that cannot be read any more and were not acknowledged */
	int64_t torn_bytes; /* unfinished writes found at opening */
	int64_t last_task;  /* highest task among the results that are here; 0: none */
	bool broken;        /* the disk failed: nothing is accepted until the spool is opened anew */
};

/* `disk` must outlive the spool. 0, or a negative errno: then there is no spool and no event may be accepted. */
int spool_open(const struct spool_disk *disk, const struct spool_config *config, struct spool **ret);
void spool_free(struct spool *s); /* takes NULL; does not sync */

/* Writes the event, not yet safe: no receipt before spool_sync. An event whose id is among the last 1000 has been here:
 * it is not written again and *ret is its place. -ENOSPC: full; -EMSGSIZE; -EIO: broken. */
int spool_add(struct spool *s, const struct event *e, int64_t now_us, struct spool_place *ret);

/* Makes all that was added safe. After a failure none of what was added since the last success may get a receipt (it
 * may reach the centre all the same), and the spool is broken. */
int spool_sync(struct spool *s);

/* Reads the oldest waiting event: not for each round of a loop. */
void spool_get_stats(struct spool *s, struct spool_stats *ret);

/* Streams, oldest first; the last one is where new events go. */
enum { SPOOL_MAX_STREAMS = MAX_SYNC_STREAMS };
struct spool_stream {
	id16 id;
	int64_t last;  /* the last number that is synced */
	int64_t acked; /* the centre's mark, as far as we know */
};
size_t spool_streams(const struct spool *s, struct spool_stream ret[SPOOL_MAX_STREAMS]);

/* The centre says that its mark in `stream` is hwm and that the event there has the id hwm_id (hwm 0: nothing yet).
 * Also when it acknowledges. SPOOL_AGREED: the mark is taken over, also when it is lower than ours was (a restored
 * centre: what is kept behind it is sent again). SPOOL_NEW_STREAM: the centre knows things of this stream that we do
 * not (a restored snapshot of this machine, a reinstalled one): a new stream has been opened for all that is not
 * acknowledged. */
enum spool_verdict { SPOOL_AGREED, SPOOL_NEW_STREAM };
int spool_heard(struct spool *s, id16 stream, int64_t hwm, const uint8_t hwm_id[8], enum spool_verdict *ret);

/* Opens a new stream for all that the newest one has not got acknowledged. SPOOL_OTHER_MACHINE: the streams so far
 * belong, for the centre, to somebody else (this one was a copy): they are never named again, except as the place where
 * an event stood. */
enum spool_owner { SPOOL_SAME_MACHINE, SPOOL_OTHER_MACHINE };
int spool_new_stream(struct spool *s, enum spool_owner owner);

/* The next events of `stream` behind its mark, in order and without a gap between them. */
struct spool_batch {
	id16 stream;
	int64_t first;      /* number of events[0] */
	int64_t floor;      /* lowest number still kept; `first` when something before it is missing */
	uint8_t prev_id[8]; /* id of number first - 1; zeros for number 1 and when it is not kept */
	size_t n;
	struct event events[MAX_BATCH_EVENTS]; /* with seq and was; point into the spool, valid until its next call */
};
/* -ENOENT when nothing waits there. At least one event, then as long as their size stays within max_bytes. */
int spool_next(struct spool *s, id16 stream, size_t max_events, size_t max_bytes, struct spool_batch *ret);

/* Removes acknowledged segments that are older than keep_us. */
void spool_expire(struct spool *s, int64_t now_us);

#endif
