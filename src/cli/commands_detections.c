/* What was found, what stands in quarantine, what is let be. */
#include "cli_call.h"
#include "cli_options.h"
#include "cli_tables.h"

static const struct option_row detection_options[] = {
    {"unit", "node", VALUE_UNIT, 0, NULL, P("của đơn vị này và bên dưới", "of this unit and below")},
    {"machine", "machine", VALUE_TEXT, 0, NULL, P("của máy này", "of this machine")},
    {"by", "by", VALUE_TEXT, 0, NULL,
        P("gộp theo malware, hash hoặc machine", "in groups by malware, hash or machine")},
    {"order", "order", VALUE_TEXT, 0, NULL,
        P("với --by: last, found hoặc machines", "with --by: last, found or machines, most first")},
    {"name", "name", VALUE_TEXT, 0, NULL,
        P("tên mã độc; với --by: một phần của tên", "the malware's name; with --by: a part of it")},
    {"sha256", "sha256", VALUE_TEXT, 0, NULL, P("nội dung này", "this content")},
    {"from", "from", VALUE_TIME, 0, NULL, P("từ", "from")},
    {"until", "until", VALUE_TIME, 0, NULL, P("đến hết", "until")},
    {"before", "before", VALUE_NUMBER, 0, NULL, P("trước vị trí này", "before this position")},
    {"cursor", "cursor", VALUE_TEXT, 0, NULL, P("với --by: trang sau (next)", "with --by: the page behind (next)")},
    {"limit", "limit", VALUE_NUMBER, 0, "100", P("nhiều nhất", "at most so many")},
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row detection_call = {"GET", "/api/v1/detections", "detections",
    (const struct column[]){
        {"position", P("Vị trí", "Position"), COLUMN_NUMBER},
        {"at", P("Lúc", "When"), COLUMN_TIME},
        {"machine_name", P("Máy", "Machine"), COLUMN_TEXT},
        {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
        {"detection.name", P("Mã độc", "Malware"), COLUMN_TEXT},
        {"detection.action", P("Xử lý", "Action"), COLUMN_TEXT},
        {"detection.engine", P("Bộ máy", "Engine"), COLUMN_TEXT},
        {"detection.device", P("Thiết bị", "Device"), COLUMN_TEXT},
        {"detection.path.display", P("Tệp", "File"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct call_row group_call = {"GET", "/api/v1/detections/groups", "groups",
    (const struct column[]){
        {"key", P("Nhóm", "Group"), COLUMN_TEXT},
        {"machine_name", P("Máy", "Machine"), COLUMN_TEXT},
        {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
        {"name", P("Mã độc", "Malware"), COLUMN_TEXT},
        {"found", P("Số lần", "Found"), COLUMN_NUMBER},
        {"machines", P("Số máy", "Machines"), COLUMN_NUMBER},
        {"actions.quarantined", P("Cách ly", "Quarantined"), COLUMN_NUMBER},
        {"actions.failed", P("Hỏng", "Failed"), COLUMN_NUMBER},
        {"quarantine.stands", P("Còn cách ly", "Standing"), COLUMN_NUMBER},
        {"quarantine.restored", P("Đã trả lại", "Restored"), COLUMN_NUMBER},
        {"quarantine.deleted", P("Đã xóa", "Deleted"), COLUMN_NUMBER},
        {"first_at", P("Lần đầu", "First"), COLUMN_TIME},
        {"last_at", P("Lần cuối", "Last"), COLUMN_TIME},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, true};

/* With --by it is another call. */
static enum cli_exit detections(struct cli *c)
{
	const struct command *command = c->command;
	struct command chosen = *command;
	enum cli_exit r;

	chosen.call = cli_value(c, "by") ? &group_call : &detection_call;
	c->command = &chosen;
	r = call_run(c);
	c->command = command;
	return r;
}

static const struct option_row quarantine_options[] = {
    {"unit", "node", VALUE_UNIT, 0, NULL, P("của đơn vị này và bên dưới", "of this unit and below")},
    {"machine", "machine", VALUE_TEXT, 0, NULL, P("của máy này", "of this machine")},
    {"sha256", "sha256", VALUE_TEXT, 0, NULL, P("nội dung này", "this content")},
    {"state", "state", VALUE_TEXT, 0, NULL, P("stands, restored, deleted", "stands, restored, deleted")},
    {"limit", "limit", VALUE_NUMBER, 0, NULL, P("nhiều nhất", "at most so many")},
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row quarantine_call = {"GET", "/api/v1/quarantine", "items",
    (const struct column[]){
        {"item", P("Mục", "Item"), COLUMN_TEXT},
        {"machine_name", P("Máy", "Machine"), COLUMN_TEXT},
        {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
        {"state", P("Trạng thái", "State"), COLUMN_TEXT},
        {"name", P("Mã độc", "Malware"), COLUMN_TEXT},
        {"path.display", P("Tệp", "File"), COLUMN_TEXT},
        {"sha256", P("SHA-256", "SHA-256"), COLUMN_TEXT},
        {"taken_at", P("Cách ly lúc", "Taken"), COLUMN_TIME},
        {"changed_at", P("Thay đổi lúc", "Changed"), COLUMN_TIME},
        {"why", P("Vì", "Why"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, true};

const struct command detection_commands[] = {
    {"detections", P("mã độc đã phát hiện", "what was detected"), detection_options, NULL, detections},
    {"machines quarantine", P("tệp cách ly trên các máy", "what stands in the machines' quarantines"),
        quarantine_options, &quarantine_call, NULL},
    END_COMMANDS,
};

/* Contents that are let be. */
#define SHA256_WORD                                                                                                    \
	{                                                                                                              \
		"SHA256", "sha256", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL, P("nội dung", "the content")        \
	}
#define ALLOW_FIELDS                                                                                                   \
	SHA256_WORD, REASON_OPTION,                                                                                    \
	    {"until", "until", VALUE_TIME, 0, NULL,                                                                    \
	        P("cho đến hết (mặc định: chưa hẹn)", "until (default: further notice)")},                             \
	    DOCUMENT_OPTIONS, FORMAT_OPTION
static const struct option_row allow_list_options[] = {
    {"sha256", "sha256", VALUE_TEXT, 0, NULL, P("nội dung này", "this content")},
    AS_OF_OPTION,
    KNOWN_AT_OPTION,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row allow_list_call = {"GET", "/api/v1/allowances", "allowances",
    (const struct column[]){
        {"sha256", P("SHA-256", "SHA-256"), COLUMN_TEXT},
        {"node", P("Đơn vị", "Unit"), COLUMN_UNIT},
        {"machine_name", P("Riêng máy", "Machine alone"), COLUMN_TEXT},
        {"reason", P("Lý do", "Why"), COLUMN_TEXT},
        {"document", P("Văn bản", "Document"), COLUMN_TEXT},
        {"valid_from", P("Từ", "From"), COLUMN_TIME},
        {"valid_to", P("Đến", "To"), COLUMN_TIME},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct option_row allow_unit_options[] = {UNIT_WORD("node"), ALLOW_FIELDS, END_OPTIONS};
static const struct option_row allow_machine_options[] = {MACHINE_WORD, ALLOW_FIELDS, END_OPTIONS};
static const struct option_row forbid_unit_options[] = {
    UNIT_WORD("node"), SHA256_WORD, REASON_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct option_row forbid_machine_options[] = {
    MACHINE_WORD, SHA256_WORD, REASON_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row allow_unit_call = {
    "POST", "/api/v1/units/{node}/allowances", NULL, NULL, DONE, NULL, false};
static const struct call_row allow_machine_call = {
    "POST", "/api/v1/machines/{machine}/allowances", NULL, NULL, DONE, NULL, false};
static const struct call_row forbid_unit_call = {
    "DELETE", "/api/v1/units/{node}/allowances/{sha256}", NULL, NULL, DONE, NULL, false};
static const struct call_row forbid_machine_call = {
    "DELETE", "/api/v1/machines/{machine}/allowances/{sha256}", NULL, NULL, DONE, NULL, false};

const struct command allowance_commands[] = {
    {"allowances list", P("các nội dung được bỏ qua", "contents that are let be"), allow_list_options, &allow_list_call,
        NULL},
    {"allowances add", P("bỏ qua một nội dung ở mọi máy của đơn vị", "lets a content be on all machines of a unit"),
        allow_unit_options, &allow_unit_call, NULL},
    {"allowances remove", P("thôi bỏ qua ở đơn vị", "takes that back for a unit"), forbid_unit_options,
        &forbid_unit_call, NULL},
    {"allowances add-for", P("bỏ qua một nội dung trên một máy", "lets a content be on one machine"),
        allow_machine_options, &allow_machine_call, NULL},
    {"allowances remove-for", P("thôi bỏ qua trên máy", "takes that back for a machine"), forbid_machine_options,
        &forbid_machine_call, NULL},
    END_COMMANDS,
};
