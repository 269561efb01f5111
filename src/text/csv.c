#include "csv.h"
#include "buf.h"
#include "str.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum where {
	FIELD_START,
	UNQUOTED,
	QUOTED,
	QUOTE_SEEN, /* in a quoted field, behind a quote: its end, or the first half of a doubled one */
	FAILED,
};

struct csv {
	csv_record fn;
	void *arg;
	char separator;
	enum where where;
	bool after_cr;      /* a line feed now belongs to the line end before */
	bool record_begun;  /* something of the record was seen */
	unsigned mark_seen; /* bytes of a byte order mark at the very beginning; 4: past it */
	int64_t line, record_line;
	struct buf record; /* the fields so far, each with its NUL */
	size_t n, start[CSV_MAX_COLUMNS];
	struct buf head; /* the first record, for naming columns in errors */
	size_t n_head, head_start[CSV_MAX_COLUMNS];
	struct err failed;
};

int csv_new(struct csv **ret, char separator, csv_record fn, void *arg)
{
	struct csv *c = calloc(1, sizeof *c);
	if (c == NULL)
		return -ENOMEM;
	*c = (struct csv){.fn = fn,
	    .arg = arg,
	    .separator = separator,
	    .line = 1,
	    .record_line = 1,
	    .record = BUF_INIT(CSV_MAX_RECORD),
	    .head = BUF_INIT(CSV_MAX_RECORD)};
	*ret = c;
	return 0;
}

void csv_free(struct csv *c)
{
	if (c == NULL)
		return;
	buf_release(&c->record);
	buf_release(&c->head);
	free(c);
}

static int fail(struct csv *c, int code, const char *what)
{
	/* the one column that is too many has no name, however long the head */
	if (c->n < CSV_MAX_COLUMNS && c->n < c->n_head)
		err_set(&c->failed, code, "line %lld, column %zu (%.64s): %s", (long long)c->line, c->n + 1,
		    buf_str(&c->head) + c->head_start[c->n], what);
	else
		err_set(&c->failed, code, "line %lld, column %zu: %s", (long long)c->line, c->n + 1, what);
	c->where = FAILED;
	return code;
}

static int begin_field(struct csv *c)
{
	if (c->n == CSV_MAX_COLUMNS)
		return fail(c, -EMSGSIZE, "too many columns");
	c->start[c->n] = c->record.n;
	c->record_begun = true;
	return 0;
}

static int add(struct csv *c, char byte)
{
	if (byte == 0)
		return fail(c, -EILSEQ, "a NUL byte");
	if (c->record.n - c->start[c->n] >= CSV_MAX_FIELD)
		return fail(c, -EMSGSIZE, "longer than 4096 bytes");
	int r = buf_addc(&c->record, byte);
	return r == 0 ? 0 : fail(c, r, r == -ENOMEM ? "out of memory" : "the record is longer than 65536 bytes");
}

static int end_field(struct csv *c)
{
	size_t begin = c->start[c->n];
	if (!utf8_valid(buf_str(&c->record) + begin, c->record.n - begin))
		return fail(c, -EILSEQ, "not UTF-8");
	int r = buf_add(&c->record, "", 1);
	if (r)
		return fail(c, r, r == -ENOMEM ? "out of memory" : "the record is longer than 65536 bytes");
	c->n++;
	c->where = FIELD_START;
	return 0;
}

static int keep_head(struct csv *c)
{
	int r = buf_add(&c->head, buf_str(&c->record), c->record.n);
	if (r)
		return fail(c, r, "out of memory");
	memcpy(c->head_start, c->start, sizeof c->head_start);
	c->n_head = c->n;
	return 0;
}

static int end_record(struct csv *c)
{
	const char *fields[CSV_MAX_COLUMNS];
	int r = end_field(c);
	if (r == 0 && c->n_head == 0)
		r = keep_head(c);
	if (r)
		return r;
	for (size_t i = 0; i < c->n; i++)
		fields[i] = buf_str(&c->record) + c->start[i];
	r = c->fn(c->arg, c->record_line, c->n, fields, &c->failed);
	if (r) {
		err_set(&c->failed, r, "line %lld: refused", (long long)c->record_line);
		c->where = FAILED;
		return r;
	}
	buf_clear(&c->record);
	c->n = 0;
	c->record_begun = false;
	return 0;
}

/* A line end outside quotes; an empty line is no record. */
static int end_line(struct csv *c)
{
	int r = 0;
	if (c->where != FIELD_START || c->record_begun) {
		if (c->where == FIELD_START)
			r = begin_field(c);
		if (r == 0)
			r = end_record(c);
	}
	return r;
}

static void count_line(struct csv *c, char byte)
{
	if (byte == '\r' || (byte == '\n' && !c->after_cr))
		c->line++;
	c->after_cr = byte == '\r';
}

static int take_quoted(struct csv *c, char byte)
{
	if (byte == '"') {
		c->where = QUOTE_SEEN;
		return 0;
	}
	return add(c, byte);
}

static int take_outside(struct csv *c, char byte)
{
	int r = 0;
	if (byte == '\r' || byte == '\n')
		return byte == '\n' && c->after_cr ? 0 : end_line(c);
	if (c->where == FIELD_START) {
		r = begin_field(c);
		if (r)
			return r;
		c->where = byte == '"' ? QUOTED : UNQUOTED;
		if (byte == '"')
			return 0;
	}
	if (byte == c->separator)
		return end_field(c);
	if (c->where == QUOTE_SEEN) {
		if (byte != '"')
			return fail(c, -EINVAL, "text behind the closing quote");
		c->where = QUOTED;
		return add(c, byte);
	}
	return byte == '"' ? fail(c, -EINVAL, "a quote inside an unquoted field") : add(c, byte);
}

static int take(struct csv *c, char byte)
{
	bool begins = c->where == FIELD_START && !c->record_begun;
	if (begins)
		c->record_line = c->line;
	int r = c->where == QUOTED ? take_quoted(c, byte) : take_outside(c, byte);
	count_line(c, byte);
	return r;
}

/* The byte order mark is skipped; a beginning that only looks like one goes on as text. */
static int take_first(struct csv *c, char byte)
{
	static const char mark[] = "\xef\xbb\xbf";
	unsigned seen = c->mark_seen;
	int r = 0;
	if (byte == mark[seen]) {
		c->mark_seen = seen == 2 ? 4 : seen + 1;
		return 0;
	}
	c->mark_seen = 4;
	for (unsigned i = 0; i < seen && r == 0; i++)
		r = take(c, mark[i]);
	return r ? r : take(c, byte);
}

static int report(struct csv *c, struct err *e)
{
	return err_set(e, c->failed.code, "%s", c->failed.text);
}

int csv_feed(struct csv *c, const void *p, size_t n, struct err *e)
{
	const char *bytes = p;
	for (size_t i = 0; i < n && c->where != FAILED; i++) {
		if (c->mark_seen < 4)
			take_first(c, bytes[i]);
		else
			take(c, bytes[i]);
	}
	return c->where == FAILED ? report(c, e) : 0;
}

int csv_finish(struct csv *c, struct err *e)
{
	if (c->where == QUOTED)
		fail(c, -EINVAL, "the quote is never closed");
	else if (c->where != FAILED && c->mark_seen > 0 && c->mark_seen < 4)
		fail(c, -EILSEQ, "not UTF-8");
	else if (c->where != FAILED)
		end_line(c);
	return c->where == FAILED ? report(c, e) : 0;
}
