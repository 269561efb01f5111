/* Rows of JSON for people and for spreadsheets. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "cli.h"

enum table_format { TABLE_TEXT, TABLE_CSV };

/* The columns of each object in `rows`, to standard output. units: the tree, for COLUMN_UNIT; may be NULL. */
void table_rows(const struct cli *c, const struct column *columns, const json_t *rows, enum table_format f);
/* One object, a line a column. */
void table_one(const struct cli *c, const struct column *columns, const json_t *row);

#endif
