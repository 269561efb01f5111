/* The tree, its declarations. */
#include "cli_api.h"
#include "cli_call.h"
#include "cli_options.h"
#include "cli_tables.h"
#include "bounds.h"
#include "str.h"

#include <stdlib.h>

static const struct column unit_columns[] = {
    {"code", P("Mã", "Code"), COLUMN_TEXT},
    {"kind", P("Loại", "Kind"), COLUMN_TEXT},
    {"parent", P("Thuộc", "Below"), COLUMN_UNIT},
    {"name", P("Tên", "Name"), COLUMN_TEXT},
    END_COLUMNS,
};
static const struct option_row list_options[] = {
    {"search", "search", VALUE_TEXT, 0, NULL,
        P("tìm trong mã và tên, không cần dấu", "in code and name; marks do not matter")},
    {"all", "all", VALUE_FLAG, 0, NULL, P("cả đơn vị đã giải thể", "also what has been dissolved")},
    AS_OF_OPTION,
    KNOWN_AT_OPTION,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row list_call = {"GET", "/api/v1/units", "units", unit_columns, {{NULL, NULL}}, NULL, false};

static const struct column statement_columns[] = {
    {"rev", P("Lần ghi", "Revision"), COLUMN_NUMBER},
    {"recorded_at", P("Ghi lúc", "Recorded"), COLUMN_TIME},
    {"valid_from", P("Từ", "From"), COLUMN_TIME},
    {"valid_to", P("Đến", "To"), COLUMN_TIME},
    {"present", P("Còn", "Present"), COLUMN_YES},
    {"code", P("Mã", "Code"), COLUMN_TEXT},
    {"parent", P("Thuộc", "Below"), COLUMN_UNIT},
    {"name", P("Tên", "Name"), COLUMN_TEXT},
    {"document", P("Văn bản", "Document"), COLUMN_TEXT},
    END_COLUMNS,
};
static const struct option_row unit_options[] = {UNIT_WORD("node"), FORMAT_OPTION, END_OPTIONS};
static const struct call_row history_call = {
    "GET", "/api/v1/units/{node}/history", "statements", statement_columns, {{NULL, NULL}}, NULL, false};

static const struct option_row add_options[] = {
    {"CODE", "code", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL, P("mã", "code")},
    {"NAME", "name", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL, P("tên", "name")},
    {"kind", "kind", VALUE_TEXT, 0, "unit", P("unit (đơn vị) hoặc group (khối)", "unit or group")},
    {"below", "parent", VALUE_UNIT, 0, "-", P("thuộc khối hoặc đơn vị", "the group or unit above")},
    {"order", "sort_order", VALUE_NUMBER, 0, NULL, P("thứ tự", "its place in the order")},
    FROM_OPTION,
    DOCUMENT_OPTIONS,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row add_call = {"POST", "/api/v1/units", NULL, NULL, DONE, NULL, false};

static const struct option_row change_options[] = {
    UNIT_WORD("node"),
    {"code", "code", VALUE_TEXT, 0, NULL, P("mã mới", "its new code")},
    {"name", "name", VALUE_TEXT, 0, NULL, P("tên mới", "its new name")},
    {"below", "parent", VALUE_UNIT, 0, NULL, P("chuyển về", "moves below")},
    {"order", "sort_order", VALUE_NUMBER, 0, NULL, P("thứ tự", "its place in the order")},
    FROM_OPTION,
    UNTIL_OPTION,
    DOCUMENT_OPTIONS,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row change_call = {"PATCH", "/api/v1/units/{node}", NULL, NULL, DONE, NULL, false};

static const struct option_row dissolve_options[] = {
    UNIT_WORD("node"), FROM_OPTION, UNTIL_OPTION, DOCUMENT_OPTIONS, FORMAT_OPTION, END_OPTIONS};
static const struct call_row dissolve_call = {"POST", "/api/v1/units/{node}/dissolve", NULL, NULL, DONE, NULL, false};

/* Imports: the file goes as it is; the centre reads it, and tells line and column of what is wrong. */
static const struct column import_columns[] = {
    {"created", P("Thêm mới", "Created"), COLUMN_NUMBER},
    {"changed", P("Thay đổi", "Changed"), COLUMN_NUMBER},
    {"unchanged", P("Không đổi", "Unchanged"), COLUMN_NUMBER},
    {"declared", P("Kê khai", "Declared"), COLUMN_NUMBER},
    {"machines_moved", P("Máy đổi đơn vị", "Machines moved"), COLUMN_NUMBER},
    END_COLUMNS,
};
static const struct call_row import_shown = {NULL, NULL, NULL, import_columns, {{NULL, NULL}}, NULL, false};

#define FILE_WORD                                                                                                      \
	{                                                                                                              \
		"FILE", NULL, VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,                                           \
		    P("tệp CSV; '-' là đầu vào chuẩn", "a CSV file; '-' is standard input")                            \
	}
static const struct option_row import_options[] = {
    FILE_WORD,
    {"kind", "kind", VALUE_TEXT, 0, "units",
        P("units (code,name,group,allocated) hoặc groups (code,name)",
            "units (code,name,group,allocated) or groups (code,name)")},
    {"pool", "pool", VALUE_NUMBER, 0, NULL,
        P("gói bản quyền mà cột allocated lấy từ đó", "the pool that `allocated` is from")},
    FROM_OPTION,
    DOCUMENT_OPTIONS,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct option_row declared_import_options[] = {
    FILE_WORD,
    {"kind", "kind", VALUE_TEXT, 0, "declarations",
        P("declarations (code,servers,workstations)", "declarations (code,servers,workstations)")},
    FROM_OPTION,
    DOCUMENT_OPTIONS,
    FORMAT_OPTION,
    END_OPTIONS,
};
/* Only for call_path: the query of the import. */
static const struct call_row import_call = {"DELETE", "/api/v1/units/import", NULL, NULL, {{NULL, NULL}}, NULL, false};

static enum cli_exit import(struct cli *c)
{
	struct buf path = BUF_INIT(8192), file = BUF_INIT(MAX_API_BODY);
	struct api_answer a = {0};
	json_t *unused = NULL, *answer = NULL;
	enum cli_exit r = call_path(c, &path, &unused);

	if (!r)
		r = cli_read_file(c, cli_value(c, "FILE"), &file);
	if (!r)
		r = api_call(c, "POST", buf_str(&path), "text/csv", buf_str(&file), file.n, &a);
	if (!r)
		r = api_refused(c, &a);
	if (!r) {
		answer = json_loadb(a.body, a.n, 0, NULL);
		r = call_show(c, &import_shown, answer);
	}
	json_decref(answer);
	json_decref(unused);
	free(a.body);
	buf_release(&file);
	buf_release(&path);
	return r;
}

static enum cli_exit export(struct cli *c) {
	struct buf path = BUF_INIT(8192); struct api_answer a = {0}; json_t *unused = NULL;
	enum cli_exit r = call_path(c, &path, &unused);

	if (!r) r = api_call(c, "GET", buf_str(&path), NULL, NULL, 0, &a);
	if (!r) r = api_refused(c, &a);
	if (!r) fwrite(a.body, 1, a.n, stdout);
	json_decref(unused);
	free(a.body);
	buf_release(&path);
	return r;
}
static const struct option_row export_options[] = {AS_OF_OPTION, KNOWN_AT_OPTION, END_OPTIONS};
static const struct call_row export_call = {"GET", "/api/v1/units/export", NULL, NULL, {{NULL, NULL}}, NULL, false};

const struct command unit_commands[] = {
    {"units list", P("cây đơn vị", "the tree of units"), list_options, &list_call, NULL},
    {"units history", P("mọi điều đã ghi về một đơn vị", "all that was ever said about a unit"), unit_options,
        &history_call, NULL},
    {"units add", P("thêm đơn vị hoặc khối", "adds a unit or a group"), add_options, &add_call, NULL},
    {"units change", P("đổi tên, mã, nơi thuộc", "changes name, code, place"), change_options, &change_call, NULL},
    {"units dissolve", P("giải thể", "a unit that is no more"), dissolve_options, &dissolve_call, NULL},
    {"units import", P("nhập danh sách CSV", "imports a list in CSV"), import_options, &import_call, import},
    {"units export", P("xuất danh sách CSV", "exports the list in CSV"), export_options, &export_call, export},
    END_COMMANDS,
};

static const struct column declared_columns[] = {
    {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
    {"servers", P("Máy chủ", "Servers"), COLUMN_NUMBER},
    {"workstations", P("Máy trạm", "Workstations"), COLUMN_NUMBER},
    {"valid_from", P("Từ", "From"), COLUMN_TIME},
    {"document", P("Văn bản", "Document"), COLUMN_TEXT},
    {"document_day", P("Ngày", "Day"), COLUMN_DAY},
    END_COLUMNS,
};
static const struct option_row declared_options[] = {AS_OF_OPTION, KNOWN_AT_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row declared_call = {
    "GET", "/api/v1/declarations", "declarations", declared_columns, {{NULL, NULL}}, NULL, false};

static const struct option_row declare_options[] = {
    UNIT_WORD("node"),
    {"servers", "servers", VALUE_NUMBER, OPTION_NEEDED, NULL, P("số máy chủ hiện có", "how many servers there are")},
    {"workstations", "workstations", VALUE_NUMBER, OPTION_NEEDED, NULL,
        P("số máy trạm hiện có", "how many workstations")},
    FROM_OPTION,
    UNTIL_OPTION,
    DOCUMENT_OPTIONS,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row declare_call = {"PUT", "/api/v1/units/{node}/declaration", NULL, NULL, DONE, NULL, false};
static const struct option_row withdraw_options[] = {
    UNIT_WORD("node"), FROM_OPTION, UNTIL_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row withdraw_call = {
    "DELETE", "/api/v1/units/{node}/declaration", NULL, NULL, DONE, NULL, false};

const struct command declared_commands[] = {
    {"declared list", P("số máy các đơn vị kê khai", "how many computers the units say they have"), declared_options,
        &declared_call, NULL},
    {"declared set", P("kê khai cho một đơn vị", "a unit's declaration"), declare_options, &declare_call, NULL},
    {"declared withdraw", P("rút lại kê khai", "takes a declaration back"), withdraw_options, &withdraw_call, NULL},
    {"declared import", P("nhập kê khai từ CSV", "imports declarations from CSV"), declared_import_options,
        &import_call, import},
    END_COMMANDS,
};
