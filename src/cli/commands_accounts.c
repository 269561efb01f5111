/* People: accounts, signing in, tokens for scripts; the simulation's clock. */
#include "cli_api.h"
#include "cli_args.h"
#include "cli_call.h"
#include "cli_config.h"
#include "cli_options.h"
#include "cli_tables.h"
#include "file.h"
#include "str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_SECRET = 1024, TOKEN_FILE_MODE = 0600 };

static const struct option_row format_only[] = {FORMAT_OPTION, END_OPTIONS};
#define ACCOUNT_WORD NUMBER_WORD("ACCOUNT", "account", "số của tài khoản", "the account's id")
#define ROLE_OPTION                                                                                                    \
	{                                                                                                              \
		"role", "role", VALUE_TEXT, OPTION_NEEDED, NULL,                                                       \
		    P("viewer, unit-operator, analyst, administrator, auditor",                                        \
		        "viewer, unit-operator, analyst, administrator, auditor")                                      \
	}
#define AT_OPTION                                                                                                      \
	{                                                                                                              \
		"at", "node", VALUE_UNIT, 0, "-", P("tại đơn vị này và bên dưới", "at this unit and below")            \
	}
static const struct call_row list_call = {"GET", "/api/v1/accounts", "accounts",
    (const struct column[]){
        {"id", P("Số", "Id"), COLUMN_NUMBER},
        {"name", P("Tên", "Name"), COLUMN_TEXT},
        {"display", P("Hiển thị", "Shown as"), COLUMN_TEXT},
        {"disabled", P("Khóa", "Disabled"), COLUMN_YES},
        {"must_change", P("Phải đổi mật khẩu", "Must change"), COLUMN_YES},
        {"grants", P("Vai trò", "Roles"), COLUMN_LIST},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct column made_columns[] = {{"id", P("Số", "Id"), COLUMN_NUMBER}, END_COLUMNS};
static const struct option_row create_options[] = {
    {"NAME", "name", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL, P("tên đăng nhập", "the name to sign in with")},
    {"display", "display", VALUE_TEXT, 0, NULL, P("tên hiển thị", "shown as")},
    ROLE_OPTION,
    AT_OPTION,
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row create_call = {
    "POST", "/api/v1/accounts", NULL, made_columns, {{NULL, NULL}}, "password", false};
static const struct option_row account_options[] = {ACCOUNT_WORD, FORMAT_OPTION, END_OPTIONS};
static const struct call_row reset_call = {
    "POST", "/api/v1/accounts/{account}/password", NULL, NULL, DONE, "password", false};
static const struct option_row grant_options[] = {ACCOUNT_WORD, ROLE_OPTION, AT_OPTION, FORMAT_OPTION, END_OPTIONS};
static const struct call_row grant_call = {
    "POST", "/api/v1/accounts/{account}/grants", NULL, made_columns, {{NULL, NULL}}, NULL, false};
static const struct option_row ungrant_options[] = {
    NUMBER_WORD("GRANT", "grant", "số của vai trò đã cấp (accounts show)", "the grant's id (accounts show)"),
    FORMAT_OPTION, END_OPTIONS};
static const struct call_row ungrant_call = {"DELETE", "/api/v1/grants/{grant}", NULL, NULL, DONE, NULL, false};
static const struct call_row show_call = {"GET", "/api/v1/accounts/{account}", "grants",
    (const struct column[]){
        {"id", P("Số", "Grant"), COLUMN_NUMBER},
        {"role", P("Vai trò", "Role"), COLUMN_TEXT},
        {"node", P("Tại", "At"), COLUMN_UNIT},
        {"origin", P("Từ", "Origin"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};

static enum cli_exit set_disabled(struct cli *c, bool disabled)
{
	struct buf path = BUF_INIT(256);
	json_t *body = json_pack("{s:b}", "disabled", disabled);
	enum cli_exit r;

	(void)buf_addf(&path, "/api/v1/accounts/%s", cli_value(c, "ACCOUNT"));
	r = api_json(c, "PATCH", buf_str(&path), body, NULL);
	if (!r)
		puts(SAY(c, "Xong.", "Done."));
	json_decref(body);
	buf_release(&path);
	return r;
}

static enum cli_exit disable(struct cli *c)
{
	return set_disabled(c, true);
}

static enum cli_exit enable(struct cli *c)
{
	return set_disabled(c, false);
}

const struct command account_commands[] = {
    {"accounts list", P("các tài khoản", "the accounts"), format_only, &list_call, NULL},
    {"accounts show", P("vai trò của một tài khoản", "an account's grants"), account_options, &show_call, NULL},
    {"accounts create",
        P("tạo tài khoản; mật khẩu đầu từ đầu vào chuẩn", "makes one; its first password from standard input"),
        create_options, &create_call, NULL},
    {"accounts password", P("đặt mật khẩu mới, phải đổi khi đăng nhập", "a new password, to be changed at sign-in"),
        account_options, &reset_call, NULL},
    {"accounts grant", P("cấp vai trò", "grants a role"), grant_options, &grant_call, NULL},
    {"accounts ungrant", P("thôi cấp vai trò", "ends a grant"), ungrant_options, &ungrant_call, NULL},
    {"accounts disable", P("khóa tài khoản", "disables it and ends its sessions"), account_options, NULL, disable},
    {"accounts enable", P("mở khóa", "enables it"), account_options, NULL, enable},
    END_COMMANDS,
};

/* Signing in: a session is opened with name and password, and traded for a token of this program's own, which is kept
 * in the configuration's token file; the session ends. */
static const struct option_row sign_in_options[] = {
    {"NAME", NULL, VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL, P("tên đăng nhập", "the account's name")},
    {"lifetime", NULL, VALUE_SECONDS, 0, "30d", P("thời hạn", "how long it holds")},
    END_OPTIONS,
};

static enum cli_exit open_session(struct cli *c, const char *name, const char *password, json_t **ret_me)
{
	json_t *body = json_pack("{s:s, s:s}", "name", name, "password", password);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct api_answer a = {0};
	enum cli_exit r = text ? api_call(c, "POST", "/api/v1/session", "application/json", text, strlen(text), &a)
	                       : cli_fail(c, CLI_USAGE, "%s",
	                             SAY(c, "tên hoặc mật khẩu không phải UTF-8", "name or password is not UTF-8"));

	if (!r)
		r = api_refused(c, &a);
	if (!r)
		r = api_become(c, a.session);
	if (!r)
		*ret_me = json_loadb(a.body, a.n, 0, NULL);
	if (text)
		memset(text, 0, strlen(text));
	memset(a.session, 0, sizeof a.session);
	free(text);
	free(a.body);
	json_decref(body);
	return r;
}

static enum cli_exit change_password(struct cli *c, const char *current)
{
	char fresh[MAX_SECRET];
	json_t *body;
	enum cli_exit r = cli_read_secret(c, (struct phrase)P("Mật khẩu mới", "New password"), fresh, sizeof fresh);

	if (r)
		return r;
	body = json_pack("{s:s, s:s}", "current", current, "new", fresh);
	memset(fresh, 0, sizeof fresh);
	r = body ? api_json(c, "POST", "/api/v1/password", body, NULL)
	         : cli_fail(c, CLI_USAGE, "%s", SAY(c, "mật khẩu không phải UTF-8", "the password is not UTF-8"));
	json_decref(body);
	return r;
}

/* The file's folder, opened; its name. */
static int open_folder(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char folder[MAX_CLI_PATH];

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return open(".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	(void)snprintf(folder, sizeof folder, "%.*s/", (int)(slash - path), path);
	return open(folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
}

static enum cli_exit keep_token(struct cli *c, const char *token)
{
	const char *path, *name;
	char line[256];
	enum cli_exit r = api_token_file(c, &path);

	if (r)
		return r;
	int folder = open_folder(path, &name), failed = folder < 0 ? -errno : 0;
	int n = snprintf(line, sizeof line, "%s\n", token);
	if (!failed)
		failed = file_replace(folder, name, line, (size_t)n, TOKEN_FILE_MODE);
	memset(line, 0, sizeof line);
	if (folder >= 0)
		close(folder);
	return failed ? cli_fail(c, CLI_FAILED, "%s: %s", path, strerror(-failed)) : CLI_OK;
}

static enum cli_exit make_token(struct cli *c, int64_t lifetime)
{
	char host[128] = "khien", label[160];
	json_t *me = NULL, *body = NULL, *made = NULL;
	enum cli_exit r = api_json(c, "GET", "/api/v1/me", NULL, &me);

	(void)gethostname(host, sizeof host - 1);
	(void)snprintf(label, sizeof label, "khien@%.100s", host);
	if (!r) {
		body = json_pack("{s:s, s:O, s:I}", "label", label, "may", json_object_get(me, "permissions"),
		    "lifetime_s", (json_int_t)lifetime);
		r = api_json(c, "POST", "/api/v1/tokens", body, &made);
	}
	if (!r)
		r = keep_token(c, json_string_value(json_object_get(made, "token")));
	json_decref(me);
	json_decref(body);
	json_decref(made);
	return r;
}

static enum cli_exit sign_in(struct cli *c)
{
	const char *name = cli_value(c, "NAME"), *path;
	char password[MAX_SECRET];
	json_t *me = NULL;
	int64_t lifetime = 0;
	enum cli_exit r = api_token_file(c, &path);

	(void)args_seconds(cli_value(c, "lifetime"), &lifetime);
	if (!r)
		r = cli_read_secret(c, (struct phrase)P("Mật khẩu", "Password"), password, sizeof password);
	if (r)
		return r;
	r = open_session(c, name, password, &me);
	if (!r && json_is_true(json_object_get(me, "must_change")))
		r = change_password(c, password);
	memset(password, 0, sizeof password);
	if (!r)
		r = make_token(c, lifetime);
	if (!r)
		r = api_json(c, "DELETE", "/api/v1/session", NULL, NULL);
	if (!r)
		printf(SAY(c, "Đã đăng nhập: %s\n", "Signed in: %s\n"), name);
	json_decref(me);
	return r;
}

/* Ends the token that we hold, here and at the centre. */
static enum cli_exit sign_out(struct cli *c)
{
	json_t *all = NULL;
	const char *path;
	enum cli_exit r = api_token_file(c, &path);

	if (!r)
		r = api_json(c, "GET", "/api/v1/tokens", NULL, &all);
	for (size_t i = 0; !r && i < json_array_size(json_object_get(all, "tokens")); i++) {
		const json_t *t = json_array_get(json_object_get(all, "tokens"), i);
		struct buf one = BUF_INIT(128);
		if (!json_is_true(json_object_get(t, "current")))
			continue;
		(void)buf_addf(&one, "/api/v1/tokens/%lld", (long long)json_integer_value(json_object_get(t, "id")));
		r = api_json(c, "DELETE", buf_str(&one), NULL, NULL);
		buf_release(&one);
	}
	json_decref(all);
	if (!r && unlink(path) && errno != ENOENT)
		r = cli_fail(c, CLI_FAILED, "%s: %s", path, strerror(errno));
	return r;
}

static const struct call_row me_call = {"GET", "/api/v1/me", NULL,
    (const struct column[]){
        {"name", P("Tên", "Name"), COLUMN_TEXT},
        {"kind", P("Bằng", "By"), COLUMN_TEXT},
        {"grants", P("Vai trò", "Roles"), COLUMN_LIST},
        {"permissions", P("Được phép", "May"), COLUMN_LIST},
        {"expires_at", P("Hết hạn", "Until"), COLUMN_TIME},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct call_row keys_call = {"GET", "/api/v1/tokens", "tokens",
    (const struct column[]){
        {"id", P("Số", "Id"), COLUMN_NUMBER},
        {"kind", P("Loại", "Kind"), COLUMN_TEXT},
        {"label", P("Nhãn", "Label"), COLUMN_TEXT},
        {"created_at", P("Tạo lúc", "Made"), COLUMN_TIME},
        {"expires_at", P("Hết hạn", "Until"), COLUMN_TIME},
        {"current", P("Đang dùng", "This one"), COLUMN_YES},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};
static const struct option_row key_options[] = {
    NUMBER_WORD("KEY", "id", "số của mã truy cập", "the key's id"), FORMAT_OPTION, END_OPTIONS};
static const struct call_row key_revoke_call = {"DELETE", "/api/v1/tokens/{id}", NULL, NULL, DONE, NULL, false};

const struct command session_commands[] = {
    {"sign-in",
        P("đăng nhập; mật khẩu từ đầu vào chuẩn, dòng hai là mật khẩu mới nếu phải đổi",
            "signs in; the password from standard input, a second line where it must be changed"),
        sign_in_options, NULL, sign_in},
    {"sign-out", P("đăng xuất", "ends this program's token"), NULL, NULL, sign_out},
    {"me", P("tôi là ai, được làm gì", "who this is, and what it may do"), format_only, &me_call, NULL},
    {"keys list", P("phiên và mã truy cập của tài khoản này", "this account's sessions and tokens for programs"),
        format_only, &keys_call, NULL},
    {"keys revoke", P("hủy một phiên hoặc mã", "ends one"), key_options, &key_revoke_call, NULL},
    END_COMMANDS,
};

static const struct option_row clock_options[] = {
    {"TIME", "now", VALUE_TIME, OPTION_WORD | OPTION_NEEDED, NULL, P("thời điểm mới", "the new moment")}, FORMAT_OPTION,
    END_OPTIONS};
static const struct column clock_columns[] = {{"now", P("Bây giờ", "Now"), COLUMN_TIME}, END_COLUMNS};
static const struct call_row clock_call = {
    "GET", "/api/v1/simulation/clock", NULL, clock_columns, {{NULL, NULL}}, NULL, false};
static const struct call_row move_call = {
    "PUT", "/api/v1/simulation/clock", NULL, clock_columns, {{NULL, NULL}}, NULL, false};

const struct command simulation_commands[] = {
    {"sim clock", P("đồng hồ mô phỏng", "the simulation's clock"), format_only, &clock_call, NULL},
    {"sim move", P("chuyển đồng hồ mô phỏng, chỉ về phía trước", "moves it, only forward"), clock_options, &move_call,
        NULL},
    END_COMMANDS,
};
