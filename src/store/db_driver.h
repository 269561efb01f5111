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
	/* Rows may be NULL: then the statement runs to its end, and ret_changed says how many rows it changed. */
	int (*run)(struct db *db, struct db_rows **ret, int64_t *ret_changed, const char *sql, bool cached,
	    const struct db_arg *args, int n);
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
	int failed; /* the first error of this transaction or savepoint: nothing runs until it is undone */
	bool owed;  /* db_owe */
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
