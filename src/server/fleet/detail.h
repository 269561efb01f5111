/* The JSON object of an audit entry or a decision's evidence. Keys are written in the order of the calls, which is the
 * alphabet's. */
#ifndef DETAIL_H
#define DETAIL_H

#include "buf.h"

#include <stdint.h>

enum { MAX_DETAIL = 16 * 1024 };

struct detail {
	struct buf b;
};
#define DETAIL_INIT ((struct detail){.b = BUF_INIT(MAX_DETAIL)})

void detail_text(struct detail *d, const char *key, const char *value); /* bytes that are no UTF-8 become "?" */
void detail_int(struct detail *d, const char *key, int64_t value);
void detail_hex(struct detail *d, const char *key, const void *p, size_t n); /* n <= 32 */
void detail_raw(struct detail *d, const char *key, const char *json);

/* The object's text, "{}" without members; valid until detail_release. NULL: it did not fit, or no memory
 * (detail_error). */
const char *detail_close(struct detail *d);
int detail_error(const struct detail *d);
void detail_release(struct detail *d);

#endif
