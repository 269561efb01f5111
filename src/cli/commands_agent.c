/* The agent on this computer, over its control socket. Root only: the socket is root's. */
#include "cli_agent.h"
#include "cli_options.h"
#include "clock.h"
#include "day.h"
#include "path_display.h"
#include "rnd.h"
#include "str.h"

#include <inttypes.h>
#include <stdlib.h>

enum { ENROL_MS = 90000, SYNC_MS = 90000, MAX_TOKEN_TEXT = 256 };

enum cli_exit cli_open_agent(struct cli *c, struct control **ret)
{
	const char *path = api_agent_socket(c);
	struct err e = {0};
	int r;

	if (!path)
		return CLI_USAGE;
	r = control_open(path, ret, &e);
	if (!r)
		return CLI_OK;
	return cli_fail(
	    c, r == -EACCES ? CLI_DENIED : CLI_UNREACHABLE, "%s: %s", path, e.text[0] ? e.text : strerror(-r));
}

enum cli_exit cli_agent_failed(const struct cli *c, int r, const struct err *e)
{
	enum cli_exit code = r == -EPIPE || r == -ETIMEDOUT || r == -ENOENT || r == -ECONNREFUSED ? CLI_UNREACHABLE
	                     : r == -EACCES                                                       ? CLI_DENIED
	                                                                                          : CLI_FAILED;

	return cli_fail(c, code, "%s", e->text[0] ? e->text : strerror(-r));
}

static const struct option_row enrol_options[] = {
    {"SERVER", NULL, VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,
        P("địa chỉ đăng ký, ví dụ https://khien.example.vn:7441",
            "the enrolment address, such as https://khien.example.vn:7441")},
    {"agents", NULL, VALUE_TEXT, 0, NULL,
        P("địa chỉ cho máy trạm, nếu khác cổng kế tiếp", "the agents' address, where it is not the next port")},
    END_OPTIONS,
};

static enum cli_exit enrol(struct cli *c)
{
	const char *agents = cli_value(c, "agents");
	char token[MAX_TOKEN_TEXT], machine[ID_TEXT];
	struct control *agent = NULL;
	struct err e = {0};
	id16 id;
	enum cli_exit r = cli_read_secret(c, (struct phrase)P("Mã đăng ký", "Enrolment token"), token, sizeof token);

	if (!r)
		r = cli_open_agent(c, &agent);
	if (!r) {
		int failed = control_enrol(
		    agent, cli_value(c, "SERVER"), agents ? agents : "", token, ENROL_MS, &id, &e);
		r = failed ? cli_agent_failed(c, failed, &e) : CLI_OK;
	}
	memset(token, 0, sizeof token);
	if (!r) {
		hex_encode(machine, id.b, sizeof id.b);
		printf(SAY(c, "Đã đăng ký, định danh máy %s\n", "Enrolled as machine %s\n"), machine);
	}
	control_free(agent);
	return r;
}

static void put_fact(const char *name, const char *value, const char *format)
{
	if (str_eq(format, "tsv"))
		printf("%s\t%s\n", name, value);
	else
		printf("%-18s  %s\n", name, value);
}

static enum cli_exit print_json(const struct control_fact *facts, size_t n)
{
	json_t *o = json_object();
	enum cli_exit r;

	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, facts[i].name, json_string(facts[i].value));
	r = json_dumpf(o, stdout, JSON_INDENT(2)) || putchar('\n') == EOF ? CLI_FAILED : CLI_OK;
	json_decref(o);
	return r;
}

static const struct option_row status_options[] = {
    {"format", NULL, VALUE_TEXT, 0, "text", P("text, tsv hoặc json", "text, tsv or json")}, END_OPTIONS};

static enum cli_exit status(struct cli *c)
{
	const char *format = cli_value(c, "format");
	const struct control_fact *facts;
	struct control *agent = NULL;
	struct err e = {0};
	size_t n;
	enum cli_exit r = cli_open_agent(c, &agent);

	if (r)
		return r;
	int failed = control_status(agent, &facts, &n, &e);
	if (failed)
		r = cli_agent_failed(c, failed, &e);
	else if (str_eq(format, "json"))
		r = print_json(facts, n);
	else
		for (size_t i = 0; i < n; i++)
			put_fact(facts[i].name, facts[i].value, format);
	control_free(agent);
	return r;
}

static enum cli_exit simple(struct cli *c, int (*what)(struct control *agent, int timeout_ms, struct err *e))
{
	struct control *agent = NULL;
	struct err e = {0};
	enum cli_exit r = cli_open_agent(c, &agent);

	if (r)
		return r;
	int failed = what(agent, SYNC_MS, &e);
	r = failed ? cli_agent_failed(c, failed, &e) : CLI_OK;
	if (!r)
		puts(SAY(c, "Xong.", "Done."));
	control_free(agent);
	return r;
}

static enum cli_exit sync_now(struct cli *c)
{
	return simple(c, control_sync);
}

static enum cli_exit goodbye(struct cli *c)
{
	return simple(c, control_goodbye);
}

/* A detection that another product, a hook or a test hands in. */
static const struct option_row detection_options[] = {
    {"PATH", NULL, VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL, P("đường dẫn của tệp", "the file's path")},
    {"name", NULL, VALUE_TEXT, OPTION_NEEDED, NULL, P("tên mã độc", "the malware's name")},
    {"engine", NULL, VALUE_TEXT, OPTION_NEEDED, NULL, P("bộ máy đã tìm ra", "what found it")},
    {"type", NULL, VALUE_TEXT, 0, "", P("loại: trojan, test, …", "its type: trojan, test, …")},
    {"sha256", NULL, VALUE_TEXT, 0, NULL, P("SHA-256 của tệp", "the file's SHA-256")},
    {"md5", NULL, VALUE_TEXT, 0, NULL, P("MD5 của tệp", "its MD5")},
    {"device", NULL, VALUE_TEXT, 0, "unknown",
        P("unknown, fixed, removable, network, optical, memory",
            "unknown, fixed, removable, network, optical, memory")},
    {"action", NULL, VALUE_TEXT, 0, "none",
        P("none, blocked, quarantined, deleted, restored, failed",
            "none, blocked, quarantined, deleted, restored, failed")},
    {"id", NULL, VALUE_TEXT, 0, NULL,
        P("16 chữ số hex; gửi lại cùng id không tính hai lần",
            "16 hex digits; the same id again is not counted twice")},
    END_OPTIONS,
};
static const char *const devices[] = {"unknown", "fixed", "removable", "network", "optical", "memory", NULL};
static const char *const actions[] = {"none", "blocked", "quarantined", "deleted", "restored", "failed", NULL};

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (str_eq(names[i], name))
			return i;
	return -1;
}

static enum cli_exit read_detection(const struct cli *c, uint8_t id[8], struct detection *d)
{
	const char *hash = cli_value(c, "sha256"), *text;
	int device = index_of(devices, cli_value(c, "device")), action = index_of(actions, cli_value(c, "action"));
	bool wrong = device < 0 || action < 0;

	d->engine = cli_value(c, "engine");
	d->name = cli_value(c, "name");
	d->type = cli_value(c, "type");
	d->has_sha256 = hash != NULL;
	wrong |= hash && hex_decode(d->sha256, sizeof d->sha256, hash);
	hash = cli_value(c, "md5");
	d->has_md5 = hash != NULL;
	wrong |= hash && hex_decode(d->md5, sizeof d->md5, hash);
	text = cli_value(c, "id");
	rnd_bytes(id, 8);
	wrong |= text && hex_decode(id, 8, text);
	if (wrong)
		return cli_fail(c, CLI_USAGE, "%s",
		    SAY(c, "device, action, sha256, md5 hoặc id sai; xem: khien help detection add",
		        "device, action, sha256, md5 or id is wrong; see: khien help detection add"));
	d->device = (enum device_type)device;
	d->action = (enum detection_action)action;
	return CLI_OK;
}

static enum cli_exit detection_add(struct cli *c)
{
	const char *path = cli_value(c, "PATH");
	struct buf display = BUF_INIT(MAX_DISPLAY);
	struct detection d = {.path = {.form = PATH_BYTES, .n = strlen(path), .raw = path}};
	struct control_receipt receipt;
	struct control *agent = NULL;
	struct err e = {0};
	char stream[ID_TEXT];
	uint8_t id[8];
	enum cli_exit r = read_detection(c, id, &d);

	(void)path_display(&display, path, strlen(path));
	d.path.display = buf_str(&display);
	if (!r)
		r = cli_open_agent(c, &agent);
	if (!r) {
		int failed = control_add_detection(agent, id, clock_real_us(), &d, &receipt, &e);
		r = failed ? cli_agent_failed(c, failed, &e) : CLI_OK;
	}
	if (!r) {
		hex_encode(stream, receipt.stream.b, sizeof receipt.stream.b);
		printf("%s %" PRId64 "\n", stream, receipt.seq);
	}
	control_free(agent);
	buf_release(&display);
	return r;
}

const struct command agent_commands[] = {
    {"enrol", P("đăng ký máy này; mã từ đầu vào chuẩn", "enrols this computer; the token from standard input"),
        enrol_options, NULL, enrol},
    {"status", P("tình trạng phần mềm trên máy này", "the agent on this computer"), status_options, NULL, status},
    {"sync", P("đồng bộ ngay với máy chủ", "syncs with the centre now"), NULL, NULL, sync_now},
    {"goodbye", P("báo gỡ khỏi máy này và quên đăng ký", "says goodbye and forgets the enrolment"), NULL, NULL,
        goodbye},
    {"detection add", P("nộp một phát hiện; trả lại biên nhận", "hands in a detection; prints its receipt"),
        detection_options, NULL, detection_add},
    END_COMMANDS,
};
