/* Small typed messages between processes of one host. A message is a type and fields in a fixed order: the writer of
 * each message stands beside its reader, and both sides are built from one tree, so that there are no names, no
 * versions of fields and no JSON. All numbers are little-endian.
 *
 * Writing: ipc_begin, ipc_put_… into a struct buf (BUF_INIT(MAX_IPC_MESSAGE)); a failure sticks in the buffer and is
 * found by whoever sends it.
 * Reading: ipc_get_… from a struct ipc_reader; a failure sticks too: every getter then gives zero, "" or nothing, and
 * ipc_end tells. What is read is not to be acted on before ipc_end has returned 0. */
#ifndef IPC_H
#define IPC_H

#include "buf.h"
#include "ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipc_reader {
	const unsigned char *p;
	size_t n;
	int error; /* 0 or -EBADMSG */
};

void ipc_begin(struct buf *m, uint16_t type); /* clears m */
void ipc_put_u8(struct buf *m, uint8_t v);
void ipc_put_bool(struct buf *m, bool v);
void ipc_put_u32(struct buf *m, uint32_t v);
void ipc_put_i64(struct buf *m, int64_t v);
void ipc_put_fixed(struct buf *m, const void *p, size_t n); /* both sides know n: ids, digests, keys */
void ipc_put_id(struct buf *m, id16 v);
void ipc_put_bytes(struct buf *m, const void *p, size_t n);
void ipc_put_text(struct buf *m, const char *s); /* UTF-8; NULL is written as "" */

/* Takes the type off; -EBADMSG for less than a type. */
int ipc_open(struct ipc_reader *r, const void *p, size_t n, uint16_t *ret_type);
uint8_t ipc_get_u8(struct ipc_reader *r);
bool ipc_get_bool(struct ipc_reader *r);
uint32_t ipc_get_u32(struct ipc_reader *r);
int64_t ipc_get_i64(struct ipc_reader *r);
void ipc_get_fixed(struct ipc_reader *r, void *dst, size_t n); /* zeros after a failure */
id16 ipc_get_id(struct ipc_reader *r);
/* Point into the message and live as long as it does. `max` bytes at most, else a failure. A text is UTF-8 without a
 * NUL inside, and ends in one. */
const void *ipc_get_bytes(struct ipc_reader *r, size_t max, size_t *ret_n);
const char *ipc_get_text(struct ipc_reader *r, size_t max);
/* A value of an enum, 0 <= v < end. */
unsigned ipc_get_enum(struct ipc_reader *r, unsigned end);
/* 0 when nothing failed and nothing is left over, else -EBADMSG. */
int ipc_end(const struct ipc_reader *r);

#endif
