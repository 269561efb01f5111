#include "client.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

struct client {
	struct event_base *base;
	SSL_CTX *ctx;
	char *host;
	uint16_t port;
	X509 *cert;
	EVP_PKEY *key;
	struct evhttp_connection *conn;
	struct event *later; /* tells `done` from the loop, never from inside a call or a library's callback */
	struct event *loss;  /* cuts the connection of a call whose reply is to be lost */
	bool drop;           /* the connection is not to be used again */
	client_done done;    /* NULL: no call under way */
	void *arg;
	int status, retry_after;
	char *body;
	size_t n;
};

static void drop_connection(struct client *c)
{
	struct evhttp_connection *conn = c->conn;
	c->conn = NULL;
	c->drop = false;
	if (conn)
		evhttp_connection_free(conn);
}

static void tell(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct client *c = arg;
	client_done done = c->done;
	if (c->drop)
		drop_connection(c);
	char *body = c->body;
	struct reply reply = {c->status, body ? body : "", body ? c->n : 0, c->retry_after};
	c->done = NULL;
	c->body = NULL;
	done(c->arg, &reply); /* may free c */
	free(body);
}

static void finish(struct client *c, int status)
{
	c->status = status;
	event_del(c->loss);
	event_active(c->later, EV_TIMEOUT, 0);
}

static void answered(struct evhttp_request *q, void *arg)
{
	struct client *c = arg;
	if (!c->done) /* cut while the library was ending the request */
		return;
	int status = q ? evhttp_request_get_response_code(q) : 0;
	if (!status) {
		c->drop = true;
		finish(c, 0);
		return;
	}
	const char *retry = evhttp_find_header(evhttp_request_get_input_headers(q), "Retry-After");
	c->retry_after = retry ? (int)strtol(retry, NULL, 10) : -1;
	struct evbuffer *in = evhttp_request_get_input_buffer(q);
	c->n = evbuffer_get_length(in);
	c->body = malloc(c->n + 1);
	if (c->body) {
		evbuffer_remove(in, c->body, c->n);
		c->body[c->n] = 0;
	}
	finish(c, c->body ? status : 0);
}

static void closed(struct evhttp_connection *conn, void *arg)
{
	(void)conn;
	struct client *c = arg;
	c->drop = true; /* a TLS connection cannot be connected again */
}

/* Nagle's rule would hold the tail of each request back until the peer's delayed acknowledgement. */
static void no_delay(struct client *c)
{
	int on = 1;
	evutil_socket_t fd = bufferevent_getfd(evhttp_connection_get_bufferevent(c->conn));
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int connect_client(struct client *c)
{
	SSL *ssl = SSL_new(c->ctx);
	if (!ssl)
		return -ENOMEM;
	SSL_set_tlsext_host_name(ssl, c->host);
	if (c->cert && (SSL_use_certificate(ssl, c->cert) != 1 || SSL_use_PrivateKey(ssl, c->key) != 1)) {
		SSL_free(ssl);
		return -EINVAL;
	}
	struct bufferevent *bev = bufferevent_openssl_socket_new(
	    c->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return -ENOMEM;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	c->conn = evhttp_connection_base_bufferevent_new(c->base, NULL, bev, c->host, c->port);
	if (!c->conn) {
		bufferevent_free(bev);
		return -ENOMEM;
	}
	evhttp_connection_set_max_body_size(c->conn, 4 << 20);
	evhttp_connection_set_closecb(c->conn, closed, c);
	return 0;
}

static void lose_reply(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_cut(arg);
}

int client_call(struct client *c, enum client_method method, const char *path, const void *body, size_t n,
    int timeout_s, enum client_fault fault, client_done done, void *arg)
{
	if (c->done)
		return -EBUSY;
	if (c->drop)
		drop_connection(c);
	if (!c->conn) {
		int r = connect_client(c);
		if (r)
			return r;
	}
	struct evhttp_request *q = evhttp_request_new(answered, c);
	if (!q)
		return -ENOMEM;
	struct evkeyvalq *head = evhttp_request_get_output_headers(q);
	evhttp_add_header(head, "Host", c->host);
	if (method == CLIENT_POST_UNHELD)
		evhttp_add_header(head, "X-Khien-Hold", "0");
	if (method != CLIENT_GET) {
		evhttp_add_header(head, "Content-Type", "application/json");
		evbuffer_add(evhttp_request_get_output_buffer(q), body, n);
	}
	evhttp_connection_set_timeout(c->conn, timeout_s);
	c->done = done;
	c->arg = arg;
	c->retry_after = -1;
	if (evhttp_make_request(c->conn, q, method == CLIENT_GET ? EVHTTP_REQ_GET : EVHTTP_REQ_POST, path)) {
		c->drop = true;
		finish(c, 0);
		return 0;
	}
	no_delay(c);
	if (fault ==
	    CLIENT_LOSE_REPLY) { /* long enough for a loopback request to arrive, mostly: either is a lost reply */
		struct timeval soon = {0, 20000};
		event_add(c->loss, &soon);
	}
	return 0;
}

void client_cut(struct client *c)
{
	bool waiting = c->done && !event_pending(c->later, EV_TIMEOUT, NULL) && !c->body && c->conn;
	client_done done = c->done;
	if (waiting)
		c->done = NULL; /* freeing the connection fails its request, and that is not news */
	drop_connection(c);
	if (waiting) {
		c->done = done;
		finish(c, 0);
	}
}

struct client *client_new(struct event_base *base, SSL_CTX *ctx, const char *host, uint16_t port)
{
	struct client *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->base = base;
	c->ctx = ctx;
	c->host = strdup(host);
	c->port = port;
	c->later = event_new(base, -1, 0, tell, c);
	c->loss = event_new(base, -1, 0, lose_reply, c);
	if (!c->host || !c->later || !c->loss) {
		client_free(c);
		return NULL;
	}
	return c;
}

void client_identity(struct client *c, X509 *cert, EVP_PKEY *key)
{
	client_cut(c);
	if (cert)
		X509_up_ref(cert);
	if (key)
		EVP_PKEY_up_ref(key);
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
	c->cert = cert;
	c->key = key;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	c->done = NULL;
	drop_connection(c);
	if (c->later)
		event_free(c->later);
	if (c->loss)
		event_free(c->loss);
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
	free(c->body);
	free(c->host);
	free(c);
}
