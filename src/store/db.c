#include "buf.h"
#include "db_driver.h"
#include "str.h"

#include <stdarg.h>

enum { MAX_STATEMENT = 64 * 1024 };

int db_fail(struct db *db, int code, const char *text)
{
	snprintf(db->error, sizeof db->error, "%s", text);
	db->error[strcspn(db->error, "\n")] = 0;
	if (db->in_transaction && !db->failed)
		db->failed = code;
	return code;
}

int db_open(struct db **ret, const char *where, enum db_mode mode, struct err *e)
{
	if (strncmp(where, "sqlite:", 7) == 0)
		return db_sqlite.open(ret, where + 7, mode, e);
	if (strncmp(where, "postgresql://", 13) == 0 || strncmp(where, "postgres://", 11) == 0)
		return db_postgres.open(ret, where, mode, e);
	return err_set(e, -EINVAL, "the store is named \"sqlite:PATH\" or \"postgresql://…\"");
}

void db_close(struct db *db)
{
	if (db)
		db->driver->close(db);
}

int db_begin(struct db *db)
{
	int r = db->driver->control(db, DB_BEGIN);
	if (r)
		return r;
	db->in_transaction = true;
	db->failed = 0;
	db->owed = false;
	return 0;
}

int db_commit(struct db *db)
{
	int r = db->failed;
	if (!r && db->owed)
		r = db_fail(db, -EPROTO, "a ledger commit was begun and not ended");
	if (!r)
		r = db->driver->control(db, DB_COMMIT);
	if (r)
		db_rollback(db);
	db->in_transaction = false;
	return r;
}

void db_rollback(struct db *db)
{
	if (db->in_transaction)
		db->driver->control(db, DB_ROLLBACK);
	db->in_transaction = false;
	db->failed = 0;
	db->owed = false;
}

int db_savepoint(struct db *db)
{
	return db->failed ? db->failed : db->driver->control(db, DB_SAVEPOINT);
}

int db_release_savepoint(struct db *db)
{
	if (db->failed)
		return db->failed;
	if (db->owed)
		return db_fail(db, -EPROTO, "a ledger commit was begun and not ended");
	return db->driver->control(db, DB_RELEASE);
}

int db_rollback_savepoint(struct db *db)
{
	int failed = db->failed;
	db->failed = 0;
	db->owed = false;
	int r = db->driver->control(db, DB_BACK);
	if (!r)
		r = db->driver->control(db, DB_RELEASE);
	if (r && failed) /* the transaction went with the first error, which tells more */
		db->failed = r = failed;
	return r;
}

void db_mark(struct db *db)
{
	db->touched = false;
}

bool db_unchanged(struct db *db)
{
	return !db->touched && !db->failed;
}

void db_owe(struct db *db, bool owed)
{
	db->owed = owed;
}

bool db_owes(struct db *db)
{
	return db->owed;
}

/* True when all n bytes are ASCII; most text is, and this is cheaper than decoding it. */
static bool ascii(const char *s, size_t n)
{
	uint64_t word, all = 0;
	for (; n >= sizeof word; s += sizeof word, n -= sizeof word) {
		memcpy(&word, s, sizeof word);
		all |= word;
	}
	for (; n; s++, n--)
		all |= (unsigned char)*s & 0x80u;
	return !(all & UINT64_C(0x8080808080808080));
}

static int text_arg(struct db *db, struct db_arg *a)
{
	if (!a->p) {
		a->kind = 'n';
		return 0;
	}
	a->n = strlen(a->p);
	if (ascii(a->p, a->n) || utf8_valid(a->p, a->n))
		return 0;
	return db_fail(db, -EILSEQ, "a text is not UTF-8");
}

static int gather_one(struct db *db, struct db_arg *a, char letter, va_list *ap)
{
	*a = (struct db_arg){.letter = letter, .kind = letter};
	switch (letter) {
	case 'i':
		a->i = va_arg(*ap, int64_t);
		return 0;
	case 't':
		a->p = va_arg(*ap, const char *);
		return text_arg(db, a);
	case 'b':
		a->p = va_arg(*ap, const void *);
		a->n = va_arg(*ap, size_t);
		if (!a->p)
			a->kind = 'n';
		return 0;
	case 'n':
		return 0;
	default:
		return db_fail(db, -EINVAL, "a format has an unknown letter");
	}
}

/* Reads the arguments as the format names them. */
static int gather(struct db *db, struct db_call *call, const char *sql, bool cached, const char *fmt, va_list *ap)
{
	if (db->failed)
		return db->failed;
	call->sql = sql;
	call->cached = cached;
	call->n = 0;
	for (; *fmt; fmt++) {
		if (call->n == DB_MAX_ARGS)
			return db_fail(db, -E2BIG, "too many arguments for one statement");
		int r = gather_one(db, &call->args[call->n++], *fmt, ap);
		if (r)
			return r;
	}
	return 0;
}

static int query(struct db *db, struct db_rows **ret, const char *sql, bool cached, const char *fmt, va_list *ap)
{
	struct db_call call;
	*ret = NULL;
	int r = gather(db, &call, sql, cached, fmt, ap);
	if (!r)
		r = db->driver->query(db, ret, &call);
	if (!r) {
		(*ret)->ended = false;
		(*ret)->r = 0;
	}
	return r;
}

int db_exec(struct db *db, int64_t *ret_changed, const char *sql, const char *fmt, ...)
{
	struct db_call call;
	va_list ap;
	va_start(ap, fmt);
	int r = gather(db, &call, sql, true, fmt, &ap);
	va_end(ap);
	return r ? r : db->driver->exec(db, ret_changed, &call);
}

int db_send(struct db *db, const char *sql, const char *fmt, ...)
{
	struct db_call call;
	va_list ap;
	va_start(ap, fmt);
	int r = gather(db, &call, sql, true, fmt, &ap);
	va_end(ap);
	return r ? r : db->driver->send(db, &call);
}

int db_settle(struct db *db)
{
	return db->failed ? db->failed : db->driver->settle(db);
}

int db_query(struct db *db, struct db_rows **ret, const char *sql, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = query(db, ret, sql, true, fmt, &ap);
	va_end(ap);
	return r;
}

int db_query_built(struct db *db, struct db_rows **ret, const char *sql, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = query(db, ret, sql, false, fmt, &ap);
	va_end(ap);
	return r;
}

bool db_next(struct db_rows *rows)
{
	if (!rows || rows->ended)
		return false;
	int r = rows->db->driver->next(rows);
	rows->ended = r != 1;
	if (r < 0)
		rows->r = r;
	return r == 1;
}

int db_done(struct db_rows *rows)
{
	if (!rows)
		return 0;
	int r = rows->r;
	rows->db->driver->done(rows);
	return r;
}

static int fill_text(struct db_rows *rows, int column, char *dst, size_t size)
{
	size_t n = 0;
	const char *s = rows->db->driver->text(rows, column, &n);
	if (n >= size || memchr(s ? s : "", 0, n))
		return n >= size ? -ENAMETOOLONG : -EILSEQ;
	if (n)
		memcpy(dst, s, n);
	dst[n] = 0;
	return 0;
}

static int fill_blob(struct db_rows *rows, int column, void *dst, size_t size)
{
	size_t n = 0;
	const void *p = rows->db->driver->blob(rows, column, &n);
	if (!p) {
		memset(dst, 0, size);
		return 0;
	}
	if (n != size)
		return -EINVAL;
	memcpy(dst, p, n);
	return 0;
}

static int fill_copy(struct db_rows *rows, int column, char **dst)
{
	size_t n = 0;
	const char *s = rows->db->driver->text(rows, column, &n);
	char *copy = s ? strdup(s) : NULL;
	if (s && !copy)
		return -ENOMEM;
	*dst = copy;
	return 0;
}

/* Writes one row through the pointers; a text that was handed out before an error is the caller's still. */
static int fill(struct db_rows *rows, const char *fmt, va_list *ap)
{
	if ((int)strlen(fmt) > rows->db->driver->columns(rows))
		return -EINVAL;
	int r = 0;
	for (int column = 0; fmt[column] && !r; column++) {
		void *dst = fmt[column] == 'n' ? NULL : va_arg(*ap, void *);
		switch (fmt[column]) {
		case 'i':
			*(int64_t *)dst = db_i64(rows, column);
			break;
		case 't':
			r = fill_copy(rows, column, dst);
			break;
		case 'T':
			r = fill_text(rows, column, dst, va_arg(*ap, size_t));
			break;
		case 'b':
			r = fill_blob(rows, column, dst, va_arg(*ap, size_t));
			break;
		case 'n':
			break;
		default:
			r = -EINVAL;
		}
	}
	return r;
}

static int only_row(struct db_rows *rows, const char *ret_fmt, va_list *ap)
{
	if (!db_next(rows))
		return rows->r ? rows->r : -ENOENT;
	int r = fill(rows, ret_fmt, ap);
	if (r)
		return db_fail(rows->db, r, "a row does not fit what was asked for");
	if (db_next(rows))
		return db_fail(rows->db, -EINVAL, "more than one row");
	return rows->r;
}

int db_row(struct db *db, const char *sql, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct db_rows *rows;
	int r = query(db, &rows, sql, true, fmt, &ap);
	if (!r) {
		r = only_row(rows, va_arg(ap, const char *), &ap);
		db_done(rows);
	}
	va_end(ap);
	return r;
}

bool db_null(struct db_rows *rows, int column)
{
	return rows->db->driver->null(rows, column);
}

int64_t db_i64(struct db_rows *rows, int column)
{
	return rows->db->driver->i64(rows, column);
}

const char *db_text(struct db_rows *rows, int column)
{
	size_t n;
	const char *s = rows->db->driver->text(rows, column, &n);
	return s ? s : "";
}

const void *db_blob(struct db_rows *rows, int column, size_t *ret_n)
{
	*ret_n = 0;
	return rows->db->driver->blob(rows, column, ret_n);
}

const char *db_error(struct db *db)
{
	return db->error;
}

int db_failure(struct db *db)
{
	return db->failed;
}

bool db_is_postgres(struct db *db)
{
	return db->driver->postgres;
}

int db_has_table(struct db *db, const char *name, bool *ret)
{
	int64_t n = 0;
	int r = db_row(db, db->driver->has_table, "t", name, "i", &n);
	if (!r)
		*ret = n > 0;
	return r;
}

/* Copies one statement: comments left out, the driver's words put in. */
static int expand(const struct db_driver *d, struct buf *out, const char *sql, size_t n)
{
	const struct {
		const char *word, *with;
	} words[] = {{"{i}", d->integer}, {"{b}", d->bytes}, {"{id}", d->self_numbering}, {"{zero32}", d->zero32}};
	for (size_t i = 0; i < n;) {
		size_t k = 0, length = 0;
		while (k < sizeof words / sizeof words[0] && !length) {
			size_t len = strlen(words[k].word);
			length = len <= n - i && memcmp(sql + i, words[k].word, len) == 0 ? len : 0;
			k += !length;
		}
		if (length)
			buf_adds(out, words[k].with);
		else
			buf_addc(out, sql[i]);
		i += length ? length : 1;
	}
	if (strncmp(buf_str(out), "create table", 12) == 0)
		buf_adds(out, d->table_end);
	return out->error;
}

static const char *skip_comments(const char *s, const char *end)
{
	while (end - s >= 2 && (s[0] == '\n' || (s[0] == '-' && s[1] == '-'))) {
		const char *line = memchr(s, '\n', (size_t)(end - s));
		s = line ? line + 1 : end;
	}
	return s;
}

int db_script(struct db *db, const char *script)
{
	struct buf statement = BUF_INIT(MAX_STATEMENT);
	int r = db->failed;
	while (*script && !r) {
		const char *end = strstr(script, "\n;\n");
		size_t n = end ? (size_t)(end - script) : strlen(script);
		const char *first = skip_comments(script, script + n);
		buf_clear(&statement);
		r = expand(db->driver, &statement, first, n - (size_t)(first - script));
		if (!r && statement.n)
			r = db->driver->statement(db, buf_str(&statement));
		script += n + (end ? 3 : 0);
	}
	buf_release(&statement);
	return r;
}
