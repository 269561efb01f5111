/* Figures, detections, the audit log. The figures' text and CSV are the centre's own: one writer for all who read them.
 */
#include "cli_api.h"
#include "cli_args.h"
#include "cli_call.h"
#include "cli_options.h"
#include "cli_tables.h"
#include "str.h"

#include <stdlib.h>

#define REPORT_MOMENT                                                                                                  \
	{"as-of", NULL, VALUE_DAY, 0, NULL,                                                                            \
	    P("đến hết ngày này (mặc định: bây giờ)", "as of this day's end (default: now)")},                         \
	{                                                                                                              \
		"known-at", NULL, VALUE_TIME, 0, NULL, P("theo những gì đã biết lúc đó", "as it was known then")       \
	}
#define WHAT_OPTION                                                                                                    \
	{                                                                                                              \
		"what", NULL, VALUE_TEXT, 0, "installed",                                                              \
		    P("installed, active, silent, protected, misnamed",                                                \
		        "installed, active, silent, protected, misnamed")                                              \
	}
static const struct option_row figures_options[] = {
    REPORT_MOMENT,
    {"group", NULL, VALUE_TEXT, 0, NULL, P("chỉ khối này", "of this group alone")},
    {"machines", NULL, VALUE_TEXT, 0, NULL,
        P("danh sách máy sau con số của đơn vị này; '-' là toàn tỉnh",
            "the machines behind this unit's figure; '-' is the province")},
    WHAT_OPTION,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct option_row machines_options[] = {
    {"UNIT", NULL, VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,
        P("mã đơn vị hoặc khối; '-' là toàn tỉnh", "code of a unit or group; '-' is the province")},
    REPORT_MOMENT,
    WHAT_OPTION,
    FORMAT_OPTION,
    END_OPTIONS,
};

static void add_query(struct buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	(void)buf_addf(path, "%c%s=", strchr(buf_str(path), '?') ? '&' : '?', name);
	call_add_escaped(path, value);
}

static enum cli_exit print_answer(const struct cli *c, const struct api_answer *a)
{
	json_t *root;

	if (strncmp(a->type, "application/json", 16) != 0)
		return fwrite(a->body, 1, a->n, stdout) == a->n ? CLI_OK : CLI_FAILED;
	root = json_loadb(a->body, a->n, 0, NULL);
	if (!root || json_dumpf(root, stdout, JSON_INDENT(2) | JSON_SORT_KEYS) || putchar('\n') == EOF) {
		json_decref(root);
		return cli_fail(
		    c, CLI_FAILED, "%s", SAY(c, "máy chủ trả lời không phải JSON", "the centre's answer is not JSON"));
	}
	json_decref(root);
	return CLI_OK;
}

static enum cli_exit fetch(struct cli *c, struct buf *path)
{
	const char *day = cli_value(c, "as-of");
	struct api_answer a = {0};
	char iso[11];
	enum cli_exit r;

	add_query(path, "as_of", day && !args_day(day, iso) ? iso : NULL);
	day = cli_value(c, "known-at");
	add_query(path, "known_at", day && !args_day(day, iso) ? iso : day);
	add_query(path, "format", cli_value(c, "format"));
	r = api_call(c, "GET", buf_str(path), NULL, NULL, 0, &a);
	if (!r)
		r = api_refused(c, &a);
	if (!r)
		r = print_answer(c, &a);
	free(a.body);
	buf_release(path);
	return r;
}

static enum cli_exit fetch_machines(struct cli *c, const char *unit)
{
	struct buf path = BUF_INIT(8192);

	(void)buf_adds(&path, "/api/v1/report/machines");
	add_query(&path, "unit", str_eq(unit, "-") ? NULL : unit);
	add_query(&path, "what", cli_value(c, "what"));
	return fetch(c, &path);
}

static enum cli_exit figures(struct cli *c)
{
	struct buf path = BUF_INIT(8192);

	if (cli_value(c, "machines"))
		return fetch_machines(c, cli_value(c, "machines"));
	(void)buf_adds(&path, "/api/v1/report/figures");
	add_query(&path, "group", cli_value(c, "group"));
	return fetch(c, &path);
}

static enum cli_exit machines(struct cli *c)
{
	return fetch_machines(c, cli_value(c, "UNIT"));
}

static const struct option_row audit_options[] = {
    {"actor", "actor", VALUE_TEXT, 0, NULL, P("của người này, ví dụ account:1", "of this one, such as account:1")},
    {"object", "object", VALUE_TEXT, 0, NULL, P("về đối tượng này, ví dụ unit:7", "about this, such as unit:7")},
    {"before", "before", VALUE_NUMBER, 0, NULL, P("trước lần ghi này", "before this revision")},
    {"limit", "limit", VALUE_NUMBER, 0, "100", P("nhiều nhất", "at most so many")},
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row audit_call = {"GET", "/api/v1/audit", "entries",
    (const struct column[]){
        {"rev", P("Lần ghi", "Revision"), COLUMN_NUMBER},
        {"recorded_at", P("Lúc", "When"), COLUMN_TIME},
        {"actor", P("Ai", "Who"), COLUMN_TEXT},
        {"action", P("Việc", "What"), COLUMN_TEXT},
        {"object", P("Đối tượng", "On what"), COLUMN_TEXT},
        {"detail", P("Chi tiết", "Detail"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};

static enum cli_exit verify(struct cli *c)
{
	json_t *answer = NULL;
	enum cli_exit r = api_json(c, "GET", "/api/v1/audit/verify", NULL, &answer);

	if (r)
		return r;
	if (str_eq(cli_value(c, "format"), "json"))
		r = call_show(c, c->command->call, answer);
	else if (json_is_true(json_object_get(answer, "sound")))
		printf(SAY(c, "Nhật ký nguyên vẹn: %lld mục, mục cuối %s\n",
		           "The log is sound: %lld entries, the last one %s\n"),
		    (long long)json_integer_value(json_object_get(answer, "rev")),
		    json_string_value(json_object_get(answer, "hash")));
	if (!r && !json_is_true(json_object_get(answer, "sound")))
		r = cli_fail(c, CLI_FAILED,
		    SAY(c, "nhật ký đã bị sửa: mục %lld không khớp",
		        "the log was tampered with: entry %lld does not fit"),
		    (long long)json_integer_value(json_object_get(answer, "first_bad")));
	json_decref(answer);
	return r;
}
static const struct option_row format_only[] = {FORMAT_OPTION, END_OPTIONS};
static const struct call_row verify_call = {"GET", "/api/v1/audit/verify", NULL, NULL, {{NULL, NULL}}, NULL, false};

const struct command report_commands[] = {
    {"report figures", P("số liệu báo cáo theo khối và đơn vị", "the report's figures, by group and unit"),
        figures_options, NULL, figures},
    {"report machines", P("các máy sau một con số", "the machines behind a figure"), machines_options, NULL, machines},
    {"audit list", P("nhật ký thao tác", "the audit log"), audit_options, &audit_call, NULL},
    {"audit verify", P("kiểm tra chuỗi băm của nhật ký", "recomputes the log's hash chain"), format_only, &verify_call,
        verify},
    END_COMMANDS,
};
