#include "db_driver.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

struct sqlite_rows {
	struct db_rows rows;
	struct sqlite_statement *statement;
};

struct sqlite_statement {
	sqlite3_stmt *h;
	struct sqlite_rows rows; /* a statement has one run at a time, so its rows live with it */
	bool busy, cached, writes;
	int n;
	unsigned char at[DB_MAX_ARGS]; /* `$1` is parameter number at[0]; SQLite counts by first appearance */
};

struct sqlite_db {
	struct db db;
	sqlite3 *h;
	sqlite3_stmt *control[DB_BACK + 1];
};

static int code_of(int rc)
{
	static const struct {
		int rc, code;
	} table[] = {
	    {SQLITE_CONSTRAINT_UNIQUE, -EEXIST},
	    {SQLITE_CONSTRAINT_PRIMARYKEY, -EEXIST},
	    {SQLITE_CONSTRAINT_ROWID, -EEXIST},
	    {SQLITE_CONSTRAINT_FOREIGNKEY, -EEXIST},
	    {SQLITE_BUSY, -EBUSY},
	    {SQLITE_LOCKED, -EBUSY},
	    {SQLITE_FULL, -ENOSPC},
	    {SQLITE_IOERR_NOMEM, -ENOMEM},
	    {SQLITE_IOERR, -EIO},
	    {SQLITE_CANTOPEN, -EIO},
	    {SQLITE_NOMEM, -ENOMEM},
	    {SQLITE_READONLY, -EROFS},
	    {SQLITE_CORRUPT, -EBADMSG},
	    {SQLITE_NOTADB, -EBADMSG},
	    {SQLITE_TOOBIG, -E2BIG},
	    {SQLITE_INTERRUPT, -EINTR},
	    {SQLITE_PERM, -EACCES},
	    {SQLITE_AUTH, -EACCES},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].rc == rc || (table[i].rc < 256 && table[i].rc == (rc & 0xff)))
			return table[i].code;
	return -EINVAL;
}

static int fail(struct sqlite_db *s, int rc)
{
	return db_fail(&s->db, code_of(rc), s->h ? sqlite3_errmsg(s->h) : sqlite3_errstr(rc));
}

static void drop_statement(void *p)
{
	struct sqlite_statement *st = p;
	sqlite3_finalize(st->h);
	free(st);
}

static int number_parameters(struct sqlite_statement *st)
{
	st->n = sqlite3_bind_parameter_count(st->h);
	if (st->n > DB_MAX_ARGS)
		return -E2BIG;
	for (int i = 0; i < st->n; i++) {
		char name[16];
		snprintf(name, sizeof name, "$%d", i + 1);
		st->at[i] = (unsigned char)sqlite3_bind_parameter_index(st->h, name);
		if (!st->at[i])
			return -EINVAL;
	}
	return 0;
}

static int prepare(struct sqlite_db *s, struct sqlite_statement **ret, const char *sql, unsigned flags)
{
	struct sqlite_statement *st = calloc(1, sizeof *st);
	if (!st)
		return db_fail(&s->db, -ENOMEM, "no memory");
	int rc = sqlite3_prepare_v3(s->h, sql, -1, flags, &st->h, NULL);
	int r = rc ? fail(s, rc) : 0;
	if (!r && !st->h)
		r = db_fail(&s->db, -EINVAL, "an empty statement");
	if (!r && number_parameters(st))
		r = db_fail(&s->db, -EINVAL, "parameters are not $1 to $n without a gap");
	if (r) {
		drop_statement(st);
		return r;
	}
	st->rows.rows.db = &s->db;
	st->writes = !sqlite3_stmt_readonly(st->h);
	st->rows.statement = st;
	*ret = st;
	return 0;
}

/* The prepared statement for this text: the connection's own, or one for this run alone when that one is at work
 * further up, or when another text has come to stand at the same address. */
static int statement_for(struct sqlite_db *s, struct sqlite_statement **ret, const char *sql, bool cached)
{
	struct sqlite_statement *st = cached ? db_cache_get(&s->db.cache, sql) : NULL;
	if (st && !st->busy && strcmp(sqlite3_sql(st->h), sql) == 0) {
		*ret = st;
		return 0;
	}
	bool keep = cached && !st;
	int r = prepare(s, ret, sql, keep ? SQLITE_PREPARE_PERSISTENT : 0);
	if (r || !keep)
		return r;
	(*ret)->cached = db_cache_put(&s->db.cache, sql, *ret) == 0;
	return 0;
}

static int bind_one(sqlite3_stmt *h, int at, const struct db_arg *a, sqlite3_destructor_type life)
{
	switch (a->kind) {
	case 'i':
		return sqlite3_bind_int64(h, at, a->i);
	case 't':
		return sqlite3_bind_text64(h, at, a->p, a->n, life, SQLITE_UTF8);
	case 'b':
		return sqlite3_bind_blob64(h, at, a->p, a->n, life);
	default:
		return sqlite3_bind_null(h, at);
	}
}

static int bind(
    struct sqlite_db *s, struct sqlite_statement *st, const struct db_call *call, sqlite3_destructor_type life)
{
	if (call->n != st->n)
		return db_fail(&s->db, -EINVAL, "the statement has another number of parameters than its format");
	for (int i = 0; i < call->n; i++) {
		int rc = bind_one(st->h, st->at[i], &call->args[i], life);
		if (rc)
			return fail(s, rc);
	}
	return 0;
}

static void end_run(struct sqlite_statement *st)
{
	sqlite3_reset(st->h);
	st->busy = false;
	if (!st->cached)
		drop_statement(st);
}

/* The statement with its values, ready to be stepped. */
static int ready(
    struct sqlite_db *s, struct sqlite_statement **ret, const struct db_call *call, sqlite3_destructor_type life)
{
	struct sqlite_statement *st;
	int r = statement_for(s, &st, call->sql, call->cached);
	if (r)
		return r;
	st->busy = true;
	r = bind(s, st, call, life);
	if (r) {
		end_run(st);
		return r;
	}
	s->db.touched |= st->writes;
	*ret = st;
	return 0;
}

/* The values are copied: the first step comes when the caller's may be gone. */
static int query(struct db *db, struct db_rows **ret, const struct db_call *call)
{
	struct sqlite_statement *st;
	int r = ready((struct sqlite_db *)db, &st, call, SQLITE_TRANSIENT);
	if (!r)
		*ret = &st->rows.rows;
	return r;
}

static int exec(struct db *db, int64_t *ret_changed, const struct db_call *call)
{
	struct sqlite_db *s = (struct sqlite_db *)db;
	struct sqlite_statement *st;
	int r = ready(s, &st, call, SQLITE_STATIC);
	if (r)
		return r;
	int rc;
	while ((rc = sqlite3_step(st->h)) == SQLITE_ROW)
		;
	if (rc != SQLITE_DONE)
		r = fail(s, rc);
	else if (ret_changed)
		*ret_changed = sqlite3_changes64(s->h);
	end_run(st);
	return r;
}

static int send(struct db *db, const struct db_call *call)
{
	return exec(db, NULL, call);
}

static int settle(struct db *db)
{
	(void)db; /* nothing is ever under way */
	return 0;
}

static struct sqlite_statement *statement_of(struct db_rows *rows)
{
	return ((struct sqlite_rows *)rows)->statement;
}

static int next(struct db_rows *rows)
{
	int rc = sqlite3_step(statement_of(rows)->h);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		return rc == SQLITE_ROW;
	return fail((struct sqlite_db *)rows->db, rc);
}

static void done(struct db_rows *rows)
{
	end_run(statement_of(rows));
}

static bool column_null(struct db_rows *rows, int column)
{
	return sqlite3_column_type(statement_of(rows)->h, column) == SQLITE_NULL;
}

static int64_t column_i64(struct db_rows *rows, int column)
{
	return sqlite3_column_int64(statement_of(rows)->h, column);
}

static const char *column_text(struct db_rows *rows, int column, size_t *ret_n)
{
	sqlite3_stmt *h = statement_of(rows)->h;
	const char *s = (const char *)sqlite3_column_text(h, column);
	*ret_n = (size_t)sqlite3_column_bytes(h, column);
	return s;
}

static const void *column_blob(struct db_rows *rows, int column, size_t *ret_n)
{
	sqlite3_stmt *h = statement_of(rows)->h;
	if (sqlite3_column_type(h, column) == SQLITE_NULL)
		return NULL;
	const void *p = sqlite3_column_blob(h, column);
	*ret_n = (size_t)sqlite3_column_bytes(h, column);
	return p ? p : "";
}

static int columns(struct db_rows *rows)
{
	return sqlite3_column_count(statement_of(rows)->h);
}

static const char *const control_sql[] = {
    [DB_COMMIT] = "commit",
    [DB_ROLLBACK] = "rollback",
    [DB_SAVEPOINT] = "savepoint job",
    [DB_RELEASE] = "release job",
    [DB_BACK] = "rollback to job",
};

static int control(struct db *db, enum db_control what)
{
	struct sqlite_db *s = (struct sqlite_db *)db;
	sqlite3_stmt **h = &s->control[what];
	if (what == DB_ROLLBACK && sqlite3_get_autocommit(s->h)) /* SQLite has rolled back by itself */
		return 0;
	int rc = 0;
	if (!*h) {
		const char *sql = what != DB_BEGIN      ? control_sql[what]
		                  : db->mode == DB_READ ? "begin"
		                                        : "begin immediate";
		rc = sqlite3_prepare_v3(s->h, sql, -1, SQLITE_PREPARE_PERSISTENT, h, NULL);
	}
	if (!rc)
		rc = sqlite3_step(*h);
	int r = rc == SQLITE_DONE ? 0 : fail(s, rc);
	sqlite3_reset(*h);
	return r;
}

static int statement(struct db *db, const char *sql)
{
	struct sqlite_db *s = (struct sqlite_db *)db;
	int rc = sqlite3_exec(s->h, sql, NULL, NULL, NULL);
	db->touched = true;
	return rc ? fail(s, rc) : 0;
}

static void close_db(struct db *db)
{
	struct sqlite_db *s = (struct sqlite_db *)db;
	db_cache_clear(&db->cache, drop_statement);
	for (size_t i = 0; i < sizeof s->control / sizeof s->control[0]; i++)
		sqlite3_finalize(s->control[i]);
	sqlite3_close(s->h);
	free(s);
}

static const char settings[] = "pragma journal_mode=wal;"
                               "pragma synchronous=full;"
                               "pragma foreign_keys=on;"
                               "pragma trusted_schema=off;"
                               "pragma cell_size_check=on;"
                               "pragma temp_store=memory;"
                               "pragma cache_size=-65536;"
                               "pragma journal_size_limit=67108864;";

static int set_up(struct sqlite_db *s)
{
	sqlite3_extended_result_codes(s->h, 1);
	sqlite3_busy_timeout(s->h, 10000);
	sqlite3_db_config(s->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(s->h, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	int rc = sqlite3_exec(s->h, settings, NULL, NULL, NULL);
	if (!rc && s->db.mode == DB_READ)
		rc = sqlite3_exec(s->h, "pragma query_only=on", NULL, NULL, NULL);
	return rc;
}

/* SQLite would make the file readable by all; its journal files inherit the mode of this one. */
static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int open_db(struct db **ret, const char *path, enum db_mode mode, struct err *e)
{
	int r = mode == DB_CREATE ? make_file(path) : access(path, R_OK | W_OK) ? -errno : 0;
	if (r)
		return err_set(e, r, "%s: %s", path, strerror(-r));
	struct sqlite_db *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(e, -ENOMEM, "no memory");
	s->db.driver = &db_sqlite;
	s->db.mode = mode;
	int rc = sqlite3_open_v2(path, &s->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (!rc)
		rc = set_up(s);
	if (rc) {
		r = err_set(e, code_of(rc), "%s: %s", path, s->h ? sqlite3_errmsg(s->h) : sqlite3_errstr(rc));
		close_db(&s->db);
		return r;
	}
	*ret = &s->db;
	return 0;
}

const struct db_driver db_sqlite = {
    .integer = "integer",
    .bytes = "blob",
    .self_numbering = "integer primary key",
    .zero32 = "zeroblob(32)",
    .table_end = " strict",
    .has_table = "select count(*) from sqlite_schema where type='table' and name=$1",
    .open = open_db,
    .close = close_db,
    .control = control,
    .statement = statement,
    .query = query,
    .exec = exec,
    .send = send,
    .settle = settle,
    .next = next,
    .done = done,
    .null = column_null,
    .i64 = column_i64,
    .text = column_text,
    .blob = column_blob,
    .columns = columns,
};
