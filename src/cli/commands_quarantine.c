/* Quarantine and allow list of this computer, over the agent's control socket. */
#include "cli_agent.h"
#include "cli_args.h"
#include "cli_options.h"
#include "cli_table.h"
#include "clock.h"
#include "day.h"
#include "path_display.h"
#include "str.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- rows ---- */

static void add_instant(json_t *row, const char *key, int64_t us)
{
	char text[INSTANT_TEXT] = "";

	if (us > 0 && us < TIME_END)
		instant_iso(us, text);
	json_object_set_new(row, key, json_string(text));
}

static void add_hex(json_t *row, const char *key, const void *p, size_t n)
{
	char text[2 * SHA256_BYTES + 1];

	hex_encode(text, p, n);
	json_object_set_new(row, key, json_string(text));
}

static void add_path(json_t *row, const struct os_path *path)
{
	struct buf b = BUF_INIT(MAX_DISPLAY);
	char *raw = malloc(4 * ((path->n + 2) / 3) + 1);

	(void)path_display(&b, path->raw, path->n);
	json_object_set_new(row, "path", json_string(buf_str(&b)));
	if (raw) {
		base64_encode(raw, path->raw, path->n);
		json_object_set_new(row, "path_bytes", json_string(raw));
	}
	free(raw);
	buf_release(&b);
}

static void add_mode(json_t *row, const struct quarantine_item *item)
{
	char mode[8];

	(void)snprintf(mode, sizeof mode, "%04o", item->mode & 07777U);
	json_object_set_new(row, "mode", json_string(mode));
	json_object_set_new(row, "uid", json_integer(item->uid));
	json_object_set_new(row, "gid", json_integer(item->gid));
}

static json_t *row_of_item(const struct quarantine_item *item)
{
	const struct detection *d = &item->detection;
	json_t *row = json_object();

	add_hex(row, "item", item->id.b, ID_BYTES);
	json_object_set_new(row, "damaged", json_boolean(item->damaged));
	json_object_set_new(row, "stored_bytes", json_integer(item->stored_bytes));
	if (item->damaged)
		return row;
	add_instant(row, "taken", item->taken_us);
	json_object_set_new(row, "size", json_integer(item->size));
	json_object_set_new(row, "engine", json_string(d->engine));
	json_object_set_new(row, "name", json_string(d->name));
	json_object_set_new(row, "type", json_string(d->type));
	add_path(row, &d->path);
	add_hex(row, "sha256", d->sha256, SHA256_BYTES);
	add_mode(row, item);
	add_instant(row, "modified", item->mtime_s * US_PER_S + item->mtime_ns / 1000);
	json_object_set_new(row, "names", json_integer(item->links));
	return row;
}

static const struct column item_columns[] = {
    {"item", P("mục", "item"), COLUMN_TEXT},
    {"taken", P("cách ly lúc", "taken"), COLUMN_TIME},
    {"size", P("bytes", "bytes"), COLUMN_NUMBER},
    {"name", P("mã độc", "malware"), COLUMN_TEXT},
    {"path", P("đường dẫn", "path"), COLUMN_TEXT},
    {"damaged", P("hỏng", "damaged"), COLUMN_YES},
    END_COLUMNS,
};
static const struct column item_details[] = {
    {"item", P("mục", "item"), COLUMN_TEXT},
    {"taken", P("cách ly lúc", "taken"), COLUMN_TIME},
    {"name", P("mã độc", "malware"), COLUMN_TEXT},
    {"type", P("loại", "type"), COLUMN_TEXT},
    {"engine", P("bộ máy", "engine"), COLUMN_TEXT},
    {"path", P("đường dẫn", "path"), COLUMN_TEXT},
    {"sha256", P("SHA-256", "SHA-256"), COLUMN_TEXT},
    {"size", P("bytes", "bytes"), COLUMN_NUMBER},
    {"mode", P("quyền", "mode"), COLUMN_TEXT},
    {"uid", P("chủ", "owner"), COLUMN_NUMBER},
    {"gid", P("nhóm", "group"), COLUMN_NUMBER},
    {"modified", P("sửa lúc", "modified"), COLUMN_TIME},
    {"names", P("số tên của tệp", "names of the file"), COLUMN_NUMBER},
    {"stored_bytes", P("bytes lưu", "bytes stored"), COLUMN_NUMBER},
    {"damaged", P("hỏng", "damaged"), COLUMN_YES},
    END_COLUMNS,
};
static const struct column allow_columns[] = {
    {"sha256", P("SHA-256", "SHA-256"), COLUMN_TEXT},
    {"until", P("đến trước", "until"), COLUMN_TIME},
    {"added", P("thêm lúc", "added"), COLUMN_TIME},
    {"who", P("người thêm", "by"), COLUMN_TEXT},
    {"reason", P("lý do", "reason"), COLUMN_TEXT},
    END_COLUMNS,
};

static enum cli_exit show_rows(const struct cli *c, const struct column *columns, const json_t *rows)
{
	const char *format = cli_value(c, "format");

	if (str_eq(format, "json"))
		return json_dumpf(rows, stdout, JSON_INDENT(2)) || putchar('\n') == EOF ? CLI_FAILED : CLI_OK;
	table_rows(c, columns, rows, str_eq(format, "csv") ? TABLE_CSV : TABLE_TEXT);
	return CLI_OK;
}

/* ---- quarantine ---- */

static int add_item(void *arg, const struct quarantine_item *item)
{
	return json_array_append_new(arg, row_of_item(item)) ? -ENOMEM : 0;
}

static enum cli_exit fetch_items(struct cli *c, json_t *rows)
{
	struct control *agent = NULL;
	struct err e = {0};
	enum cli_exit r = cli_open_agent(c, &agent);

	if (r)
		return r;
	int failed = control_quarantine_list(agent, add_item, rows, &e);
	r = failed ? cli_agent_failed(c, failed, &e) : CLI_OK;
	control_free(agent);
	return r;
}

static enum cli_exit quarantine_list(struct cli *c)
{
	json_t *rows = json_array();
	enum cli_exit r = fetch_items(c, rows);

	if (!r)
		r = show_rows(c, item_columns, rows);
	json_decref(rows);
	return r;
}

static enum cli_exit read_id(const struct cli *c, id16 *ret)
{
	if (hex_decode(ret->b, ID_BYTES, cli_value(c, "ITEM")) == 0)
		return CLI_OK;
	return cli_fail(c, CLI_USAGE, "%s",
	    SAY(c, "ITEM là 32 chữ số hex, như trong `khien quarantine list`",
	        "ITEM is 32 hex digits, as `khien quarantine list` shows them"));
}

static enum cli_exit quarantine_show(struct cli *c)
{
	json_t *rows = json_array(), *row, *found = NULL;
	char wanted[ID_TEXT];
	size_t i;
	id16 id;
	enum cli_exit r = read_id(c, &id);

	if (!r)
		r = fetch_items(c, rows);
	hex_encode(wanted, id.b, ID_BYTES);
	json_array_foreach(rows, i, row) if (str_eq(json_string_value(json_object_get(row, "item")), wanted))
	    found = row;
	if (!r && !found)
		r = cli_fail(c, CLI_NOT_FOUND, "%s", SAY(c, "không có mục này", "no such item is in quarantine"));
	else if (!r && str_eq(cli_value(c, "format"), "json"))
		r = json_dumpf(found, stdout, JSON_INDENT(2)) || putchar('\n') == EOF ? CLI_FAILED : CLI_OK;
	else if (!r)
		table_one(c, item_details, found);
	json_decref(rows);
	return r;
}

/* What the agent refuses because there is none. */
static enum cli_exit work_failed(const struct cli *c, int r, const struct err *e)
{
	return r == -ENOENT ? cli_fail(c, CLI_NOT_FOUND, "%s", e->text) : cli_agent_failed(c, r, e);
}

/* "2026-12-31" is meant until its end, an instant as it stands. */
static enum cli_exit read_until(const struct cli *c, int64_t *ret_us)
{
	const char *text = cli_value(c, "until");
	char day[DAY_TEXT];
	int32_t number;

	*ret_us = TIME_END;
	if (!text || instant_parse(text, ret_us) == 0)
		return CLI_OK;
	if (args_day(text, day) || day_parse(day, &number))
		return cli_fail(c, CLI_USAGE, "%s: %s", text, SAY(c, "không phải ngày", "not a day"));
	*ret_us = day_last_us(number) + 1;
	return CLI_OK;
}

static enum cli_exit read_elsewhere(const struct cli *c, char path[PATH_MAX], const char **ret)
{
	const char *to = cli_value(c, "to");
	char here[PATH_MAX];

	*ret = NULL;
	if (!to)
		return CLI_OK;
	if (*to != '/' && !getcwd(here, sizeof here))
		return cli_fail(c, CLI_FAILED, "%s", strerror(errno));
	int n = *to == '/' ? snprintf(path, PATH_MAX, "%s", to) : snprintf(path, PATH_MAX, "%s/%s", here, to);
	if (n < 0 || n >= PATH_MAX)
		return cli_fail(c, CLI_USAGE, "%s", strerror(ENAMETOOLONG));
	*ret = path;
	return CLI_OK;
}

static enum cli_exit quarantine_restore(struct cli *c)
{
	struct allow_item allow = {.reason = cli_value(c, "allow")};
	const char *elsewhere = NULL;
	struct control *agent = NULL;
	char path[PATH_MAX];
	struct err e = {0};
	id16 id;
	enum cli_exit r = read_id(c, &id);

	if (!r)
		r = read_elsewhere(c, path, &elsewhere);
	if (!r)
		r = read_until(c, &allow.until_us);
	if (!r && cli_value(c, "until") && !allow.reason)
		r = cli_fail(c, CLI_USAGE, "%s", SAY(c, "--until cần --allow", "--until needs --allow"));
	if (!r)
		r = cli_open_agent(c, &agent);
	if (!r) {
		int failed = control_quarantine_restore(agent, id, elsewhere, allow.reason ? &allow : NULL, &e);
		r = failed ? work_failed(c, failed, &e) : CLI_OK;
	}
	if (!r)
		puts(SAY(c, "Đã trả lại.", "Restored."));
	control_free(agent);
	return r;
}

static enum cli_exit quarantine_delete(struct cli *c)
{
	struct control *agent = NULL;
	struct err e = {0};
	id16 id;
	enum cli_exit r = read_id(c, &id);

	if (!r)
		r = cli_open_agent(c, &agent);
	if (!r) {
		int failed = control_quarantine_delete(agent, id, &e);
		r = failed ? work_failed(c, failed, &e) : CLI_OK;
	}
	if (!r)
		puts(SAY(c, "Đã xóa.", "Deleted."));
	control_free(agent);
	return r;
}

/* ---- allow list ---- */

static int add_allowed(void *arg, const struct allow_item *item)
{
	json_t *row = json_object();

	add_hex(row, "sha256", item->sha256, SHA256_BYTES);
	add_instant(row, "until", item->until_us);
	add_instant(row, "added", item->added_us);
	json_object_set_new(row, "who", json_string(item->who));
	json_object_set_new(row, "reason", json_string(item->reason));
	return json_array_append_new(arg, row) ? -ENOMEM : 0;
}

static enum cli_exit allow_list(struct cli *c)
{
	json_t *rows = json_array();
	struct control *agent = NULL;
	struct err e = {0};
	enum cli_exit r = cli_open_agent(c, &agent);

	if (!r) {
		int failed = control_allow_list(agent, add_allowed, rows, &e);
		r = failed ? cli_agent_failed(c, failed, &e) : CLI_OK;
	}
	if (!r)
		r = show_rows(c, allow_columns, rows);
	control_free(agent);
	json_decref(rows);
	return r;
}

static enum cli_exit read_digest(const struct cli *c, uint8_t sha256[SHA256_BYTES])
{
	if (hex_decode(sha256, SHA256_BYTES, cli_value(c, "SHA256")) == 0)
		return CLI_OK;
	return cli_fail(c, CLI_USAGE, "%s", SAY(c, "SHA256 là 64 chữ số hex", "SHA256 is 64 hex digits"));
}

static enum cli_exit allow_add(struct cli *c)
{
	struct allow_item item = {.reason = cli_value(c, "reason")};
	struct control *agent = NULL;
	struct err e = {0};
	enum cli_exit r = read_digest(c, item.sha256);

	if (!r)
		r = read_until(c, &item.until_us);
	if (!r)
		r = cli_open_agent(c, &agent);
	if (!r) {
		int failed = control_allow_add(agent, &item, &e);
		r = failed ? work_failed(c, failed, &e) : CLI_OK;
	}
	if (!r)
		puts(say(c, (struct phrase)DONE));
	control_free(agent);
	return r;
}

static enum cli_exit allow_remove(struct cli *c)
{
	uint8_t sha256[SHA256_BYTES];
	struct control *agent = NULL;
	struct err e = {0};
	enum cli_exit r = read_digest(c, sha256);

	if (!r)
		r = cli_open_agent(c, &agent);
	if (!r) {
		int failed = control_allow_remove(agent, sha256, &e);
		r = failed ? work_failed(c, failed, &e) : CLI_OK;
	}
	if (!r)
		puts(say(c, (struct phrase)DONE));
	control_free(agent);
	return r;
}

/* ---- the tables ---- */

#define ITEM_WORD                                                                                                      \
	{                                                                                                              \
		"ITEM", NULL, VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,                                           \
		    P("mục cách ly", "item of the quarantine")                                                         \
	}
#define SHA256_WORD                                                                                                    \
	{                                                                                                              \
		"SHA256", NULL, VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,                                         \
		    P("SHA-256 của nội dung", "SHA-256 of the content")                                                \
	}
#define ALLOWED_UNTIL                                                                                                  \
	{                                                                                                              \
		"until", NULL, VALUE_TIME, 0, NULL,                                                                    \
		    P("đến hết ngày này, hoặc đến thời điểm này (mặc định: chưa hẹn)",                                 \
		        "until this day's end, or this instant (default: further notice)")                             \
	}

static const struct option_row list_options[] = {FORMAT_OPTION, END_OPTIONS};
static const struct option_row show_options[] = {ITEM_WORD, FORMAT_OPTION, END_OPTIONS};
static const struct option_row delete_options[] = {ITEM_WORD, END_OPTIONS};
static const struct option_row restore_options[] = {
    ITEM_WORD,
    {"to", NULL, VALUE_TEXT, 0, NULL, P("tới tệp này thay vì chỗ cũ", "to this file instead of where it was")},
    {"allow", NULL, VALUE_TEXT, 0, NULL,
        P("cho phép nội dung này, vì lý do này; nếu không, lần quét sau lại cách ly",
            "allow this content, for this reason; else the next scan takes it again")},
    ALLOWED_UNTIL,
    END_OPTIONS,
};
static const struct option_row allow_add_options[] = {SHA256_WORD, REASON_OPTION, ALLOWED_UNTIL, END_OPTIONS};
static const struct option_row allow_remove_options[] = {SHA256_WORD, END_OPTIONS};

const struct command quarantine_commands[] = {
    {"quarantine list", P("những gì đang bị cách ly trên máy này", "what is in quarantine on this computer"),
        list_options, NULL, quarantine_list},
    {"quarantine show", P("một mục cách ly", "one item of the quarantine"), show_options, NULL, quarantine_show},
    {"quarantine restore", P("trả một tệp về chỗ cũ, nguyên vẹn", "gives a file back to where it was, as it was"),
        restore_options, NULL, quarantine_restore},
    {"quarantine delete", P("xóa hẳn một mục cách ly", "deletes an item for good"), delete_options, NULL,
        quarantine_delete},
    {"allow list", P("nội dung được phép trên máy này", "contents that are allowed on this computer"), list_options,
        NULL, allow_list},
    {"allow add", P("cho phép một nội dung trên máy này", "allows a content on this computer"), allow_add_options, NULL,
        allow_add},
    {"allow remove", P("không cho phép nội dung ấy nữa", "allows it no more"), allow_remove_options, NULL,
        allow_remove},
    END_COMMANDS,
};
