#include "cli_table.h"

#include "buf.h"
#include "cli_units.h"
#include "day.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CELL = 1 << 20, MAX_COLUMNS = 24 };

static const json_t *look_up(const json_t *row, const char *key)
{
	char part[64];

	while (*key && row) {
		size_t n = strcspn(key, ".");
		(void)snprintf(part, sizeof part, "%.*s", (int)n, key);
		row = json_object_get(row, part);
		key += n + (key[n] == '.');
	}
	return row;
}

/* "2022-05-12T16:59:59.999999Z" as "2022-05-12 23:59:59" in Vietnam's time, which is what people here read. */
static void add_time(struct buf *b, const char *iso)
{
	char day[DAY_TEXT];
	int64_t us;

	if (instant_parse(iso, &us)) {
		(void)buf_adds(b, iso);
		return;
	}
	int64_t s = (us - day_first_us(day_of(us))) / 1000000;
	day_iso(day_of(us), day);
	(void)buf_addf(b, "%s %02d:%02d:%02d", day, (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

static void add_list(struct buf *b, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		if (i)
			(void)buf_adds(b, ", ");
		if (json_is_string(v))
			(void)buf_adds(b, json_string_value(v));
		else if (json_is_object(v) && json_string_value(json_object_get(v, "role")))
			(void)buf_adds(b, json_string_value(json_object_get(v, "role")));
	}
}

static void add_any(struct buf *b, const json_t *v)
{
	char *text;

	switch (json_typeof(v)) {
	case JSON_STRING:
		(void)buf_adds(b, json_string_value(v));
		break;
	case JSON_INTEGER:
		(void)buf_addf(b, "%lld", (long long)json_integer_value(v));
		break;
	case JSON_NULL:
		break;
	default:
		text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
		(void)buf_adds(b, text ? text : "");
		free(text);
	}
}

static void add_cell(const struct cli *c, struct buf *b, const struct column *k, const json_t *row)
{
	const json_t *v = look_up(row, k->key);

	if (!v || json_is_null(v))
		return;
	if (k->kind == COLUMN_TIME && json_is_string(v))
		add_time(b, json_string_value(v));
	else if (k->kind == COLUMN_YES && json_is_boolean(v))
		(void)buf_adds(b, json_is_true(v) ? SAY(c, "có", "yes") : SAY(c, "không", "no"));
	else if (k->kind == COLUMN_UNIT && json_is_integer(v))
		units_add_code(c, b, json_integer_value(v));
	else if (k->kind == COLUMN_LIST)
		add_list(b, v);
	else
		add_any(b, v);
}

/* What came from machines may hold what a terminal obeys. */
static void put_plain(const char *s, size_t width, bool right)
{
	size_t w = text_width(s);

	if (right)
		for (; w < width; w++)
			putchar(' ');
	for (; *s; s++)
		putchar((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
	if (!right)
		for (; w < width; w++)
			putchar(' ');
}

static void put_csv(const char *s)
{
	bool quote = strpbrk(s, "\",;\r\n") != NULL;

	if (quote)
		putchar('"');
	if (*s && s[1] && strchr("=+-@\t", *s)) /* what a spreadsheet would take for a formula */
		putchar('\'');
	for (; *s; s++) {
		if (*s == '"')
			putchar('"');
		putchar(*s);
	}
	if (quote)
		putchar('"');
}

static size_t columns_count(const struct column *columns)
{
	size_t n = 0;

	while (columns[n].key && n < MAX_COLUMNS)
		n++;
	return n;
}

static void csv_rows(const struct cli *c, const struct column *columns, size_t n, const json_t *rows)
{
	struct buf b = BUF_INIT(MAX_CELL);

	for (size_t i = 0; i < n; i++)
		printf("%s%s", i ? "," : "", columns[i].key);
	putchar('\n');
	for (size_t r = 0; r < json_array_size(rows); r++) {
		for (size_t i = 0; i < n; i++) {
			buf_clear(&b);
			add_cell(c, &b, &columns[i], json_array_get(rows, r));
			if (i)
				putchar(',');
			put_csv(buf_str(&b));
		}
		putchar('\n');
	}
	buf_release(&b);
}

static void text_rows(const struct cli *c, const struct column *columns, size_t n, const json_t *rows)
{
	size_t width[MAX_COLUMNS];
	struct buf b = BUF_INIT(MAX_CELL);

	for (size_t i = 0; i < n; i++) {
		width[i] = text_width(say(c, columns[i].head));
		for (size_t r = 0; r < json_array_size(rows); r++) {
			buf_clear(&b);
			add_cell(c, &b, &columns[i], json_array_get(rows, r));
			size_t w = text_width(buf_str(&b));
			width[i] = w > width[i] ? w : width[i];
		}
	}
	for (size_t r = 0; r <= json_array_size(rows); r++) {
		for (size_t i = 0; i < n; i++) {
			bool right = columns[i].kind == COLUMN_NUMBER, last = i + 1 == n;
			buf_clear(&b);
			if (r)
				add_cell(c, &b, &columns[i], json_array_get(rows, r - 1));
			put_plain(r ? buf_str(&b) : say(c, columns[i].head), last && !right ? 0 : width[i], right);
			if (!last)
				fputs("  ", stdout);
		}
		putchar('\n');
	}
	buf_release(&b);
}

void table_rows(const struct cli *c, const struct column *columns, const json_t *rows, enum table_format f)
{
	size_t n = columns_count(columns);

	if (f == TABLE_CSV)
		csv_rows(c, columns, n, rows);
	else
		text_rows(c, columns, n, rows);
}

void table_one(const struct cli *c, const struct column *columns, const json_t *row)
{
	struct buf b = BUF_INIT(MAX_CELL);
	size_t n = columns_count(columns), width = 0;

	for (size_t i = 0; i < n; i++) {
		size_t w = text_width(say(c, columns[i].head));
		width = w > width ? w : width;
	}
	for (size_t i = 0; i < n; i++) {
		buf_clear(&b);
		add_cell(c, &b, &columns[i], row);
		put_plain(say(c, columns[i].head), width, false);
		fputs("  ", stdout);
		put_plain(buf_str(&b), 0, false);
		putchar('\n');
	}
	buf_release(&b);
}
