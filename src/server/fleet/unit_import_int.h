/* Private to the room: the rows that were read, between the reading and the applying. */
#ifndef UNIT_IMPORT_INT_H
#define UNIT_IMPORT_INT_H

#include "csv.h"
#include "unit_import.h"

enum import_column {
	COLUMN_CODE,
	COLUMN_NAME,
	COLUMN_GROUP,
	COLUMN_ALLOCATED,
	COLUMN_SERVERS,
	COLUMN_WORKSTATIONS,
	COLUMN_COUNT
};

extern const char *const import_column_names[COLUMN_COUNT];

struct import_row {
	int64_t line;
	char *code, *code_fold, *name, *group; /* NFC; NULL where the kind has no such column */
	int64_t allocated;                     /* -1: blank */
	int64_t servers, workstations;
	int64_t node_id; /* once applied */
};

struct unit_import {
	enum import_kind kind;
	struct csv *csv;
	bool head_seen, finished;
	size_t at[COLUMN_COUNT]; /* where each column stands */
	size_t n_columns;
	struct import_row *rows;
	size_t n, cap;
	struct import_row **by_code; /* once finished: sorted by code_fold */
};

/* "line 7, column 4 (allocated): …" */
int import_cell_error(const struct unit_import *i, const struct import_row *row, enum import_column c, int code,
    struct err *e, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* NULL: no row has that code. */
struct import_row *import_row_by_code(const struct unit_import *i, const char *code_fold);

#endif
