#include "http_int.h"
#include "clock.h"
#include "str.h"

#include <strings.h>

enum { MAX_ANSWER_HEAD = 8 * 1024 };

static bool usable_id(const char *s)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
	size_t n = s ? strspn(s, allowed) : 0;
	return n >= 8 && n <= 64 && !s[n];
}

static void name_request(struct http_req *q)
{
	const char *told = http_header(q, "X-Request-Id");
	if (usable_id(told)) {
		str_copy(q->id, sizeof q->id, told);
		return;
	}
	uint64_t parts[2] = {q->base->id_prefix, q->base->id_next++};
	hex_encode(q->id, parts, sizeof parts);
}

struct http_req *http_req_new(struct http_conn *c, const char *head, size_t n, int *ret_status)
{
	struct http_req *q = calloc(1, sizeof *q);
	if (!q)
		return NULL;
	q->base = c->base;
	q->conn = c;
	q->port = c->port;
	q->certified = c->certified;
	q->cert = c->cert;
	q->begun_us = c->begun_us;
	memcpy(q->address, c->address, sizeof q->address);
	q->head_text = malloc(n + 1);
	if (!q->head_text) {
		free(q);
		return NULL;
	}
	if (n)
		memcpy(q->head_text, head, n);
	q->head_text[n] = 0;
	*ret_status = n ? http_head_parse(q->head_text, n, &q->head) : 400;
	if (*ret_status) /* half understood is not understood */
		q->head = (struct http_head){.content_length = -1};
	name_request(q);
	return q;
}

void http_req_free(struct http_req *q)
{
	if (!q)
		return;
	free(q->head_text);
	free(q->body);
	free(q->reply);
	free(q);
}

void http_req_forsake(struct http_req *q)
{
	void (*gone)(void *arg) = q->gone;
	q->conn = NULL;
	q->gone = NULL;
	if (gone)
		gone(q->gone_arg);
}

const char *http_method(const struct http_req *q)
{
	return q->head.text ? q->head.text + q->head.method : "-";
}

const char *http_path(const struct http_req *q)
{
	return q->head.text ? q->head.text + q->head.path : "/";
}

const char *http_query(const struct http_req *q)
{
	return q->head.text ? q->head.text + q->head.query : "";
}

const char *http_header(const struct http_req *q, const char *name)
{
	return http_head_field(&q->head, name);
}

const void *http_body(const struct http_req *q, size_t *ret_n)
{
	*ret_n = q->body_n;
	return q->body ? q->body : "";
}

const char *http_peer_address(const struct http_req *q)
{
	return q->address;
}

const char *http_request_id(const struct http_req *q)
{
	return q->id;
}

size_t http_listener_index(const struct http_req *q)
{
	return q->port->index;
}

size_t http_base_index(const struct http_req *q)
{
	return q->base->index;
}

struct http_server *http_req_server(const struct http_req *q)
{
	return q->base->server;
}

void http_set_caller(struct http_req *q, const char *caller)
{
	snprintf(q->caller, sizeof q->caller, "%s", caller);
}

const char *http_caller(const struct http_req *q)
{
	return q->caller;
}

const struct http_cert *http_peer_cert(const struct http_req *q)
{
	return q->certified ? &q->cert : NULL;
}

void http_on_gone(struct http_req *q, void (*fn)(void *arg), void *arg)
{
	q->gone = fn;
	q->gone_arg = arg;
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {303, "See Other"},
	    {304, "Not Modified"}, {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
	    {405, "Method Not Allowed"}, {408, "Request Timeout"}, {409, "Conflict"}, {413, "Content Too Large"},
	    {415, "Unsupported Media Type"}, {417, "Expectation Failed"}, {422, "Unprocessable Content"},
	    {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
	    {501, "Not Implemented"}, {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

/* Once a second and thread is often enough. */
static const char *date(void)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static _Thread_local time_t made;
	static _Thread_local char text[64];
	time_t now = time(NULL);
	if (now != made) {
		struct tm t;
		gmtime_r(&now, &t);
		snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * t.tm_wday, t.tm_mday,
		    months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
		made = now;
	}
	return text;
}

struct head_text {
	char p[MAX_ANSWER_HEAD];
	size_t n;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void add(struct head_text *h, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(h->p + h->n, sizeof h->p - h->n, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof h->p - h->n)
		h->full = true;
	else
		h->n += (size_t)n;
}

static void add_head(struct head_text *h, const struct http_req *q, const char *type, size_t n, const char *const *more)
{
	bool bodyless = q->status == 204 || q->status == 304;
	add(h, "HTTP/1.1 %d %s\r\n", q->status, reason(q->status));
	if (type && !bodyless)
		add(h, "Content-Type: %s\r\n", type);
	if (!bodyless)
		add(h, "Content-Length: %zu\r\n", n);
	add(h, "Date: %s\r\nX-Request-Id: %s\r\n%s", date(), q->id, q->head.keep_alive ? "" : "Connection: close\r\n");
	for (; more && more[0]; more += 2)
		if (!strpbrk(more[1], "\r\n")) /* a value cannot become a line of its own */
			add(h, "%s: %s\r\n", more[0], more[1]);
	add(h, "\r\n");
}

/* Head and body in one piece: one record, one system call. NULL: no memory, or a head without end. */
static char *compose(
    const struct http_req *q, const char *type, const void *body, size_t n, const char *const *headers, size_t *ret_n)
{
	struct head_text h;
	h.n = 0;
	h.full = false;
	add_head(&h, q, type, n, headers);
	if (!strcmp(http_method(q), "HEAD") || q->status == 204 || q->status == 304)
		n = 0;
	char *p = h.full ? NULL : malloc(h.n + n);
	if (!p)
		return NULL;
	memcpy(p, h.p, h.n);
	if (n)
		memcpy(p + h.n, body, n);
	*ret_n = h.n + n;
	return p;
}

void http_req_carry_out(void *req)
{
	struct http_req *q = req;
	struct http_conn *c = q->conn;
	struct http_server *s = q->base->server;
	q->base->n_reqs--;
	if (c) {
		char *out = q->reply;
		q->reply = NULL;
		c->req = NULL;
		http_conn_write(c, out, q->reply_n);
	}
	if (s->answered)
		s->answered(s->answered_arg, q, q->status, q->begun_us ? clock_mono_us() - q->begun_us : 0);
	http_req_free(q);
}

void http_reply(
    struct http_req *q, int status, const char *content_type, const void *body, size_t n, const char *const *headers)
{
	q->status = status;
	q->reply = compose(q, content_type, body, n, headers, &q->reply_n);
	q->mail = (struct http_mail){.fn = http_req_carry_out, .arg = q};
	if (http_base_here(q->base))
		http_req_carry_out(q);
	else
		http_base_post(q->base, &q->mail);
}

void http_run(struct http_req *q, void (*fn)(void *arg), void *arg)
{
	http_on_base(q->base->server, q->base->index, fn, arg);
}
