#include "unit_import.h"
#include "array.h"
#include "str.h"
#include "text.h"
#include "unit_import_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const import_column_names[COLUMN_COUNT] = {
    [COLUMN_CODE] = "code",
    [COLUMN_NAME] = "name",
    [COLUMN_GROUP] = "group",
    [COLUMN_ALLOCATED] = "allocated",
    [COLUMN_SERVERS] = "servers",
    [COLUMN_WORKSTATIONS] = "workstations",
};

#define BIT(column) (1u << (column))
static const unsigned columns_of[] = {
    [IMPORT_GROUPS] = BIT(COLUMN_CODE) | BIT(COLUMN_NAME),
    [IMPORT_UNITS] = BIT(COLUMN_CODE) | BIT(COLUMN_NAME) | BIT(COLUMN_GROUP) | BIT(COLUMN_ALLOCATED),
    [IMPORT_DECLARED] = BIT(COLUMN_CODE) | BIT(COLUMN_SERVERS) | BIT(COLUMN_WORKSTATIONS),
};

static bool has_column(const struct unit_import *i, size_t column)
{
	return columns_of[i->kind] & BIT(column);
}

int import_cell_error(const struct unit_import *i, const struct import_row *row, enum import_column c, int code,
    struct err *e, const char *fmt, ...)
{
	char what[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(e, code, "line %lld, column %zu (%s): %s", (long long)row->line, i->at[c] + 1,
	    import_column_names[c], what);
}

static int find_column(const struct unit_import *i, const char *name, size_t *ret)
{
	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		if (has_column(i, c) && strcmp(import_column_names[c], name) == 0) {
			*ret = c;
			return 0;
		}
	}
	return -ENOENT;
}

static int take_head(struct unit_import *i, int64_t line, size_t n, const char *const *fields, struct err *e)
{
	unsigned seen = 0;
	for (size_t f = 0; f < n; f++) {
		size_t c;
		if (find_column(i, fields[f], &c))
			return err_set(e, -EINVAL, "line %lld, column %zu: \"%.64s\" is no column of this list",
			    (long long)line, f + 1, fields[f]);
		if (seen & BIT(c))
			return err_set(e, -EINVAL, "line %lld, column %zu: \"%s\" stands twice", (long long)line, f + 1,
			    fields[f]);
		seen |= BIT(c);
		i->at[c] = f;
	}
	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		if (has_column(i, c) && !(seen & BIT(c)))
			return err_set(e, -EINVAL, "line %lld: the column \"%s\" is missing", (long long)line,
			    import_column_names[c]);
	}
	i->n_columns = n;
	i->head_seen = true;
	return 0;
}

static void release_row(struct import_row *row)
{
	free(row->code);
	free(row->code_fold);
	free(row->name);
	free(row->group);
}

static int take_text(const struct unit_import *i, const struct import_row *row, enum import_column c, size_t max,
    const char *const *fields, char **ret, struct err *e)
{
	char text[MAX_TEXT + 1];
	if (!has_column(i, c))
		return 0;
	int r = text_nfc(text, max + 1, fields[i->at[c]]);
	if (r == -ENAMETOOLONG)
		return import_cell_error(i, row, c, -EINVAL, e, "longer than %zu bytes", max);
	if (r == -EINVAL || r == -EILSEQ)
		return import_cell_error(i, row, c, -EINVAL, e, "has a character that no name may have");
	if (r == 0 && text[0] == 0)
		return import_cell_error(i, row, c, -EINVAL, e, "is empty");
	if (r == 0 && (*ret = strdup(text)) == NULL)
		r = -ENOMEM;
	return r;
}

static int take_number(const struct unit_import *i, const struct import_row *row, enum import_column c,
    bool may_be_blank, const char *const *fields, int64_t *ret, struct err *e)
{
	if (!has_column(i, c) || (may_be_blank && fields[i->at[c]][0] == 0))
		return 0;
	const char *cell = fields[i->at[c]];
	if (str_i64(cell, 0, MAX_LICENCE_QUANTITY, ret))
		return import_cell_error(
		    i, row, c, -EINVAL, e, "\"%.40s\" is no whole number from 0 to %d", cell, MAX_LICENCE_QUANTITY);
	return 0;
}

static int fold_code(const struct unit_import *i, struct import_row *row, struct err *e)
{
	char fold[4 * MAX_UNIT_CODE + 1];
	int r = text_fold(fold, sizeof fold, row->code);
	if (r)
		return import_cell_error(i, row, COLUMN_CODE, r, e, "cannot be folded");
	row->code_fold = strdup(fold);
	return row->code_fold ? 0 : -ENOMEM;
}

static int fill_row(const struct unit_import *i, struct import_row *row, const char *const *fields, struct err *e)
{
	int r = take_text(i, row, COLUMN_CODE, MAX_UNIT_CODE, fields, &row->code, e);
	if (r == 0)
		r = fold_code(i, row, e);
	if (r == 0)
		r = take_text(i, row, COLUMN_NAME, MAX_TEXT, fields, &row->name, e);
	if (r == 0)
		r = take_text(i, row, COLUMN_GROUP, MAX_UNIT_CODE, fields, &row->group, e);
	if (r == 0)
		r = take_number(i, row, COLUMN_ALLOCATED, true, fields, &row->allocated, e);
	if (r == 0)
		r = take_number(i, row, COLUMN_SERVERS, false, fields, &row->servers, e);
	if (r == 0)
		r = take_number(i, row, COLUMN_WORKSTATIONS, false, fields, &row->workstations, e);
	return r;
}

static int take_record(void *arg, int64_t line, size_t n, const char *const *fields, struct err *e)
{
	struct unit_import *i = arg;
	struct import_row row = {.line = line, .allocated = -1};
	if (!i->head_seen)
		return take_head(i, line, n, fields, e);
	if (n != i->n_columns)
		return err_set(e, -EINVAL, "line %lld: %zu columns instead of %zu", (long long)line, n, i->n_columns);
	if (i->n == MAX_NODES)
		return err_set(e, -EMSGSIZE, "line %lld: more than %d rows", (long long)line, MAX_NODES);
	int r = array_room(&i->rows, &i->cap, i->n, sizeof i->rows[0]);
	if (r == 0)
		r = fill_row(i, &row, fields, e);
	if (r)
		release_row(&row);
	else
		i->rows[i->n++] = row;
	return r;
}

int unit_import_new(struct unit_import **ret, enum import_kind kind)
{
	struct unit_import *i = calloc(1, sizeof *i);
	if (i == NULL)
		return -ENOMEM;
	i->kind = kind;
	int r = csv_new(&i->csv, ',', take_record, i);
	if (r)
		free(i);
	else
		*ret = i;
	return r;
}

void unit_import_free(struct unit_import *i)
{
	if (i == NULL)
		return;
	for (size_t k = 0; k < i->n; k++)
		release_row(&i->rows[k]);
	csv_free(i->csv);
	free(i->rows);
	free(i->by_code);
	free(i);
}

int unit_import_feed(struct unit_import *i, const void *p, size_t n, struct err *e)
{
	return csv_feed(i->csv, p, n, e);
}

static int compare_rows(const void *pa, const void *pb)
{
	const struct import_row *a = *(struct import_row *const *)pa, *b = *(struct import_row *const *)pb;
	int r = strcmp(a->code_fold, b->code_fold);
	return r ? r : a->line < b->line ? -1 : a->line > b->line;
}

int unit_import_finish(struct unit_import *i, struct err *e)
{
	int r = csv_finish(i->csv, e);
	if (r)
		return r;
	if (!i->head_seen)
		return err_set(e, -EINVAL, "line 1: the list is empty, even of its head");
	free(i->by_code);
	i->by_code = malloc((i->n + 1) * sizeof(struct import_row *));
	if (i->by_code == NULL)
		return -ENOMEM;
	for (size_t k = 0; k < i->n; k++)
		i->by_code[k] = &i->rows[k];
	if (i->n > 0)
		qsort(i->by_code, i->n, sizeof(struct import_row *), compare_rows);
	for (size_t k = 1; k < i->n; k++) {
		const struct import_row *first = i->by_code[k - 1], *second = i->by_code[k];
		if (strcmp(first->code_fold, second->code_fold) == 0)
			return import_cell_error(i, second, COLUMN_CODE, -EEXIST, e, "%s stands in line %lld already",
			    second->code, (long long)first->line);
	}
	i->finished = true;
	return 0;
}

struct import_row *import_row_by_code(const struct unit_import *i, const char *code_fold)
{
	for (size_t low = 0, high = i->n; low < high;) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(i->by_code[middle]->code_fold, code_fold);
		if (order == 0)
			return i->by_code[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
