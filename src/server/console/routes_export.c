/* Rows for receivers outside (a SIEM, the national centre): in commit order by position; each receiver keeps a cursor
 * in the store, moved by the receiver itself when it has what it read. */
#include "commit.h"
#include "event.h"
#include "routes.h"
#include "say.h"
#include "str.h"

enum { MAX_RECEIVER = 64 };

struct export_form {
	int64_t cursor, limit;
};
static const struct form_field cursor_form[] = {
    FORM_I64_OF(struct export_form, cursor, FORM_NEEDED, 0, INT64_MAX),
};
static const struct form_field rows_query[] = {
    FORM_I64_OF(struct export_form, limit, FORM_OPTIONAL, 1, MAX_PAGE),
};

static int receivers(struct db *db, struct call *c)
{
	json_t *all = json_array();
	struct db_rows *rows;
	int64_t head = 0;
	int r = db_row(db, "select pos from export_head where id = 1", "", "i", &head);

	if (!r)
		r = db_query(db, &rows, "select name, cursor_pos, rev from receiver order by name", "");
	while (!r && db_next(rows))
		json_array_append_new(all, json_pack("{s:s, s:I, s:I}", "name", db_text(rows, 0), "cursor",
		                               (json_int_t)db_i64(rows, 1), "rev", (json_int_t)db_i64(rows, 2)));
	if (!r)
		r = db_done(rows);
	if (!r)
		return call_json(c, 200, json_pack("{s:o, s:I}", "receivers", all, "head", (json_int_t)head));
	json_decref(all);
	return r;
}

static int receiver_name(struct call *c, const char **ret)
{
	const char *name = call_param(c, "receiver");
	size_t n = strlen(name);

	if (n > MAX_RECEIVER || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n)
		return call_refuse(c, PROBLEM_INVALID, "receiver", "at most %d of a-z 0-9 . _ -", MAX_RECEIVER);
	*ret = name;
	return 0;
}

/* Makes the receiver or moves its cursor; back as well, for a receiver that has lost what it had. */
static int move(struct db *db, struct call *c)
{
	struct export_form f = {0};
	int64_t head = 0;
	const char *name;
	int r = CALL_FORM(c, cursor_form, &f, NULL);

	if (!r)
		r = receiver_name(c, &name);
	if (!r)
		r = db_row(db, "select pos from export_head where id = 1", "", "i", &head);
	if (!r && f.cursor > head)
		r = call_refuse(
		    c, PROBLEM_INVALID, "cursor", "there is no row behind position %lld yet", (long long)head);
	if (!r)
		r = db_exec(db, NULL,
		    "insert into receiver(name, cursor_pos, rev) values ($1, $2, $3)"
		    " on conflict(name) do update set cursor_pos = excluded.cursor_pos, rev = excluded.rev",
		    "tii", name, f.cursor, c->ledger.rev);
	if (!r)
		r = commit_entry(c, "receiver.cursor", NODE_PROVINCE,
		    json_pack("{s:I}", "cursor", (json_int_t)f.cursor), "receiver:%s", name);
	c->answer.status = 204;
	return r;
}

static int forget(struct db *db, struct call *c)
{
	int64_t changed = 0;
	int r = db_exec(db, &changed, "delete from receiver where name = $1", "t", call_param(c, "receiver"));

	if (!r && !changed)
		r = -ENOENT;
	if (!r)
		r = commit_entry(
		    c, "receiver.forget", NODE_PROVINCE, say_object(), "receiver:%s", call_param(c, "receiver"));
	c->answer.status = 204;
	return r;
}

static const char *const event_kinds[] = {[EVENT_DETECTION] = "detection",
    [EVENT_TASK_RESULT] = "task-result",
    [EVENT_STARTED] = "started",
    [EVENT_EVENTS_MISSING] = "events-missing",
    [EVENT_QUARANTINE] = "quarantine",
    [EVENT_SCAN] = "scan"};

static const char *event_kind_name(int64_t k)
{
	return k > 0 && k < (int64_t)(sizeof event_kinds / sizeof event_kinds[0]) && event_kinds[k] ? event_kinds[k]
	                                                                                            : "unknown";
}

/* The detection's own columns begin at 6. */
static json_t *say_detection_columns(struct db_rows *rows)
{
	struct detection d = {.engine = db_text(rows, 6), .name = db_text(rows, 7), .type = db_text(rows, 8)};
	const void *md5, *sha256;
	size_t md5_n, sha256_n;

	d.path.form = (enum path_form)db_i64(rows, 9);
	d.path.raw = db_blob(rows, 10, &d.path.n);
	d.path.display = db_text(rows, 11);
	md5 = db_blob(rows, 12, &md5_n);
	sha256 = db_blob(rows, 13, &sha256_n);
	d.has_md5 = md5_n == MD5_BYTES;
	d.has_sha256 = sha256_n == SHA256_BYTES;
	if (d.has_md5)
		memcpy(d.md5, md5, MD5_BYTES);
	if (d.has_sha256)
		memcpy(d.sha256, sha256, SHA256_BYTES);
	d.device = (enum device_type)db_i64(rows, 14);
	d.action = (enum detection_action)db_i64(rows, 15);
	return say_found(&d);
}

static json_t *say_row(struct db_rows *rows)
{
	json_t *o = json_pack("{s:I, s:s, s:s, s:o, s:o, s:s}", "position", (json_int_t)db_i64(rows, 0), "kind",
	    event_kind_name(db_i64(rows, 1)), "machine", db_text(rows, 2), "at", say_instant(db_i64(rows, 3)),
	    "received_at", say_instant(db_i64(rows, 4)), "request", db_text(rows, 5));

	if (db_i64(rows, 1) == EVENT_DETECTION)
		json_object_set_new(o, "detection", say_detection_columns(rows));
	else
		json_object_set_new(o, "body", say_json(db_text(rows, 16)));
	return o;
}

static int export_rows(struct db *db, struct call *c)
{
	struct export_form f = {.limit = STANDARD_PAGE};
	json_t *all = json_array();
	struct db_rows *rows = NULL;
	int64_t cursor = 0, last;
	int r = CALL_QUERY(c, rows_query, &f, NULL);

	if (!r)
		r = db_row(db, "select cursor_pos from receiver where name = $1", "t", call_param(c, "receiver"), "i",
		    &cursor);
	last = cursor;
	if (!r)
		r = db_query(db, &rows,
		    "select d.pos, 1, m.uid, d.at, d.received_at, d.request, d.engine, d.name, d.type, d.path_form, "
		    "d.path,"
		    " d.path_display, d.md5, d.sha256, d.device, d.action, '' from detection d join stream s on s.num "
		    "= d.stream_num"
		    " join machine m on m.id = s.machine_id where d.pos > $1"
		    " union all select e.pos, e.kind, m.uid, e.at, e.received_at, e.request, '', '', '', 1, null, '', "
		    "null, null, 0, 0, e.body"
		    " from event e join stream s on s.num = e.stream_num join machine m on m.id = s.machine_id where "
		    "e.pos > $1"
		    " order by 1 limit $2",
		    "ii", cursor, f.limit);
	while (!r && db_next(rows)) {
		last = db_i64(rows, 0);
		json_array_append_new(all, say_row(rows));
	}
	if (!r)
		r = db_done(rows);
	if (!r)
		return call_json(c, 200,
		    json_pack("{s:I, s:I, s:o}", "cursor", (json_int_t)cursor, "next", (json_int_t)last, "rows", all));
	json_decref(all);
	return r;
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/receivers", MAY_EXPORT, AT_PROVINCE, 0, receivers),
    ROUTE("PUT", "/api/v1/receivers/{receiver}", MAY_EXPORT, AT_PROVINCE, ROUTE_WRITES, move),
    ROUTE("DELETE", "/api/v1/receivers/{receiver}", MAY_EXPORT, AT_PROVINCE, ROUTE_WRITES, forget),
    ROUTE("GET", "/api/v1/receivers/{receiver}/rows", MAY_EXPORT, AT_PROVINCE, 0, export_rows),
};
const struct route_table export_table = ROUTE_TABLE(routes);
