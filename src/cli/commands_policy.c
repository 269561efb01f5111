/* Enrolment tokens, policy, tasks. */
#include "cli_options.h"
#include "cli_tables.h"

static const struct column token_columns[] = {
    {"id", P("Mã số", "Id"), COLUMN_TEXT},
    {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
    {"uses_left", P("Còn lượt", "Uses left"), COLUMN_NUMBER},
    {"uses", P("Tổng", "Of"), COLUMN_NUMBER},
    {"expires_at", P("Hết hạn", "Expires"), COLUMN_TIME},
    {"revoked", P("Thu hồi", "Revoked"), COLUMN_YES},
    {"actor", P("Người tạo", "Made by"), COLUMN_TEXT},
    {"note", P("Ghi chú", "Note"), COLUMN_TEXT},
    END_COLUMNS,
};
static const struct option_row format_only[] = {FORMAT_OPTION, END_OPTIONS};
static const struct call_row list_call = {
    "GET", "/api/v1/enrolment-tokens", "tokens", token_columns, {{NULL, NULL}}, NULL, false};
static const struct option_row create_options[] = {
    {"unit", "node", VALUE_UNIT, 0, "-",
        P("nơi máy được xếp nếu tên không nói", "where a machine hangs whose name does not say")},
    {"uses", "uses", VALUE_NUMBER, 0, "1", P("số lượt dùng", "how often it may be used")},
    {"lifetime", "lifetime_s", VALUE_SECONDS, 0, "7d", P("thời hạn", "how long it lives")},
    {"note", "note", VALUE_TEXT, 0, NULL, P("ghi chú", "a note")},
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row create_call = {"POST", "/api/v1/enrolment-tokens", NULL,
    (const struct column[]){
        {"id", P("Mã số", "Id"), COLUMN_TEXT},
        {"expires_at", P("Hết hạn", "Expires"), COLUMN_TIME},
        {"token", P("Mã đăng ký", "Token"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct option_row revoke_options[] = {
    {"TOKEN", "token", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,
        P("mã số (12 chữ số hex)", "its id (12 hex digits)")},
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row revoke_call = {
    "DELETE", "/api/v1/enrolment-tokens/{token}", NULL, NULL, DONE, NULL, false};

const struct command token_commands[] = {
    {"tokens list", P("các mã đăng ký máy", "the enrolment tokens"), format_only, &list_call, NULL},
    {"tokens create", P("tạo mã đăng ký", "makes one; its text is shown this once"), create_options, &create_call,
        NULL},
    {"tokens revoke", P("thu hồi mã", "ends one"), revoke_options, &revoke_call, NULL},
    END_COMMANDS,
};

/* Policy */
#define SETTING_WORD                                                                                                   \
	{                                                                                                              \
		"SETTING", "setting", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,                                   \
		    P("tên thiết lập (policy settings)", "its name (policy settings)")                                 \
	}
static const struct column setting_columns[] = {
    {"name", P("Thiết lập", "Setting"), COLUMN_TEXT},
    {"value", P("Giá trị", "Value"), COLUMN_NUMBER},
    {"from_node", P("Đặt tại", "Set at"), COLUMN_UNIT},
    {"locked", P("Khóa", "Locked"), COLUMN_YES},
    END_COLUMNS,
};
static const struct option_row show_options[] = {
    UNIT_WORD("node"), AS_OF_OPTION, KNOWN_AT_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row show_call = {
    "GET", "/api/v1/units/{node}/policy", "settings", setting_columns, {{NULL, NULL}}, NULL, false};
static const struct call_row settings_call = {"GET", "/api/v1/policy/settings", "settings",
    (const struct column[]){
        {"name", P("Thiết lập", "Setting"), COLUMN_TEXT},
        {"standard", P("Mặc định", "Standard"), COLUMN_NUMBER},
        {"min", P("Nhỏ nhất", "Least"), COLUMN_NUMBER},
        {"max", P("Lớn nhất", "Most"), COLUMN_NUMBER},
        {"unit", P("Đơn vị tính", "In"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct call_row statements_call = {"GET", "/api/v1/policy/statements", "statements",
    (const struct column[]){
        {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
        {"name", P("Thiết lập", "Setting"), COLUMN_TEXT},
        {"value", P("Giá trị", "Value"), COLUMN_NUMBER},
        {"locked", P("Khóa", "Locked"), COLUMN_YES},
        {"valid_from", P("Từ", "From"), COLUMN_TIME},
        {"valid_to", P("Đến", "To"), COLUMN_TIME},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct option_row statements_options[] = {AS_OF_OPTION, KNOWN_AT_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct option_row set_options[] = {
    UNIT_WORD("node"),
    SETTING_WORD,
    NUMBER_WORD("VALUE", "value", "giá trị", "its value"),
    {"lock", "locked", VALUE_FLAG, 0, NULL, P("bên dưới không được đổi", "nodes below cannot change it")},
    FROM_OPTION,
    UNTIL_OPTION,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row set_call = {"PUT", "/api/v1/units/{node}/policy/{setting}", NULL, NULL, DONE, NULL, false};
static const struct option_row clear_options[] = {
    UNIT_WORD("node"), SETTING_WORD, FROM_OPTION, UNTIL_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row clear_call = {
    "DELETE", "/api/v1/units/{node}/policy/{setting}", NULL, NULL, DONE, NULL, false};

const struct command policy_commands[] = {
    {"policy settings", P("các thiết lập có thể đặt", "the settings that there are"), format_only, &settings_call,
        NULL},
    {"policy show", P("chính sách có hiệu lực của một đơn vị", "what is in effect for a unit, and from where"),
        show_options, &show_call, NULL},
    {"policy list", P("mọi nơi đã đặt chính sách", "what is stated anywhere"), statements_options, &statements_call,
        NULL},
    {"policy set", P("đặt một thiết lập", "states a setting for a unit"), set_options, &set_call, NULL},
    {"policy clear", P("bỏ một thiết lập", "the unit says nothing about it any more"), clear_options, &clear_call,
        NULL},
    END_COMMANDS,
};

/* Tasks */
#define KIND_WORD                                                                                                      \
	{                                                                                                              \
		"KIND", "kind", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,                                         \
		    P("report-now, collect-status, scan, quarantine-restore, quarantine-delete",                       \
		        "report-now, collect-status, scan, quarantine-restore, quarantine-delete")                     \
	}
#define ARGS_OPTIONS                                                                                                   \
	{"extent", "args.extent", VALUE_TEXT, 0, NULL, P("scan: quick, full, custom", "scan: quick, full, custom")},   \
	    {"paths", "args.paths", VALUE_LIST, 0, NULL, P("scan custom: các đường dẫn", "scan custom: what")},        \
	    {"sha256", "args.sha256", VALUE_TEXT, 0, NULL,                                                             \
	        P("quarantine-…: mọi tệp có nội dung này", "quarantine-…: whatever has this content")},                \
	{                                                                                                              \
		"item", "args.item", VALUE_TEXT, 0, NULL, P("quarantine-…: một mục", "quarantine-…: one item")         \
	}
#define EXPIRES_OPTION                                                                                                 \
	{                                                                                                              \
		"expires", "expires_s", VALUE_SECONDS, 0, NULL, P("bỏ sau", "given up after")                          \
	}
static const struct option_row unit_task_options[] = {
    KIND_WORD, UNIT_WORD("node"), ARGS_OPTIONS, EXPIRES_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct option_row machine_task_options[] = {
    KIND_WORD,
    ARGS_OPTIONS,
    EXPIRES_OPTION,
    FORMAT_OPTION,
    {"MACHINE", "machines", VALUE_LIST, OPTION_WORD | OPTION_NEEDED | OPTION_REST, NULL,
        P("định danh các máy", "the machines' ids")},
    END_OPTIONS,
};
static const struct column made_columns[] = {
    {"id", P("Số", "Id"), COLUMN_NUMBER}, {"targets", P("Số máy", "Machines"), COLUMN_NUMBER}, END_COLUMNS};
static const struct call_row unit_task_call = {
    "POST", "/api/v1/tasks", NULL, made_columns, {{NULL, NULL}}, NULL, false};
static const struct call_row machine_task_call = {
    "POST", "/api/v1/tasks/for-machines", NULL, made_columns, {{NULL, NULL}}, NULL, false};
static const struct option_row task_list_options[] = {
    {"limit", "limit", VALUE_NUMBER, 0, NULL, P("nhiều nhất", "at most so many")},
    {"before", "before", VALUE_NUMBER, 0, NULL, P("trước số này", "before this id")},
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row task_list_call = {"GET", "/api/v1/tasks", "tasks",
    (const struct column[]){
        {"id", P("Số", "Id"), COLUMN_NUMBER},
        {"kind", P("Tác vụ", "Task"), COLUMN_TEXT},
        {"created_at", P("Tạo lúc", "Made"), COLUMN_TIME},
        {"expires_at", P("Hết hạn", "Expires"), COLUMN_TIME},
        {"targets.waiting", P("Chờ", "Waiting"), COLUMN_NUMBER},
        {"targets.delivered", P("Đã giao", "Delivered"), COLUMN_NUMBER},
        {"targets.running", P("Đang chạy", "Running"), COLUMN_NUMBER},
        {"targets.done", P("Xong", "Done"), COLUMN_NUMBER},
        {"targets.failed", P("Hỏng", "Failed"), COLUMN_NUMBER},
        {"targets.cancelled", P("Hủy", "Cancelled"), COLUMN_NUMBER},
        {"targets.expired", P("Quá hạn", "Expired"), COLUMN_NUMBER},
        {"actor", P("Người giao", "By"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct option_row task_options[] = {
    NUMBER_WORD("TASK", "task", "số của tác vụ", "the task's id"), FORMAT_OPTION, END_OPTIONS};
static const struct call_row targets_call = {"GET", "/api/v1/tasks/{task}/targets", "targets",
    (const struct column[]){
        {"machine", P("Máy", "Machine"), COLUMN_TEXT},
        {"name", P("Tên", "Name"), COLUMN_TEXT},
        {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
        {"state", P("Trạng thái", "State"), COLUMN_TEXT},
        {"delivered_at", P("Giao lúc", "Delivered"), COLUMN_TIME},
        {"done_at", P("Xong lúc", "Done"), COLUMN_TIME},
        {"result", P("Kết quả", "Result"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct call_row cancel_call = {"POST", "/api/v1/tasks/{task}/cancel", NULL, NULL, DONE, NULL, false};

const struct command task_commands[] = {
    {"task create", P("giao tác vụ cho các máy của một đơn vị", "a task for the machines of a unit"), unit_task_options,
        &unit_task_call, NULL},
    {"task for", P("giao tác vụ cho từng máy", "a task for certain machines"), machine_task_options, &machine_task_call,
        NULL},
    {"task list", P("các tác vụ", "the tasks"), task_list_options, &task_list_call, NULL},
    {"task show", P("tác vụ trên từng máy", "a task, machine by machine"), task_options, &targets_call, NULL},
    {"task cancel", P("hủy tác vụ", "cancels what has not been delivered"), task_options, &cancel_call, NULL},
    END_COMMANDS,
};
