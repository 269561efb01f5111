/* The administrator's allow list: contents (by SHA-256) that are let be whatever the engines say, until a moment, for a
 * reason that somebody gave. One small file; whoever only asks "is this allowed?" reads its first part, which is a
 * sorted array:
 *
 *   8   "KHIENAL1"
 *   4   n, entries
 *   4   bytes of the texts behind them
 *   n × (32 SHA-256, 8 until_us)   sorted by SHA-256, each at most once; numbers little-endian
 *   the texts: for each entry, in the same order, what agent/act/allow.c writes (who, why, when)
 *
 * The file is replaced whole (a new inode), never changed in place: an open descriptor or a copy stays what it was. */
#ifndef ALLOW_SET_H
#define ALLOW_SET_H

#include "ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ALLOW_HEADER = 16,
	ALLOW_ENTRY = SHA256_BYTES + 8,
	MAX_ALLOWED = 10000,                       /* entries; a person decides on each */
	MAX_ALLOW_FILE = 16 + 10000 * (40 + 2048), /* bytes */
};

struct allow_set {
	size_t n;
	const unsigned char *entries; /* into the bytes given to allow_set_read */
};

/* What a person is told of an entry. */
struct allow_item {
	uint8_t sha256[SHA256_BYTES];
	int64_t until_us; /* clock_real_us; TIME_END: until further notice */
	int64_t added_us;
	const char *who;    /* "root", or the account at the centre; at most MAX_TEXT bytes */
	const char *reason; /* at most MAX_TEXT bytes */
};

/* Takes the file's bytes, which must outlive *ret. -EBADMSG: not such a file, or not the whole of it; then *ret is the
 * empty set, so that nothing is allowed. */
int allow_set_read(struct allow_set *ret, const void *p, size_t n);

/* True when the content is allowed at now_us. */
bool allow_set_has(const struct allow_set *s, const uint8_t sha256[SHA256_BYTES], int64_t now_us);

#endif
