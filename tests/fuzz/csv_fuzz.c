/* Any bytes as a list: read whole and read in pieces they say the same, and a list of units is right or has its error.
 */
#include "buf.h"
#include "csv.h"
#include "unit_import.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int take(void *arg, int64_t line, size_t n, const char *const *fields, struct err *e)
{
	struct buf *b = arg;
	(void)e;
	buf_addf(b, "%lld:", (long long)line);
	for (size_t i = 0; i < n; i++) {
		buf_adds(b, fields[i]);
		buf_addc(b, '\x1f');
	}
	return 0;
}

static int read_all(const uint8_t *data, size_t n, size_t piece, struct buf *b, struct err *e)
{
	struct csv *c;
	int r = csv_new(&c, ',', take, b);
	if (r)
		abort();
	for (size_t at = 0; at < n && r == 0; at += piece)
		r = csv_feed(c, data + at, piece < n - at ? piece : n - at, e);
	if (r == 0)
		r = csv_finish(c, e);
	csv_free(c);
	return r;
}

static void read_units(const uint8_t *data, size_t n, enum import_kind kind)
{
	struct unit_import *i;
	struct err e = {0};
	if (unit_import_new(&i, kind))
		abort();
	int r = unit_import_feed(i, data, n, &e);
	if (r == 0)
		r = unit_import_finish(i, &e);
	if (r && e.text[0] == 0)
		abort();
	unit_import_free(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT(1 << 24), pieces = BUF_INIT(1 << 24);
	struct err e = {0}, f = {0};
	if (n < 1)
		return 0;
	size_t piece = 1 + data[0] % 7;
	int r = read_all(data + 1, n - 1, n, &whole, &e), s = read_all(data + 1, n - 1, piece, &pieces, &f);
	if (r != s || strcmp(e.text, f.text) != 0 || strcmp(buf_str(&whole), buf_str(&pieces)) != 0)
		abort();
	read_units(data + 1, n - 1, (enum import_kind)(data[0] % 3));
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
