/* Pools, and the documents that allocate from them. */
#include "cli_api.h"
#include "cli_args.h"
#include "cli_call.h"
#include "cli_options.h"
#include "cli_tables.h"
#include "cli_units.h"
#include "str.h"

static const struct column pool_columns[] = {
    {"id", P("Số", "Id"), COLUMN_NUMBER},
    {"contract", P("Hợp đồng", "Contract"), COLUMN_TEXT},
    {"supplier", P("Nhà cung cấp", "Supplier"), COLUMN_TEXT},
    {"quantity", P("Số lượng", "Quantity"), COLUMN_NUMBER},
    {"allocated", P("Đã phân bổ", "Allocated"), COLUMN_NUMBER},
    {"free", P("Còn lại", "Free"), COLUMN_NUMBER},
    {"start_day", P("Từ ngày", "Start"), COLUMN_DAY},
    {"end_day", P("Đến ngày", "End"), COLUMN_DAY},
    {"in_force", P("Hiệu lực", "In force"), COLUMN_YES},
    {"days_left", P("Còn ngày", "Days left"), COLUMN_NUMBER},
    END_COLUMNS,
};
static const struct option_row moment_options[] = {AS_OF_OPTION, KNOWN_AT_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row pools_call = {"GET", "/api/v1/pools", "pools", pool_columns, {{NULL, NULL}}, NULL, false};

#define POOL_FIELDS                                                                                                    \
	{"contract", "contract", VALUE_TEXT, OPTION_NEEDED, NULL,                                                      \
	    P("số hợp đồng hoặc quyết định", "contract or decision")},                                                 \
	    {"supplier", "supplier", VALUE_TEXT, OPTION_NEEDED, NULL, P("nhà cung cấp", "supplier")},                  \
	    {"quantity", "quantity", VALUE_NUMBER, OPTION_NEEDED, NULL, P("số lượng", "how many")},                    \
	    {"start", "start_day", VALUE_DAY, OPTION_NEEDED, NULL, P("ngày bắt đầu", "first day")},                    \
	    {"end", "end_day", VALUE_DAY, OPTION_NEEDED, NULL, P("ngày kết thúc", "last day")}, FROM_OPTION,           \
	    FORMAT_OPTION, END_OPTIONS
static const struct option_row pool_add_options[] = {POOL_FIELDS};
static const struct option_row pool_change_options[] = {
    NUMBER_WORD("POOL", "pool", "số của gói", "the pool's id"), POOL_FIELDS};
static const struct column made_columns[] = {{"id", P("Số", "Id"), COLUMN_NUMBER}, END_COLUMNS};
static const struct call_row pool_add_call = {"POST", "/api/v1/pools", NULL, made_columns, {{NULL, NULL}}, NULL, false};
static const struct call_row pool_change_call = {
    "PUT", "/api/v1/pools/{pool}", NULL, made_columns, {{NULL, NULL}}, NULL, false};

static const struct column balance_columns[] = {
    {"node", P("Đơn vị", "Unit"), COLUMN_UNIT}, {"amount", P("Được phân bổ", "Allocated"), COLUMN_NUMBER}, END_COLUMNS};
static const struct option_row balance_options[] = {
    {"pool", "pool", VALUE_NUMBER, 0, NULL, P("chỉ của gói này", "of this pool alone")},
    AS_OF_OPTION,
    KNOWN_AT_OPTION,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row balance_call = {
    "GET", "/api/v1/allocations", "allocations", balance_columns, {{NULL, NULL}}, NULL, false};

static const struct column document_columns[] = {
    {"id", P("Số", "Id"), COLUMN_NUMBER},
    {"number", P("Văn bản", "Document"), COLUMN_TEXT},
    {"day", P("Ngày", "Day"), COLUMN_DAY},
    {"valid_from", P("Hiệu lực từ", "Effective"), COLUMN_TIME},
    {"present", P("Còn", "Present"), COLUMN_YES},
    {"lines", P("Dòng", "Lines"), COLUMN_TEXT},
    {"note", P("Ghi chú", "Note"), COLUMN_TEXT},
    END_COLUMNS,
};
static const struct call_row documents_call = {
    "GET", "/api/v1/allocation-documents", "documents", document_columns, {{NULL, NULL}}, NULL, false};

static const struct option_row cancel_options[] = {
    NUMBER_WORD(
        "DOCUMENT", "document", "số của chứng từ (licences documents)", "the document's id (licences documents)"),
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row cancel_call = {
    "POST", "/api/v1/allocation-documents/{document}/cancel", NULL, NULL, DONE, NULL, false};

/* Allocating is a transfer from the pool's own side (node 0), taking back one to it. */
#define TRANSFER_FIELDS                                                                                                \
	{"pool", "pool", VALUE_NUMBER, OPTION_NEEDED, NULL, P("gói bản quyền", "the pool")},                           \
	    {"amount", "amount", VALUE_NUMBER, OPTION_NEEDED, NULL, P("số lượng", "how many")},                        \
	    {"number", "number", VALUE_TEXT, OPTION_NEEDED, NULL, P("số văn bản", "the document's number")},           \
	    {"day", "day", VALUE_DAY, OPTION_NEEDED, NULL, P("ngày văn bản", "its day")},                              \
	    {"note", "note", VALUE_TEXT, 0, NULL, P("ghi chú", "a note")}, FROM_OPTION, FORMAT_OPTION, END_OPTIONS
static const struct option_row allocate_options[] = {UNIT_WORD(NULL), TRANSFER_FIELDS};
static const struct option_row transfer_options[] = {
    {"FROM", NULL, VALUE_UNIT, OPTION_WORD | OPTION_NEEDED, NULL,
        P("đơn vị giao; '-' là gói", "the unit that gives; '-' is the pool")},
    {"TO", NULL, VALUE_UNIT, OPTION_WORD | OPTION_NEEDED, NULL,
        P("đơn vị nhận; '-' là gói", "the unit that gets; '-' is the pool")},
    TRANSFER_FIELDS,
};
static const struct call_row transfer_call = {
    "POST", "/api/v1/allocation-documents", NULL, made_columns, {{NULL, NULL}}, NULL, false};

static enum cli_exit side(struct cli *c, const char *code, int64_t *ret)
{
	*ret = 0;
	return str_eq(code, "-") ? CLI_OK : units_find(c, code, ret);
}

static enum cli_exit send_transfer(struct cli *c, const char *from, const char *to)
{
	struct buf path = BUF_INIT(8192);
	json_t *body = NULL, *answer = NULL;
	int64_t giver, taker;
	enum cli_exit r = side(c, from, &giver);

	if (!r)
		r = side(c, to, &taker);
	if (!r)
		r = call_path(c, &path, &body);
	if (!r) {
		json_int_t pool = json_integer_value(json_object_get(body, "pool"));
		json_int_t amount = json_integer_value(json_object_get(body, "amount"));
		json_object_del(body, "pool");
		json_object_del(body, "amount");
		json_object_set_new(body, "lines",
		    json_pack("[{s:I, s:I, s:I}, {s:I, s:I, s:I}]", "pool", pool, "node", (json_int_t)giver, "amount",
		        -amount, "pool", pool, "node", (json_int_t)taker, "amount", amount));
		r = api_json(c, "POST", buf_str(&path), body, &answer);
	}
	if (!r)
		r = call_show(c, &transfer_call, answer);
	json_decref(body);
	json_decref(answer);
	buf_release(&path);
	return r;
}

static enum cli_exit allocate(struct cli *c)
{
	return send_transfer(c, "-", cli_value(c, "UNIT"));
}

static enum cli_exit transfer(struct cli *c)
{
	return send_transfer(c, cli_value(c, "FROM"), cli_value(c, "TO"));
}

const struct command licence_commands[] = {
    {"licences pools", P("các gói bản quyền", "the pools of licences"), moment_options, &pools_call, NULL},
    {"licences pool add", P("thêm gói theo hợp đồng", "a new contract's pool"), pool_add_options, &pool_add_call, NULL},
    {"licences pool change", P("sửa thông tin gói", "states a pool anew"), pool_change_options, &pool_change_call,
        NULL},
    {"licences list", P("bản quyền của từng đơn vị", "what each unit holds"), balance_options, &balance_call, NULL},
    {"licences documents", P("văn bản phân bổ và điều chuyển", "the documents that allocate and transfer"),
        moment_options, &documents_call, NULL},
    {"licences allocate", P("phân bổ cho một đơn vị", "allocates to a unit"), allocate_options, &transfer_call,
        allocate},
    {"licences transfer", P("điều chuyển giữa hai đơn vị", "transfers between two units"), transfer_options,
        &transfer_call, transfer},
    {"licences cancel", P("hủy một chứng từ", "cancels a document"), cancel_options, &cancel_call, NULL},
    END_COMMANDS,
};
