#include "db_driver.h"
#include "str.h"

#include <endian.h>
#include <libpq-fe.h>

enum {
	TYPE_BOOL = 16,
	TYPE_BYTEA = 17,
	TYPE_INT8 = 20,
	TYPE_TEXT = 25
}; /* oids of pg_type, the same in every version */

struct pg_db {
	struct db db;
	PGconn *c;
	unsigned prepared; /* numbers the names */
	int sent; /* statements whose answers have not been read; while there are any, libpq is in pipeline mode */
};

struct pg_statement {
	char name[16];
	char sent[]; /* the types that it was prepared with, then the text */
};

struct pg_rows {
	struct db_rows rows;
	PGresult *answer;
	int at, n;
	unsigned char **blobs; /* by column: decoded for the row at hand */
};

static int code_of(const char *state)
{
	static const struct {
		const char *state; /* a whole one, or the class of two letters */
		int code;
	} table[] = {
	    {"23505", -EEXIST},
	    {"23503", -EEXIST},
	    {"40001", -EBUSY},
	    {"40P01", -EBUSY},
	    {"55P03", -EBUSY},
	    {"53100", -ENOSPC},
	    {"53200", -ENOMEM},
	    {"53300", -EBUSY},
	    {"58030", -EIO},
	    {"58", -EIO},
	    {"25006", -EROFS},
	    {"57014", -EINTR},
	    {"42501", -EACCES},
	    {"28", -EACCES},
	    {"XX001", -EBADMSG},
	    {"XX002", -EBADMSG},
	    {"57P", -ECONNRESET},
	    {"08P01", -EINVAL}, /* too few arguments */
	    {"08", -ECONNRESET},
	};
	for (size_t i = 0; state && i < sizeof table / sizeof table[0]; i++)
		if (strncmp(table[i].state, state, strlen(table[i].state)) == 0)
			return table[i].code;
	return state ? -EINVAL : -ECONNRESET; /* without a state it comes from libpq itself: the server said nothing */
}

/* The end of an answer that is an error; the answer is freed. */
static int fail(struct pg_db *s, PGresult *answer)
{
	int code = PQstatus(s->c) == CONNECTION_BAD ? -ECONNRESET
	                                            : code_of(PQresultErrorField(answer, PG_DIAG_SQLSTATE));
	const char *text = PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY);
	int r = db_fail(&s->db, code, text ? text : PQerrorMessage(s->c));
	PQclear(answer);
	return r;
}

static bool good(const PGresult *answer)
{
	ExecStatusType status = PQresultStatus(answer);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Reads the answers of what was sent. The first error is the transaction's; what came behind it was not run. */
static int settle(struct pg_db *s)
{
	int r = 0;
	if (!s->sent)
		return 0;
	bool more = PQpipelineSync(s->c);
	while (more) {
		PGresult *answer = PQgetResult(s->c); /* NULL stands between two statements' answers */
		ExecStatusType status = PQresultStatus(answer);
		more = PQstatus(s->c) == CONNECTION_OK && status != PGRES_PIPELINE_SYNC;
		if (answer && status == PGRES_FATAL_ERROR && !r)
			r = fail(s, answer);
		else
			PQclear(answer);
	}
	if (!r && PQstatus(s->c) != CONNECTION_OK)
		r = fail(s, NULL);
	s->sent = 0;
	PQexitPipelineMode(s->c);
	return r;
}

/* One or several statements without arguments. */
static int statement(struct db *db, const char *sql)
{
	struct pg_db *s = (struct pg_db *)db;
	int r = settle(s);
	if (r)
		return r;
	PGresult *answer = PQexec(s->c, sql);
	if (!good(answer))
		return fail(s, answer);
	db->touched = true;
	PQclear(answer);
	return 0;
}

static const char settings[] = "set synchronous_commit=on; set client_min_messages=warning; set bytea_output=hex; "
                               "set standard_conforming_strings=on; set timezone='UTC'; set lock_timeout='10s';";

/* Text must compare byte by byte, as in SQLite: sort keys rest on it. */
static const char locale_sql[] =
    "select 1 from pg_database where datname=current_database() and pg_encoding_to_char(encoding)='UTF8' "
    "and datcollate in ('C', 'POSIX', 'C.UTF-8', 'C.utf8')";

static int set_up(struct pg_db *s)
{
	int r = statement(&s->db, settings);
	if (!r)
		r = statement(&s->db, s->db.mode == DB_READ ? "set default_transaction_read_only=on"
		                                            : "set idle_in_transaction_session_timeout='60s'");
	PGresult *answer = r ? NULL : PQexec(s->c, locale_sql);
	if (!r && !good(answer))
		return fail(s, answer);
	if (!r && PQntuples(answer) != 1)
		r = db_fail(&s->db, -EINVAL,
		    "the database needs encoding UTF8 and collation C (createdb -T template0 -E UTF8 -l C.UTF-8)");
	PQclear(answer);
	return r;
}

static int reconnect(struct pg_db *s)
{
	db_cache_clear(&s->db.cache, free);
	s->sent = 0;
	PQreset(s->c);
	if (PQstatus(s->c) != CONNECTION_OK)
		return db_fail(&s->db, -ECONNRESET, PQerrorMessage(s->c));
	return set_up(s);
}

/* One writer at a time in the whole database: db.h says why. The number stands for "khien" (its letters in base 256).
 */
static int begin(struct pg_db *s)
{
	if (PQstatus(s->c) != CONNECTION_OK) {
		int r = reconnect(s);
		if (r)
			return r;
	}
	int r = statement(&s->db,
	    s->db.mode == DB_READ ? "begin isolation level repeatable read read only"
	                          : "begin isolation level read committed; select pg_advisory_xact_lock(461313238382)");
	if (r && PQtransactionStatus(s->c) != PQTRANS_IDLE)
		PQclear(PQexec(s->c, "rollback"));
	return r;
}

/* PostgreSQL answers "ROLLBACK" to the commit of a transaction that has failed, and calls it a success. */
static int commit(struct pg_db *s)
{
	int r = settle(s);
	if (r)
		return r;
	PGresult *answer = PQexec(s->c, "commit");
	if (!good(answer))
		return fail(s, answer);
	r = strcmp(PQcmdStatus(answer), "COMMIT") == 0 ? 0 : db_fail(&s->db, -EIO, "the transaction was rolled back");
	PQclear(answer);
	return r;
}

static int control(struct db *db, enum db_control what)
{
	static const char *const sql[] = {
	    [DB_ROLLBACK] = "rollback",
	    [DB_SAVEPOINT] = "savepoint job",
	    [DB_RELEASE] = "release savepoint job",
	    [DB_BACK] = "rollback to savepoint job",
	};
	struct pg_db *s = (struct pg_db *)db;
	if (what == DB_COMMIT)
		return commit(s);
	if (what == DB_ROLLBACK || what == DB_BACK) { /* undone as well, whatever became of it */
		settle(s);
		db->failed = 0;
	}
	if (what != DB_BEGIN)
		return statement(db, sql[what]);
	int r = begin(s);
	return r == -ECONNRESET ? begin(s) : r; /* the server went away while nothing was under way */
}

/* The arguments in libpq's form. */
struct values {
	Oid types[DB_MAX_ARGS];
	const char *at[DB_MAX_ARGS];
	int length[DB_MAX_ARGS], binary[DB_MAX_ARGS];
	uint64_t number[DB_MAX_ARGS];
	char letters[DB_MAX_ARGS + 1];
};

static int set_values(struct pg_db *s, struct values *v, const struct db_call *call)
{
	for (int i = 0; i < call->n; i++) {
		const struct db_arg *a = &call->args[i];
		v->letters[i] = a->letter;
		v->types[i] = a->letter == 'i'   ? TYPE_INT8
		              : a->letter == 't' ? TYPE_TEXT
		              : a->letter == 'b' ? TYPE_BYTEA
		                                 : 0;
		v->binary[i] = 1;
		v->at[i] = a->kind == 'n' ? NULL : a->p;
		if (a->n > INT32_MAX)
			return db_fail(&s->db, -E2BIG, "a value is too long");
		v->length[i] = (int)a->n;
		if (a->kind == 'i') {
			v->number[i] = htobe64((uint64_t)a->i);
			v->at[i] = (const char *)&v->number[i];
			v->length[i] = sizeof v->number[i];
		}
	}
	v->letters[call->n] = 0;
	return 0;
}

static const char *text_of(const struct pg_statement *st)
{
	return st->sent + strlen(st->sent) + 1;
}

/* Prepares and keeps a statement. */
static int prepare(struct pg_db *s, struct pg_statement **ret, const struct db_call *call, const struct values *v)
{
	size_t types_size = (size_t)call->n + 1, text_size = strlen(call->sql) + 1;
	struct pg_statement *st = malloc(sizeof *st + types_size + text_size);
	if (!st)
		return db_fail(&s->db, -ENOMEM, "no memory");
	snprintf(st->name, sizeof st->name, "s%u", s->prepared++);
	memcpy(st->sent, v->letters, types_size);
	memcpy(st->sent + types_size, call->sql, text_size);
	int r = settle(s);
	PGresult *answer = r ? NULL : PQprepare(s->c, st->name, call->sql, call->n, v->types);
	if (!r && !good(answer))
		r = fail(s, answer);
	else
		PQclear(answer);
	if (!r && db_cache_put(&s->db.cache, call->sql, st))
		r = db_fail(&s->db, -ENOMEM, "no memory");
	if (r)
		free(st);
	else
		*ret = st;
	return r;
}

/* The values, and the prepared statement; NULL when it must go as text: it is built, or it is called with other types
 * than the prepared one, or another text has come to stand at the same address. */
static int ready(struct pg_db *s, struct pg_statement **ret, const struct db_call *call, struct values *v)
{
	*ret = NULL;
	int r = set_values(s, v, call);
	if (r || !call->cached)
		return r;
	struct pg_statement *st = db_cache_get(&s->db.cache, call->sql);
	if (!st)
		return prepare(s, ret, call, v);
	if (strcmp(st->sent, v->letters) == 0 && strcmp(text_of(st), call->sql) == 0)
		*ret = st;
	return 0;
}

static int ask(struct pg_db *s, PGresult **ret, const struct db_call *call)
{
	struct values v;
	struct pg_statement *st;
	int r = ready(s, &st, call, &v);
	if (!r)
		r = settle(s);
	if (r)
		return r;
	PGresult *answer = st ? PQexecPrepared(s->c, st->name, call->n, v.at, v.length, v.binary, 0)
	                      : PQexecParams(s->c, call->sql, call->n, v.types, v.at, v.length, v.binary, 0);
	if (!good(answer))
		return fail(s, answer);
	s->db.touched |= strncmp(PQcmdStatus(answer), "SELECT", 6) != 0;
	*ret = answer;
	return 0;
}

static int make_rows(struct pg_db *s, struct db_rows **ret, PGresult *answer)
{
	struct pg_rows *rows = calloc(1, sizeof *rows);
	if (!rows) {
		PQclear(answer);
		return db_fail(&s->db, -ENOMEM, "no memory");
	}
	*rows = (struct pg_rows){.rows = {.db = &s->db}, .answer = answer, .at = -1, .n = PQntuples(answer)};
	*ret = &rows->rows;
	return 0;
}

static int query(struct db *db, struct db_rows **ret, const struct db_call *call)
{
	struct pg_db *s = (struct pg_db *)db;
	PGresult *answer = NULL;
	int r = ask(s, &answer, call);
	return r ? r : make_rows(s, ret, answer);
}

static int exec(struct db *db, int64_t *ret_changed, const struct db_call *call)
{
	PGresult *answer = NULL;
	int r = ask((struct pg_db *)db, &answer, call);
	if (r)
		return r;
	if (ret_changed && str_i64(PQcmdTuples(answer), 0, INT64_MAX, ret_changed))
		*ret_changed = 0; /* a command that counts no rows */
	PQclear(answer);
	return 0;
}

/* Answers are small, so many fit into the socket before anybody reads them. */
static int send(struct db *db, const struct db_call *call)
{
	enum { MOST = 256 };
	struct pg_db *s = (struct pg_db *)db;
	struct values v;
	struct pg_statement *st;
	int r = ready(s, &st, call, &v);
	if (r)
		return r;
	if (!st || !db->in_transaction)
		return exec(db, NULL, call);
	if (!s->sent)
		PQenterPipelineMode(s->c);
	db->touched = true;
	if (!PQsendQueryPrepared(s->c, st->name, call->n, v.at, v.length, v.binary, 0))
		return fail(s, NULL);
	return ++s->sent < MOST ? 0 : settle(s);
}

static int settle_all(struct db *db)
{
	return settle((struct pg_db *)db);
}

static void drop_blobs(struct pg_rows *rows)
{
	for (int i = 0; rows->blobs && i < PQnfields(rows->answer); i++) {
		PQfreemem(rows->blobs[i]);
		rows->blobs[i] = NULL;
	}
}

static int next(struct db_rows *base)
{
	struct pg_rows *rows = (struct pg_rows *)base;
	drop_blobs(rows);
	return ++rows->at < rows->n;
}

static void done(struct db_rows *base)
{
	struct pg_rows *rows = (struct pg_rows *)base;
	drop_blobs(rows);
	free(rows->blobs);
	PQclear(rows->answer);
	free(rows);
}

static bool column_null(struct db_rows *base, int column)
{
	struct pg_rows *rows = (struct pg_rows *)base;
	return PQgetisnull(rows->answer, rows->at, column);
}

static const char *column_text(struct db_rows *base, int column, size_t *ret_n)
{
	struct pg_rows *rows = (struct pg_rows *)base;
	if (PQgetisnull(rows->answer, rows->at, column))
		return NULL;
	*ret_n = (size_t)PQgetlength(rows->answer, rows->at, column);
	return PQgetvalue(rows->answer, rows->at, column);
}

static int64_t column_i64(struct db_rows *base, int column)
{
	struct pg_rows *rows = (struct pg_rows *)base;
	size_t n;
	const char *s = column_text(base, column, &n);
	if (!s)
		return 0;
	if (PQftype(rows->answer, column) == TYPE_BOOL) /* a comparison, which is 0 or 1 in SQLite */
		return *s == 't';
	return strtoll(s, NULL, 10); /* a sum comes as "numeric", in the same digits */
}

static const void *column_blob(struct db_rows *base, int column, size_t *ret_n)
{
	struct pg_rows *rows = (struct pg_rows *)base;
	const char *s = column_text(base, column, ret_n);
	if (!s || PQftype(rows->answer, column) != TYPE_BYTEA)
		return s;
	size_t n = 0;
	if (!rows->blobs)
		rows->blobs = calloc((size_t)PQnfields(rows->answer), sizeof *rows->blobs);
	if (rows->blobs && !rows->blobs[column])
		rows->blobs[column] = PQunescapeBytea((const unsigned char *)s, &n);
	if (!rows->blobs || !rows->blobs[column]) {
		rows->rows.r = db_fail(rows->rows.db, -ENOMEM, "no memory");
		return NULL;
	}
	*ret_n = *ret_n / 2 - 1; /* sent as \x and two digits a byte */
	return rows->blobs[column];
}

static int columns(struct db_rows *base)
{
	return PQnfields(((struct pg_rows *)base)->answer);
}

static void close_db(struct db *db)
{
	struct pg_db *s = (struct pg_db *)db;
	db_cache_clear(&db->cache, free);
	PQfinish(s->c);
	free(s);
}

static void no_notice(void *arg, const PGresult *notice)
{
	(void)arg;
	(void)notice;
}

static int open_db(struct db **ret, const char *where, enum db_mode mode, struct err *e)
{
	/* what stands in the connection string comes after these and goes before them */
	static const char *const keys[] = {"connect_timeout", "tcp_user_timeout", "application_name", "dbname", NULL};
	const char *const values[] = {"5", "10000", "khien", where, NULL};
	struct pg_db *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(e, -ENOMEM, "no memory");
	s->db.driver = &db_postgres;
	s->db.mode = mode;
	s->c = PQconnectdbParams(keys, values, 1);
	int r = 0;
	if (!s->c || PQstatus(s->c) != CONNECTION_OK)
		r = db_fail(&s->db, -ECONNREFUSED, s->c ? PQerrorMessage(s->c) : "no memory");
	if (!r) {
		PQsetNoticeReceiver(s->c, no_notice, NULL);
		r = set_up(s);
	}
	if (r) {
		err_set(e, r, "PostgreSQL: %s", s->db.error);
		close_db(&s->db);
		return r;
	}
	*ret = &s->db;
	return 0;
}

const struct db_driver db_postgres = {
    .postgres = true,
    .integer = "bigint",
    .bytes = "bytea",
    .self_numbering = "bigint generated by default as identity primary key",
    .zero32 = "decode(repeat('00', 32), 'hex')",
    .table_end = "",
    .has_table = "select count(*) from pg_tables where schemaname=current_schema() and tablename=$1",
    .open = open_db,
    .close = close_db,
    .control = control,
    .statement = statement,
    .query = query,
    .exec = exec,
    .send = send,
    .settle = settle_all,
    .next = next,
    .done = done,
    .null = column_null,
    .i64 = column_i64,
    .text = column_text,
    .blob = column_blob,
    .columns = columns,
};
