#include "spool_int.h"
#include "ipc_model.h"

#include <errno.h>
#include <string.h>

/* A segment: header, then records.
 *   header   "KHSPOOL1", id and first position of the stream that was written to, first position, CRC of these, 4 zeros
 *   record   "KREC", u32 length of the payload, u32 CRC over length and payload, payload
 *   payload  i64 position, i64 when it was written, the event as ipc_put_event has it
 * The header's stream serves only when the file of streams is lost. */
static const char segment_magic[8] = "KHSPOOL1";
static const char record_magic[4] = "KREC";

/* CRC-32C: finds what disks do to bytes. Nobody hostile writes here; who could, could as well not report. */
static uint32_t crc_table[256];

static void fill_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
		crc_table[i] = c;
	}
}

uint32_t spool_crc(const void *p, size_t n)
{
	if (!crc_table[1])
		fill_crc_table();
	uint32_t c = ~0u;
	for (const unsigned char *q = p; n--; q++)
		c = crc_table[(c ^ *q) & 255] ^ c >> 8;
	return ~c;
}

void spool_put_header(struct buf *b, const struct span *span, int64_t first)
{
	buf_add(b, segment_magic, sizeof segment_magic);
	ipc_put_id(b, span->id);
	ipc_put_i64(b, span->first);
	ipc_put_i64(b, first);
	ipc_put_u32(b, spool_crc(b->p, b->n));
	ipc_put_u32(b, 0);
}

int spool_get_header(const void *p, size_t n, struct span *ret_span)
{
	struct ipc_reader r = {.p = p, .n = n < SPOOL_HEADER ? n : SPOOL_HEADER};
	char magic[8];
	ipc_get_fixed(&r, magic, sizeof magic);
	struct span span = {.id = ipc_get_id(&r), .first = ipc_get_i64(&r)};
	ipc_get_i64(&r);
	uint32_t crc = ipc_get_u32(&r);
	ipc_get_u32(&r);
	if (ipc_end(&r) || memcmp(magic, segment_magic, 8) || crc != spool_crc(p, SPOOL_HEADER - 8) || span.first < 1)
		return -EBADMSG;
	*ret_span = span;
	return 0;
}

static void set_u32(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> 8 * i);
}

int spool_put_record(struct buf *b, int64_t position, int64_t now_us, const struct event *e)
{
	size_t start = b->n;
	buf_add(b, record_magic, sizeof record_magic);
	ipc_put_u32(b, 0);
	ipc_put_u32(b, 0);
	ipc_put_i64(b, position);
	ipc_put_i64(b, now_us);
	ipc_put_event(b, e);
	if (b->error)
		return b->error;
	size_t payload = b->n - start - SPOOL_RECORD_HEAD;
	if (payload > SPOOL_MAX_RECORD)
		return -EMSGSIZE;
	char *head = b->p + start;
	set_u32(head + 4, (uint32_t)payload);
	set_u32(head + 8, (uint32_t)payload ^ spool_crc(head + SPOOL_RECORD_HEAD, payload));
	return 0;
}

int spool_decode(const struct record *r, struct event *ret)
{
	struct ipc_reader in = {.p = r->event, .n = r->event_bytes};
	struct event e;
	ipc_get_event(&in, &e);
	if (ipc_end(&in))
		return -EBADMSG;
	*ret = e;
	return 0;
}

/* Whole, unharmed, and in words that we know. */
static bool good_record(const unsigned char *p, size_t n, struct record *ret)
{
	struct ipc_reader r = {.p = p, .n = n};
	char magic[4];
	ipc_get_fixed(&r, magic, sizeof magic);
	uint32_t length = ipc_get_u32(&r), crc = ipc_get_u32(&r);
	if (r.error || memcmp(magic, record_magic, 4) || length < 16 || length > SPOOL_MAX_RECORD || length > r.n)
		return false;
	if (crc != (length ^ spool_crc(r.p, length)))
		return false;
	struct record found = {.size = SPOOL_RECORD_HEAD + length, .event_bytes = length - 16};
	struct event e;
	found.position = ipc_get_i64(&r);
	found.written_us = ipc_get_i64(&r);
	found.event = r.p;
	if (found.position < 1 || found.position >= INT64_MAX / 2 || spool_decode(&found, &e))
		return false;
	*ret = found;
	return true;
}

int spool_find_record(const unsigned char *p, size_t n, size_t *at, int64_t from, struct record *ret)
{
	size_t i = *at;
	while (i < n && n - i >= SPOOL_RECORD_HEAD) {
		struct record r;
		if (!good_record(p + i, n - i, &r)) {
			const unsigned char *k = memchr(p + i + 1, record_magic[0], n - i - 1);
			i = k ? (size_t)(k - p) : n;
		} else if (r.position < from) {
			i += r.size;
		} else {
			*at = i;
			*ret = r;
			return 0;
		}
	}
	return -ENOENT;
}
