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
 * -EROFS: a write through DB_READ. -EILSEQ: a text that is not UTF-8. -EINVAL: a statement or value that the database
 * will not have. After an error inside a transaction nothing more runs in it (every call repeats that error) until
 * db_rollback or db_rollback_savepoint: PostgreSQL is so, and SQLite is made so, that a job cannot work on one alone.
 * "No row" (-ENOENT) is no error in that sense: where a row may be there, insert with `on conflict` or look first.
 * A connection belongs to one thread at a time. PostgreSQL hands a query's whole answer over at once: page through what
 * may be long. */
#ifndef DB_H
#define DB_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_rows;

enum db_mode { DB_READ, DB_WRITE, DB_CREATE /* as DB_WRITE, and SQLite's file may be new */ };

/* `where` is "sqlite:PATH" or a libpq connection string "postgresql://…". With DB_READ every write fails. */
int db_open(struct db **ret, const char *where, enum db_mode mode, struct err *e);
void db_close(struct db *db); /* NULL is fine */

/* DB_WRITE: takes the store's one write lock at once (BEGIN IMMEDIATE; PostgreSQL: an advisory lock, then READ
 * COMMITTED), so what a write transaction has read stays true until it commits, on both databases and with any number
 * of servers. DB_READ: one snapshot for all that is read until db_commit (PostgreSQL: REPEATABLE READ). */
int db_begin(struct db *db);
int db_commit(struct db *db); /* durable when it returns 0 */
void db_rollback(struct db *db);
/* One job among many in a group commit: what happened since db_savepoint can be undone alone. Not nested. */
int db_savepoint(struct db *db);
int db_release_savepoint(struct db *db);
int db_rollback_savepoint(struct db *db);

/* A statement without rows to read. ret_changed may be NULL. */
int db_exec(struct db *db, int64_t *ret_changed, const char *sql, const char *fmt, ...);

/* The same for the many rows of a busy path: PostgreSQL gets such statements together, without waiting for each one's
 * answer, so an error may be told by a later call of the transaction, by its commit at the latest. */
int db_send(struct db *db, const char *sql, const char *fmt, ...);
int db_settle(struct db *db); /* waits for all answers */

/* A statement with rows: for (r = db_query(...); db_next(rows); ) …; db_done ends it and returns the first error of
 * the whole loop. On an error of db_query *ret is NULL, and db_next, db_done accept NULL. */
int db_query(struct db *db, struct db_rows **ret, const char *sql, const char *fmt, ...);
int db_query_built(struct db *db, struct db_rows **ret, const char *sql, const char *fmt, ...);
bool db_next(struct db_rows *rows);
int db_done(struct db_rows *rows);

/* Exactly one row: 0, -ENOENT without a row. Columns come back through `ret_fmt`: i int64_t *, t char ** (malloc'ed,
 * the caller frees, NULL for NULL), T char *, size_t (copied, -ENAMETOOLONG if it does not fit; NULL becomes ""), b
 * void *, size_t (exactly that many bytes, -EINVAL otherwise; NULL becomes zeros), n skips. NULL integers are 0.
 * Example: db_row(db, "select id, code from node where id=$1", "i", (int64_t)7, "iT", &id, code, sizeof code) */
int db_row(struct db *db, const char *sql, const char *fmt, ...);

bool db_null(struct db_rows *rows, int column); /* columns count from 0 */
int64_t db_i64(struct db_rows *rows, int column);
const char *db_text(struct db_rows *rows, int column); /* "" for NULL; lives until the next db_next */
const void *db_blob(struct db_rows *rows, int column, size_t *ret_n);

const char *db_error(struct db *db);
int db_failure(struct db *db);      /* the error after which nothing more runs in this transaction; 0 */
bool db_is_postgres(struct db *db); /* for schema and maintenance only, never for a query's meaning */

/* Since db_mark nothing was written and no call has failed: there is nothing to undo. */
void db_mark(struct db *db);
bool db_unchanged(struct db *db);

/* Something was begun that must be ended before its transaction may commit (a ledger entry): while true, db_commit and
 * db_release_savepoint fail with -EPROTO. Undoing clears it. */
void db_owe(struct db *db, bool owed);
bool db_owes(struct db *db);

int db_has_table(struct db *db, const char *name, bool *ret);

/* A script of several statements split by lines that hold only ";". The words {i} {b} {id} {zero32} stand for the
 * driver's integer, bytes, self-numbering primary key, and 32 zero bytes. SQLite's tables are STRICT. */
int db_script(struct db *db, const char *script);

#endif
