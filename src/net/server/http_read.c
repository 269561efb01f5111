#include "http_int.h"

#include <openssl/err.h>

enum { FIRST_BODY = 4096 };

/* Room for n more bytes and a NUL, growing by doubling but never beyond what was told. */
static int reserve(struct http_req *q, size_t n)
{
	size_t need = q->body_n + n + 1;
	if (need <= q->body_cap)
		return 0;
	size_t cap = q->body_cap ? q->body_cap * 2 : FIRST_BODY;
	if (q->head.content_length >= 0 && cap > (size_t)q->head.content_length + 1)
		cap = (size_t)q->head.content_length + 1;
	if (cap < need)
		cap = need;
	char *more = realloc(q->body, cap);
	if (!more)
		return -ENOMEM;
	q->body = more;
	q->body_cap = cap;
	return 0;
}

static int add_body(struct http_conn *c, const char *p, size_t n)
{
	struct http_req *q = c->req;
	if (n > c->port->conf.max_body - q->body_n)
		return 413;
	if (reserve(q, n))
		return 503;
	if (n)
		memcpy(q->body + q->body_n, p, n);
	q->body_n += n;
	q->body[q->body_n] = 0;
	return 0;
}

static int read_chunks(struct http_conn *c, const char *p, size_t n, size_t *used)
{
	struct http_chunks *k = &c->req->chunks;
	const char *data;
	size_t data_n;
	*used = http_chunks_feed(k, p, n, &data, &data_n);
	return k->state == CHUNK_BROKEN ? 400 : add_body(c, data, data_n);
}

static int read_counted(struct http_conn *c, const char *p, size_t n, size_t *used)
{
	struct http_req *q = c->req;
	size_t left = q->head.content_length > 0 ? (size_t)q->head.content_length - q->body_n : 0;
	*used = n < left ? n : left;
	return add_body(c, p, *used);
}

static bool complete(const struct http_req *q)
{
	if (q->head.chunked)
		return q->chunks.state == CHUNK_END;
	return q->head.content_length <= (int64_t)q->body_n;
}

/* The peer waits for leave to send its body. */
static int say_continue(struct http_conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	ERR_clear_error();
	return SSL_write(c->ssl, text, sizeof text - 1) == (int)sizeof text - 1 ? 0 : 408;
}

static int read_head(struct http_conn *c, const char *p, size_t n, size_t *used)
{
	int status = 0;
	*used = http_head_end(p, n, c->seen);
	if (!*used) {
		c->seen = n;
		return n > HTTP_MAX_HEAD ? 431 : 0;
	}
	c->seen = 0;
	c->req = http_req_new(c, p, *used, &status);
	if (!c->req)
		return 503;
	if (!status && c->req->head.content_length > (int64_t)c->port->conf.max_body)
		status = 413;
	if (!status && c->req->head.expects_continue && *used == n && !complete(c->req))
		status = say_continue(c);
	return status;
}

static void hand_over(struct http_conn *c)
{
	struct http_req *q = c->req;
	http_conn_enter(c, PHASE_WORKING);
	c->close_after = !q->head.keep_alive;
	c->base->n_reqs++;
	atomic_fetch_add(&c->base->server->requests, 1);
	c->dispatching = true;
	c->port->conf.handler(q, c->port->conf.arg);
	c->dispatching = false;
}

size_t http_read_feed(struct http_conn *c, const char *p, size_t n)
{
	size_t at = 0;
	while (at < n && http_conn_reading(c)) {
		size_t used = 0;
		int status;
		if (c->phase == PHASE_IDLE)
			http_conn_enter(c, PHASE_READING);
		if (!c->req)
			status = read_head(c, p + at, n - at, &used);
		else
			status = (c->req->head.chunked ? read_chunks : read_counted)(c, p + at, n - at, &used);
		at += used;
		if (status)
			http_read_refuse(c, status);
		else if (c->req && complete(c->req))
			hand_over(c);
		else if (!used)
			break;
	}
	return at;
}

void http_read_refuse(struct http_conn *c, int status)
{
	const struct {
		int status;
		const char *code, *message;
		size_t limit;
	} words[] = {
	    {400, "bad-request", "this is not a well-formed HTTP/1.1 request", 0},
	    {408, "too-slow", "the request did not come to its end in time", 0},
	    {413, "too-large", "the body is longer than is taken here", c->port->conf.max_body},
	    {417, "bad-request", "no expectation but 100-continue is met", 0},
	    {431, "too-large", "the head is longer than is taken here", HTTP_MAX_HEAD},
	    {501, "bad-request", "no transfer coding but chunked is understood", 0},
	    {503, "busy", "no memory for this request", 0},
	    {505, "bad-request", "HTTP/1.1 is spoken here", 0},
	};
	static const char *const retry[] = {"Retry-After", "5", NULL};
	size_t i = 0;
	int ignored;
	char body[256], limit[40] = "";
	while (i + 1 < sizeof words / sizeof words[0] && words[i].status != status)
		i++;
	if (words[i].limit)
		snprintf(limit, sizeof limit, ": at most %zu bytes", words[i].limit);
	int n = snprintf(body, sizeof body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s%s\"}}", words[i].code,
	    words[i].message, limit);
	if (!c->req)
		c->req = http_req_new(c, NULL, 0, &ignored);
	if (!c->req) {
		http_conn_close(c);
		return;
	}
	c->req->head.keep_alive = false;
	c->close_after = true;
	c->dispatching = true;
	c->base->n_reqs++;
	http_conn_enter(c, PHASE_WORKING);
	http_reply(c->req, status, "application/json", body, (size_t)n, status == 503 ? retry : NULL);
	c->dispatching = false;
}
