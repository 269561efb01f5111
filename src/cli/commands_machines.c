/* Machines and the rules that place them. */
#include "cli_options.h"
#include "cli_tables.h"

static const struct column machine_columns[] = {
    {"uid", P("Định danh", "Id"), COLUMN_TEXT},
    {"name", P("Tên máy", "Name"), COLUMN_TEXT},
    {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
    {"basis", P("Theo", "By"), COLUMN_TEXT},
    {"installed", P("Cài đặt", "Installed"), COLUMN_YES},
    {"active", P("Hoạt động", "Active"), COLUMN_YES},
    {"protected", P("Bảo vệ", "Protected"), COLUMN_YES},
    {"last_seen", P("Thấy lần cuối", "Last seen"), COLUMN_TIME},
    {"policy_version", P("Chính sách", "Policy"), COLUMN_NUMBER},
    {"agent_version", P("Phiên bản", "Version"), COLUMN_TEXT},
    {"address", P("Địa chỉ", "Address"), COLUMN_TEXT},
    END_COLUMNS,
};
static const struct option_row list_options[] = {
    {"unit", "node", VALUE_UNIT, 0, NULL, P("của đơn vị này và bên dưới", "of this unit and below")},
    {"unit-only", "node_only", VALUE_FLAG, 0, NULL, P("không tính bên dưới", "not below it")},
    {"state", "state", VALUE_TEXT, 0, NULL,
        P("installed, active, silent, protected, gone, any", "installed, active, silent, protected, gone, any")},
    {"search", "search", VALUE_TEXT, 0, NULL, P("tìm trong tên máy", "in the machine's name")},
    {"limit", "limit", VALUE_NUMBER, 0, NULL, P("nhiều nhất", "at most so many")},
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row list_call = {
    "GET", "/api/v1/machines", "machines", machine_columns, {{NULL, NULL}}, NULL, true};

static const struct option_row machine_options[] = {MACHINE_WORD, FORMAT_OPTION, END_OPTIONS};
static const struct call_row show_call = {"GET", "/api/v1/machines/{machine}", NULL,
    (const struct column[]){
        {"uid", P("Định danh", "Id"), COLUMN_TEXT},
        {"name", P("Tên máy", "Name"), COLUMN_TEXT},
        {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
        {"basis", P("Xếp theo", "Placed by"), COLUMN_TEXT},
        {"place_reason", P("Lý do", "Why there"), COLUMN_TEXT},
        {"installed", P("Cài đặt", "Installed"), COLUMN_YES},
        {"presence_since", P("Từ", "Since"), COLUMN_TIME},
        {"active", P("Hoạt động", "Active"), COLUMN_YES},
        {"protected", P("Được bảo vệ", "Protected"), COLUMN_YES},
        {"last_seen", P("Thấy lần cuối", "Last seen"), COLUMN_TIME},
        {"address", P("Địa chỉ", "Address"), COLUMN_TEXT},
        {"policy_version", P("Phiên bản chính sách", "Policy version"), COLUMN_NUMBER},
        {"agent_version", P("Phiên bản phần mềm", "Agent version"), COLUMN_TEXT},
        {"state.inventory.os_name", P("Hệ điều hành", "System"), COLUMN_TEXT},
        {"state.inventory.kernel", P("Nhân", "Kernel"), COLUMN_TEXT},
        {"state.inventory.domain", P("Miền", "Domain"), COLUMN_TEXT},
        {"state.inventory.addresses", P("Địa chỉ mạng", "Addresses"), COLUMN_LIST},
        {"state.inventory.firewall", P("Tường lửa", "Firewall"), COLUMN_TEXT},
        {"state.inventory.patches_pending", P("Bản vá đang chờ", "Patches pending"), COLUMN_NUMBER},
        {"state.problems", P("Vấn đề", "Problems"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct call_row history_call = {"GET", "/api/v1/machines/{machine}/history", "statements",
    (const struct column[]){
        {"rev", P("Lần ghi", "Revision"), COLUMN_NUMBER},
        {"recorded_at", P("Ghi lúc", "Recorded"), COLUMN_TIME},
        {"kind", P("Điều", "What"), COLUMN_TEXT},
        {"valid_from", P("Từ", "From"), COLUMN_TIME},
        {"valid_to", P("Đến", "To"), COLUMN_TIME},
        {"installed", P("Cài đặt", "Installed"), COLUMN_YES},
        {"name", P("Tên", "Name"), COLUMN_TEXT},
        {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
        {"reason", P("Lý do", "Why"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct column decision_columns[] = {
    {"rev", P("Lần ghi", "Revision"), COLUMN_NUMBER},
    {"recorded_at", P("Lúc", "When"), COLUMN_TIME},
    {"kind", P("Quyết định", "Decision"), COLUMN_TEXT},
    {"machine", P("Máy", "Machine"), COLUMN_TEXT},
    {"other", P("Máy kia", "The other"), COLUMN_TEXT},
    {"detail", P("Căn cứ", "Evidence"), COLUMN_TEXT},
    END_COLUMNS,
};
static const struct call_row decisions_call = {
    "GET", "/api/v1/machines/{machine}/decisions", "decisions", decision_columns, {{NULL, NULL}}, NULL, false};
static const struct call_row all_decisions_call = {
    "GET", "/api/v1/identity-decisions", "decisions", decision_columns, {{NULL, NULL}}, NULL, false};
static const struct call_row certificates_call = {"GET", "/api/v1/machines/{machine}/certificates", "certificates",
    (const struct column[]){
        {"serial", P("Số sê-ri", "Serial"), COLUMN_TEXT},
        {"not_before", P("Từ", "From"), COLUMN_TIME},
        {"not_after", P("Đến", "To"), COLUMN_TIME},
        {"status", P("Trạng thái", "Status"), COLUMN_TEXT},
        {"current", P("Đang dùng", "Current"), COLUMN_YES},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct call_row clones_call = {"GET", "/api/v1/clones", "clones",
    (const struct column[]){
        {"seen_at", P("Lúc", "When"), COLUMN_TIME},
        {"machine", P("Bản sao của máy", "Clone of"), COLUMN_TEXT},
        {"address", P("Địa chỉ", "Address"), COLUMN_TEXT},
        {"state.inventory.host_name", P("Tên máy", "Name"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct option_row format_only[] = {FORMAT_OPTION, END_OPTIONS};

static const struct option_row move_options[] = {
    MACHINE_WORD, UNIT_WORD("node"), REASON_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row move_call = {"PUT", "/api/v1/machines/{machine}/place", NULL, NULL, DONE, NULL, false};
static const struct call_row back_call = {"DELETE", "/api/v1/machines/{machine}/place", NULL, NULL, DONE, NULL, false};
static const struct option_row correct_options[] = {
    MACHINE_WORD,
    UNIT_WORD("node"),
    {"from", "from", VALUE_TIME, OPTION_NEEDED, NULL, P("từ", "from")},
    {"until", "until", VALUE_TIME, OPTION_NEEDED, NULL, P("cho đến trước", "until before")},
    REASON_OPTION,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row correct_call = {
    "POST", "/api/v1/machines/{machine}/place/correct", NULL, NULL, DONE, NULL, false};
static const struct option_row reason_options[] = {MACHINE_WORD, REASON_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row retire_call = {"POST", "/api/v1/machines/{machine}/retire", NULL, NULL, DONE, NULL, false};
static const struct call_row revoke_call = {"POST", "/api/v1/machines/{machine}/revoke", NULL, NULL, DONE, NULL, false};

const struct command machine_commands[] = {
    {"machines list", P("các máy", "the machines"), list_options, &list_call, NULL},
    {"machines show", P("một máy", "one machine"), machine_options, &show_call, NULL},
    {"machines history", P("mọi điều đã ghi về một máy", "all that was said about a machine"), machine_options,
        &history_call, NULL},
    {"machines decisions", P("vì sao coi là máy đó", "why it is taken for that machine"), machine_options,
        &decisions_call, NULL},
    {"machines certificates", P("chứng thư của máy", "its certificates"), machine_options, &certificates_call, NULL},
    {"machines move", P("xếp máy vào đơn vị bằng tay", "a person's word about its unit"), move_options, &move_call,
        NULL},
    {"machines back", P("bỏ việc xếp bằng tay", "lifts that word"), machine_options, &back_call, NULL},
    {"machines correct", P("sửa đơn vị trong quá khứ", "corrects where it was in the past"), correct_options,
        &correct_call, NULL},
    {"machines retire", P("ngừng quản lý máy", "takes it out of service"), reason_options, &retire_call, NULL},
    {"machines revoke", P("thu hồi chứng thư", "revokes its certificate"), reason_options, &revoke_call, NULL},
    {"clones", P("bản sao phải đăng ký lại", "clones that must enrol anew"), format_only, &clones_call, NULL},
    {"decisions", P("mọi quyết định về nhận dạng máy", "all decisions about which machine is which"), format_only,
        &all_decisions_call, NULL},
    END_COMMANDS,
};

/* Naming rules */
static const struct column rule_columns[] = {
    {"id", P("Số", "Id"), COLUMN_NUMBER},
    {"priority", P("Ưu tiên", "Priority"), COLUMN_NUMBER},
    {"pattern", P("Mẫu", "Pattern"), COLUMN_TEXT},
    {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
    {"note", P("Ghi chú", "Note"), COLUMN_TEXT},
    END_COLUMNS,
};
static const struct option_row moment_options[] = {AS_OF_OPTION, KNOWN_AT_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row rules_call = {
    "GET", "/api/v1/naming-rules", "rules", rule_columns, {{NULL, NULL}}, NULL, false};

#define RULE_FIELDS                                                                                                    \
	{"PATTERN", "pattern", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,                                          \
	    P("biểu thức cho cả tên máy; nhóm 'unit' là mã đơn vị",                                                    \
	        "expression for the whole name; its group 'unit' is a unit's code")},                                  \
	    {"priority", "priority", VALUE_NUMBER, 0, "100",                                                           \
	        P("số nhỏ được thử trước", "lower ones are tried first")},                                             \
	    {"unit", "node", VALUE_UNIT, 0, NULL,                                                                      \
	        P("đơn vị, nếu mẫu không có nhóm 'unit'", "the unit, where the pattern has no group 'unit'")},         \
	    {"note", "note", VALUE_TEXT, 0, NULL, P("ghi chú", "a note")}, FORMAT_OPTION
#define RULE_WORD NUMBER_WORD("RULE", "rule", "số của quy tắc", "the rule's id")
static const struct option_row add_options[] = {RULE_FIELDS, END_OPTIONS};
static const struct option_row change_options[] = {RULE_WORD, RULE_FIELDS, END_OPTIONS};
static const struct option_row try_options[] = {
    RULE_FIELDS,
    {"rule", "rule", VALUE_NUMBER, 0, NULL, P("thay cho quy tắc này", "in place of this rule")},
    {"NAME", "names", VALUE_LIST, OPTION_WORD | OPTION_REST, NULL, P("tên máy để thử", "names to try it on")},
    END_OPTIONS,
};
static const struct option_row remove_options[] = {RULE_WORD, FORMAT_OPTION, END_OPTIONS};
static const struct column moved_columns[] = {{"id", P("Số", "Id"), COLUMN_NUMBER},
    {"machines_moved", P("Máy đổi đơn vị", "Machines moved"), COLUMN_NUMBER}, END_COLUMNS};
static const struct call_row add_call = {
    "POST", "/api/v1/naming-rules", NULL, moved_columns, {{NULL, NULL}}, NULL, false};
static const struct call_row change_call = {
    "PUT", "/api/v1/naming-rules/{rule}", NULL, moved_columns, {{NULL, NULL}}, NULL, false};
static const struct call_row remove_call = {
    "DELETE", "/api/v1/naming-rules/{rule}", NULL, moved_columns, {{NULL, NULL}}, NULL, false};
static const struct call_row try_call = {"POST", "/api/v1/naming-rules/try", "moves",
    (const struct column[]){
        {"machine", P("Máy", "Machine"), COLUMN_TEXT},
        {"name", P("Tên", "Name"), COLUMN_TEXT},
        {"from_node", P("Đang ở", "Now at"), COLUMN_UNIT},
        {"to_node", P("Sẽ về", "Then at"), COLUMN_UNIT},
        {"reason", P("Vì", "Why"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};

const struct command naming_commands[] = {
    {"names list", P("các quy tắc đặt tên", "the naming rules"), moment_options, &rules_call, NULL},
    {"names try", P("thử quy tắc, không ghi gì", "what a rule would do; nothing is written"), try_options, &try_call,
        NULL},
    {"names add", P("thêm quy tắc, xếp lại các máy", "adds a rule and places the machines anew"), add_options,
        &add_call, NULL},
    {"names change", P("sửa quy tắc", "states a rule anew"), change_options, &change_call, NULL},
    {"names remove", P("bỏ quy tắc", "takes a rule away"), remove_options, &remove_call, NULL},
    END_COMMANDS,
};
