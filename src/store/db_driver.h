/* What a database must give. db.c turns the calls of db.h into these; a driver embeds struct db and struct db_rows at
 * the head of its own. Only db.c, db_cache.c and the drivers include this. */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "db.h"

enum { DB_MAX_ARGS = 48 };

struct db_arg {
	char letter; /* of the format */
	char kind;   /* the same, but 'n' for a text or blob that is NULL */
	int64_t i;
	const void *p;
	size_t n;
};

struct db_call {
	const char *sql;
	bool cached; /* the text is a literal: its statement is kept */
	int n;
	struct db_arg args[DB_MAX_ARGS];
};

enum db_control { DB_BEGIN, DB_COMMIT, DB_ROLLBACK, DB_SAVEPOINT, DB_RELEASE, DB_BACK };

struct db_driver {
	bool postgres;
	const char *integer, *bytes, *self_numbering, *zero32; /* words of the schema */
	const char *table_end;                                 /* put behind every `create table (…)` */
	const char *has_table;                                 /* a query of one number for a name */
	int (*open)(struct db **ret, const char *where, enum db_mode mode, struct err *e);
	void (*close)(struct db *db);
	int (*control)(struct db *db, enum db_control what);
	int (*statement)(struct db *db, const char *sql); /* of a script: no arguments, no rows */
	int (*query)(struct db *db, struct db_rows **ret, const struct db_call *call);
	int (*exec)(struct db *db, int64_t *ret_changed, const struct db_call *call);
	int (*send)(struct db *db, const struct db_call *call); /* exec, or its error later */
	int (*settle)(struct db *db);
	int (*next)(struct db_rows *rows); /* 1: a row; 0: the end; or an error */
	void (*done)(struct db_rows *rows);
	bool (*null)(struct db_rows *rows, int column);
	int64_t (*i64)(struct db_rows *rows, int column);
	const char *(*text)(struct db_rows *rows, int column, size_t *ret_n); /* NULL for NULL */
	const void *(*blob)(struct db_rows *rows, int column, size_t *ret_n); /* NULL for NULL */
	int (*columns)(struct db_rows *rows);
};

/* Statements of a connection by the address of their text. */
struct db_cache {
	struct db_cached {
		const char *sql;
		void *statement;
	} * slots;
	size_t n, cap;
};

void *db_cache_get(const struct db_cache *c, const char *sql); /* NULL: not there */
int db_cache_put(struct db_cache *c, const char *sql, void *statement);
void db_cache_clear(struct db_cache *c, void (*drop)(void *statement));

struct db {
	const struct db_driver *driver;
	enum db_mode mode;
	bool in_transaction;
	int failed;   /* the first error of this transaction or savepoint: nothing runs until it is undone */
	bool touched; /* db_mark: set by the driver once a statement that writes has run */
	bool owed;    /* db_owe */
	struct db_cache cache;
	char error[384];
};

struct db_rows {
	struct db *db;
	bool ended; /* no next row may be asked for */
	int r;
};

/* Keeps the text of an error and returns its code. */
int db_fail(struct db *db, int code, const char *text);

extern const struct db_driver db_sqlite, db_postgres;

#endif
