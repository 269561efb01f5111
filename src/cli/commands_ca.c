/* Certificates: what the centre shows and does, and what khien-ca does for root alone, on its own host. */
#include "ca_client.h"
#include "cli_api.h"
#include "cli_args.h"
#include "cli_call.h"
#include "cli_options.h"
#include "cli_tables.h"
#include "day.h"
#include "str.h"

#include <inttypes.h>
#include <stdlib.h>

enum { CA_TIMEOUT_MS = 15000 };

static enum cli_exit open_ca(struct cli *c, struct ca_client **ret)
{
	enum cli_exit configured = api_config(c);
	const char *path = configured ? NULL : api_ca_socket(c);
	if (!path)
		return configured ? configured
		                  : cli_fail(c, CLI_USAGE, "%s",
		                        SAY(c, "cấu hình không có ca_socket: lệnh này chạy trên máy chủ của khien-ca",
		                            "the configuration has no ca_socket: this is done on khien-ca's own host"));
	int r = ca_client_new(path, CA_TIMEOUT_MS, ret);
	return r ? cli_fail(c, CLI_FAILED, "%s", strerror(-r)) : CLI_OK;
}

static enum cli_exit ca_failed(const struct cli *c, int r, const struct err *e)
{
	static const struct {
		int error;
		enum cli_exit code;
	} codes[] = {
	    {-EACCES, CLI_DENIED},
	    {-EPERM, CLI_DENIED},
	    {-ENOENT, CLI_UNREACHABLE},
	    {-ECONNREFUSED, CLI_UNREACHABLE},
	    {-ETIMEDOUT, CLI_UNREACHABLE},
	};
	/* whom it does not know at all khien-ca turns away without a word */
	enum cli_exit code = r == -EPIPE || r == -ECONNRESET ? CLI_DENIED : CLI_FAILED;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].error == r)
			code = codes[i].code;
	return cli_fail(c, code, "%s", e->text[0] ? e->text : strerror(-r));
}

static const struct option_row json_only[] = {
    {"format", NULL, VALUE_FORMAT, 0, "json", P("chỉ json", "json alone")}, END_OPTIONS};
static const struct call_row status_call = {"GET", "/api/v1/trust", NULL, NULL, {{NULL, NULL}}, NULL, false};

/* ---- rotation ---- */

static const struct option_row rotate_options[] = {
    {"WHAT", "what", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,
        P("server (chứng thư máy chủ) hoặc ca (CA mới, được CA cũ ký chéo)",
            "server (its certificate) or ca (a new CA, cross-signed by the old)")},
    FORMAT_OPTION,
    END_OPTIONS,
};
static const struct call_row rotate_call = {"POST", "/api/v1/trust/rotate", NULL, NULL, DONE, NULL, false};

static enum cli_exit rotate_here(struct cli *c)
{
	struct ca_client *ca = NULL;
	struct err e = {0};
	int64_t generation = 0;
	enum cli_exit code = open_ca(c, &ca);
	if (code)
		return code;
	int r = ca_rotate(ca, &generation, &e);
	ca_client_free(ca);
	if (r)
		return ca_failed(c, r, &e);
	if (str_eq(cli_value(c, "format"), "json"))
		printf("{\"generation\": %" PRId64 "}\n", generation);
	else
		printf(SAY(c, "Từ nay thế hệ %" PRId64 " ký; hãy sao lưu thư mục của khien-ca.\n",
		           "Generation %" PRId64 " signs from now on; back up khien-ca's folder.\n"),
		    generation);
	return CLI_OK;
}

/* khien-server may ask for certificates, never for another CA: the one who may stands before khien-ca's own socket. */
static enum cli_exit rotate(struct cli *c)
{
	return str_eq(cli_value(c, "WHAT"), "ca") && api_ca_socket(c) ? rotate_here(c) : call_run(c);
}

/* ---- generations ---- */

static const struct option_row list_options[] = {FORMAT_OPTION, END_OPTIONS};
static const struct call_row list_view = {NULL, NULL, "generations",
    (const struct column[]){
        {"generation", P("Thế hệ", "Generation"), COLUMN_NUMBER},
        {"state", P("Tình trạng", "State"), COLUMN_TEXT},
        {"not_before", P("Từ", "From"), COLUMN_TIME},
        {"not_after", P("Đến", "Until"), COLUMN_TIME},
        {"pin", P("Dấu khóa", "Pin"), COLUMN_TEXT},
        END_COLUMNS,
    },
    {{NULL, NULL}}, NULL, false};

static json_t *generation_json(const struct ca_generation *g)
{
	static const char *const states[] = {
	    [CA_SIGNING] = "signing", [CA_TRUSTED] = "trusted", [CA_RETIRED] = "retired", [CA_NEXT] = "next"};
	char from[INSTANT_TEXT], until[INSTANT_TEXT], pin[2 * SHA256_BYTES + 1];
	instant_iso(g->not_before, from);
	instant_iso(g->not_after, until);
	hex_encode(pin, g->key_hash, sizeof g->key_hash);
	return json_pack("{s:I, s:s, s:s, s:s, s:s}", "generation", (json_int_t)g->number, "state", states[g->state],
	    "not_before", from, "not_after", until, "pin", pin);
}

static enum cli_exit list(struct cli *c)
{
	struct ca_client *ca = NULL;
	struct ca_status s;
	struct err e = {0};
	enum cli_exit code = open_ca(c, &ca);
	if (code)
		return code;
	int r = ca_get_status(ca, &s, &e);
	ca_client_free(ca);
	if (r)
		return ca_failed(c, r, &e);
	json_t *rows = json_array();
	for (size_t i = 0; i < s.n; i++)
		json_array_append_new(rows, generation_json(&s.v[i]));
	json_t *answer = json_pack("{s:o, s:s}", "generations", rows, "names", s.names);
	code = answer ? call_show(c, &list_view, answer) : CLI_FAILED;
	json_decref(answer);
	return code;
}

static const struct option_row retire_options[] = {
    NUMBER_WORD("GENERATION", NULL, "số của thế hệ", "the generation's number"), END_OPTIONS};

static enum cli_exit retire(struct cli *c)
{
	struct ca_client *ca = NULL;
	struct err e = {0};
	enum cli_exit code = open_ca(c, &ca);
	if (code)
		return code;
	int r = ca_retire(ca, strtoll(cli_value(c, "GENERATION"), NULL, 10), &e);
	ca_client_free(ca);
	if (r)
		return ca_failed(c, r, &e);
	puts(SAY(c, "Xong.", "Done."));
	return CLI_OK;
}

const struct command trust_commands[] = {
    {"ca status", P("CA và chứng thư máy chủ", "the CAs and the server's certificate"), json_only, &status_call, NULL},
    {"ca rotate", P("đổi chứng thư máy chủ hoặc CA", "renews the server's certificate, or the CA"), rotate_options,
        &rotate_call, rotate},
    {"ca list", P("các thế hệ CA, trên máy chủ của khien-ca", "khien-ca's generations, on its own host"), list_options,
        NULL, list},
    {"ca retire",
        P("thôi tin một thế hệ CA, trên máy chủ của khien-ca", "trusts a generation no longer, on its own host"),
        retire_options, NULL, retire},
    END_COMMANDS,
};
