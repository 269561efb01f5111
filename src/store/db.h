/* One connection to a database, with one text of SQL for SQLite and PostgreSQL. A driver is a const struct db_driver in
 * db_sqlite.c or db_pg.c; nothing else knows which database there is.
 *
 * SQL: parameters are $1 … $n (SQLite numbers `$1` by first appearance, so the drivers bind by name). Statements are
 * string literals and are prepared once a connection, keyed by address; text built at run time goes through
 * db_query_built. Integers are 64 bits, text is UTF-8, blobs are bytes. Only what both databases understand.
 *
 * Arguments are described by a format, one letter each:
 *   i  int64_t (cast at the call)     t  const char * (NULL is NULL)     b  const void *, size_t (NULL is NULL)
 *   n  nothing: NULL
 *
 * Errors: negative errno codes; the text is in db_error. -EEXIST: a unique or foreign key said no. -EBUSY: the database
 * is locked or the transaction must be tried again. -ENOSPC, -EIO: what they say. -ECONNRESET: the connection is gone.
 * A connection belongs to one thread at a time. */
#ifndef DB_H
#define DB_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_rows;

enum db_mode { DB_READ, DB_WRITE };

/* `where` is "sqlite:PATH" or a libpq connection string "postgresql://…". With DB_READ every write fails. */
int db_open(struct db **ret, const char *where, enum db_mode mode, struct err *e);
void db_close(struct db *db); /* NULL is fine */

/* DB_WRITE: takes the write lock at once (BEGIN IMMEDIATE; PostgreSQL: READ COMMITTED, rows lock each other).
 * DB_READ: one snapshot for all that is read until db_commit (PostgreSQL: REPEATABLE READ). */
int db_begin(struct db *db);
int db_commit(struct db *db); /* durable when it returns 0 */
void db_rollback(struct db *db);
/* One job among many in a group commit: what happened since db_savepoint can be undone alone. Not nested. */
int db_savepoint(struct db *db);
int db_release_savepoint(struct db *db);
int db_rollback_savepoint(struct db *db);

/* A statement without rows to read. ret_changed may be NULL. */
int db_exec(struct db *db, int64_t *ret_changed, const char *sql, const char *fmt, ...);

/* A statement with rows: for (r = db_query(...); db_next(rows); ) …; db_done ends it and returns the first error of
 * the whole loop. On an error of db_query *ret is NULL, and db_next, db_done accept NULL. */
int db_query(struct db *db, struct db_rows **ret, const char *sql, const char *fmt, ...);
int db_query_built(struct db *db, struct db_rows **ret, const char *sql, const char *fmt, ...);
bool db_next(struct db_rows *rows);
int db_done(struct db_rows *rows);

/* Exactly one row: 0, -ENOENT without a row. Columns come back through `ret_fmt`: i int64_t *, t char ** (malloc'ed, the
 * caller frees, NULL for NULL), T char *, size_t (copied, -ENAMETOOLONG if it does not fit; NULL becomes ""),
 * b void *, size_t (exactly that many bytes, -EINVAL otherwise; NULL becomes zeros), n skips. NULL integers are 0.
 * Example: db_row(db, "select id, code from node where id=$1", "i", (int64_t)7, "iT", &id, code, sizeof code) */
int db_row(struct db *db, const char *sql, const char *fmt, ...);

bool db_null(struct db_rows *rows, int column); /* columns count from 0 */
int64_t db_i64(struct db_rows *rows, int column);
const char *db_text(struct db_rows *rows, int column); /* "" for NULL; lives until the next db_next */
const void *db_blob(struct db_rows *rows, int column, size_t *ret_n);

const char *db_error(struct db *db);
bool db_is_postgres(struct db *db); /* for schema and maintenance only, never for a query's meaning */

/* A script of several statements split by lines that hold only ";". The words {i} {b} {id} stand for the driver's
 * integer, bytes, and self-numbering primary key. */
int db_script(struct db *db, const char *script);

#endif
