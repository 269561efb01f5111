#include "cli_api.h"

#include "buf.h"
#include "cli_config.h"
#include "file.h"
#include "https_client.h"
#include "str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ANSWER = 128 << 20, MAX_CA = 256 * 1024, MAX_BEARER = 128, CONNECT_MS = 10000, TOTAL_MS = 120000 };

#define SESSION_COOKIE "__Host-khien="

struct cli_api {
	struct cli_config config;
	struct https_client *client; /* NULL until the first call */
	char authorization[MAX_BEARER + 8];
};

enum cli_exit api_config(struct cli *c)
{
	const char *path = c->config_path ? c->config_path : cli_config_find();
	struct err e = {0};

	if (c->api)
		return CLI_OK;
	if (!path)
		return cli_fail(c, CLI_USAGE, "%s",
		    SAY(c,
		        "không biết máy chủ ở đâu: không có var/run/cli.conf ở đây, không có /etc/khien/cli.conf, "
		        "không có --config",
		        "where is the centre? there is no var/run/cli.conf here, no /etc/khien/cli.conf and no "
		        "--config"));
	c->api = calloc(1, sizeof *c->api);
	if (!c->api)
		return cli_fail(c, CLI_FAILED, "%s", strerror(ENOMEM));
	if (!cli_config_read(path, &c->api->config, &e))
		return CLI_OK;
	api_close(c);
	return cli_fail(c, CLI_USAGE, "%s", e.text);
}

const char *api_agent_socket(struct cli *c)
{
	if (c->agent_socket)
		return c->agent_socket;
	if (!c->config_path && !cli_config_find())
		return "/var/lib/khien/agent/control.sock";
	if (api_config(c))
		return NULL;
	return c->api->config.agent[0] ? c->api->config.agent : "/var/lib/khien/agent/control.sock";
}

const char *api_ca_socket(struct cli *c)
{
	return !api_config(c) && c->api->config.ca_socket[0] ? c->api->config.ca_socket : NULL;
}

static void read_token(struct cli_api *a)
{
	struct buf b = BUF_INIT(MAX_BEARER);

	if (a->config.token[0] && !file_read(AT_FDCWD, a->config.token, &b)) {
		size_t n = strcspn(buf_str(&b), "\r\n");
		(void)snprintf(a->authorization, sizeof a->authorization, "Bearer %.*s", (int)n, buf_str(&b));
	}
	buf_wipe(&b);
}

static enum cli_exit open_client(struct cli *c)
{
	struct buf ca = BUF_INIT(MAX_CA);
	struct cli_api *a = c->api;
	struct err e = {0};
	int r;

	if (a->client)
		return CLI_OK;
	if (!a->config.host[0] || !a->config.ca[0])
		return cli_fail(
		    c, CLI_USAGE, "%s", SAY(c, "cấu hình thiếu api hoặc ca", "the configuration lacks api or ca"));
	r = file_read(AT_FDCWD, a->config.ca, &ca);
	if (r)
		return cli_fail(c, CLI_USAGE, "%s: %s", a->config.ca, strerror(-r));
	struct https_config h = {.host = a->config.host,
	    .port = a->config.port,
	    .anchors_pem = buf_str(&ca),
	    .max_body = MAX_ANSWER,
	    .connect_ms = CONNECT_MS,
	    .total_ms = TOTAL_MS};
	r = https_client_new(&h, &a->client, &e);
	buf_release(&ca);
	if (r)
		return cli_fail(c, CLI_FAILED, "%s", e.text[0] ? e.text : strerror(-r));
	if (!a->authorization[0])
		read_token(a);
	return CLI_OK;
}

enum cli_exit api_become(struct cli *c, const char *bearer)
{
	enum cli_exit r = api_config(c);

	if (!r)
		(void)snprintf(c->api->authorization, sizeof c->api->authorization, "Bearer %s", bearer);
	return r;
}

enum cli_exit api_token_file(struct cli *c, const char **ret)
{
	enum cli_exit r = api_config(c);

	if (!r && !c->api->config.token[0])
		r = cli_fail(c, CLI_USAGE, "%s",
		    SAY(c, "cấu hình không nói mã truy cập nằm ở tệp nào (token = …)",
		        "the configuration names no file for the token (token = …)"));
	if (!r)
		*ret = c->api->config.token;
	return r;
}

static void take_session(struct api_answer *a, const char *cookie)
{
	if (!strncmp(cookie, SESSION_COOKIE, sizeof SESSION_COOKIE - 1))
		(void)str_copy(a->session, sizeof a->session, cookie + sizeof SESSION_COOKIE - 1);
}

static enum cli_exit no_answer(const struct cli *c, const struct https_answer *h)
{
	return cli_fail(c, CLI_UNREACHABLE,
	    SAY(c, "máy chủ %s:%u không trả lời (%s): %s", "the centre at %s:%u gave no answer (%s): %s"),
	    c->api->config.host, c->api->config.port, https_outcome_name(h->outcome), h->why.text);
}

enum cli_exit api_call(struct cli *c, const char *method, const char *path, const char *type, const void *body,
    size_t n, struct api_answer *ret)
{
	const char *headers[] = {"Accept-Language", c->language == CLI_VI ? "vi" : "en", NULL, NULL, NULL};
	struct https_request q = {
	    .method = method, .path = path, .content_type = type, .body = body, .n = n, .headers = headers};
	struct https_answer h = {0};
	enum cli_exit r = api_config(c);
	int failed;

	if (!r)
		r = open_client(c);
	if (r)
		return r;
	if (c->api->authorization[0]) {
		headers[2] = "Authorization";
		headers[3] = c->api->authorization;
	}
	failed = https_call(c->api->client, &q, &h);
	if (failed)
		r = cli_fail(c, CLI_FAILED, "%s", strerror(-failed));
	else if (h.outcome != HTTPS_ANSWERED)
		r = no_answer(c, &h);
	if (!r) {
		*ret = (struct api_answer){.status = h.status, .n = h.body.n};
		ret->body = ret->n ? buf_steal(&h.body) : strdup("");
		(void)str_copy(ret->type, sizeof ret->type, h.content_type);
		take_session(ret, h.cookie);
	}
	https_answer_release(&h);
	return r;
}

static enum cli_exit exit_of(int status)
{
	if (status == 401 || status == 403)
		return CLI_DENIED;
	return status == 404 ? CLI_NOT_FOUND : CLI_FAILED;
}

enum cli_exit api_refused(const struct cli *c, const struct api_answer *a)
{
	const char *message, *field, *detail;
	json_t *root;
	enum cli_exit r;

	if (a->status >= 200 && a->status < 300)
		return CLI_OK;
	root = json_loadb(a->body, a->n, 0, NULL);
	const json_t *error = json_object_get(root, "error");
	message = json_string_value(json_object_get(error, "message"));
	field = json_string_value(json_object_get(error, "field"));
	detail = json_string_value(json_object_get(error, "detail"));
	r = cli_fail(c, exit_of(a->status), "%s%s%s%s%s (%d)",
	    message ? message : SAY(c, "máy chủ từ chối", "the centre refused"), field && *field ? ": " : "",
	    field ? field : "", detail && *detail ? ": " : "", detail ? detail : "", a->status);
	json_decref(root);
	return r;
}

enum cli_exit api_json(struct cli *c, const char *method, const char *path, const json_t *body, json_t **ret)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct api_answer a = {0};
	json_t *root = NULL;
	enum cli_exit r = api_call(
	    c, method, path, text ? "application/json" : NULL, text, text ? strlen(text) : 0, &a);

	if (text)
		memset(text, 0, strlen(text));
	free(text);
	if (!r)
		r = api_refused(c, &a);
	if (!r && a.n) {
		root = json_loadb(a.body, a.n, 0, NULL);
		if (!root)
			r = cli_fail(c, CLI_FAILED, "%s",
			    SAY(c, "máy chủ trả lời không phải JSON", "the centre's answer is not JSON"));
	}
	free(a.body);
	if (!r && ret)
		*ret = root;
	else
		json_decref(root);
	return r;
}

void api_close(struct cli *c)
{
	if (!c->api)
		return;
	https_client_free(c->api->client);
	memset(c->api->authorization, 0, sizeof c->api->authorization);
	free(c->api);
	c->api = NULL;
}
