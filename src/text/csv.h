/* CSV (RFC 4180) as a stream: fed in pieces of any size, tells each record as soon as its end is seen. Takes a byte
 * order mark, LF, CRLF and CR, quoted fields with line ends in them, a last line without its end. Empty lines are
 * skipped. Refuses, with line and column: bytes that are no UTF-8, NUL, a quote inside an unquoted field or text behind
 * a closing quote, a quote that is never closed, and what is longer than the bounds. */
#ifndef CSV_H
#define CSV_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

enum { CSV_MAX_COLUMNS = 64, CSV_MAX_FIELD = 4096, CSV_MAX_RECORD = 65536 };

/* fields[0 … n-1] end in NUL and live during the call. line: where the record begins, from 1. Non-zero stops the parser
 * and is returned; fill e with what is wrong. */
typedef int (*csv_record)(void *arg, int64_t line, size_t n, const char *const *fields, struct err *e);

struct csv;
int csv_new(struct csv **ret, char separator, csv_record fn, void *arg);
void csv_free(struct csv *c);
int csv_feed(struct csv *c, const void *p, size_t n, struct err *e);
int csv_finish(struct csv *c, struct err *e);

#endif
