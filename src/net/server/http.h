/* An HTTP/1.1 server over TLS for many connections: one event base a core, listeners with SO_REUSEPORT. A strict parser
 * of our own over libevent's events and OpenSSL. A handler runs on an event thread and must not block; the answer may
 * come from any thread.
 *
 * Lifetime: an http_req lives from its handler until http_reply (exactly once, any thread) has been carried out on its
 * base. If the peer goes away meanwhile, http_reply still must be called, and does nothing but free.
 *
 * Limits: head 16 KiB, body `max_body`; from the first byte of a request to its last at most `request_s`, for all of
 * its bytes together (a peer that sends byte by byte gains nothing); an idle connection at most `idle_s`; connections
 * at most `max_connections`, beyond which new ones are closed at once. */
#ifndef HTTP_H
#define HTTP_H

#include "err.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_req;

typedef void (*http_handler)(struct http_req *q, void *arg);

enum http_peer { HTTP_PEER_ANY, HTTP_PEER_CERTIFIED }; /* never asks for a certificate; requires one */

struct http_listener {
	const char *address; /* "127.0.0.1" */
	uint16_t port;       /* 0: any, see http_port */
	enum http_peer peer;
	http_handler handler;
	void *arg;
	size_t max_body;
	int request_s, idle_s;
	int max_connections;
};

struct http_config {
	int bases; /* 0: one a core */
	size_t n_listeners;
	const struct http_listener *listeners;
	/* Told on the base of each answer once it has been handed to TLS, or when its peer was found gone: the access
	 * log. May be NULL. us: from the request's first byte on. */
	void (*answered)(void *arg, const struct http_req *q, int status, int64_t us);
	void *answered_arg;
};

/* Key material for new connections; http_set_tls may be called again while running (rotation). PEM texts; chain: the
 * server's certificate first, then cross-signed and CA certificates; client_cas: what a certified peer must descend
 * from. */
struct http_tls {
	const char *chain_pem, *key_pem, *client_cas_pem;
};

int http_start(struct http_server **ret, const struct http_config *c, const struct http_tls *tls, struct err *e);
int http_set_tls(struct http_server *s, const struct http_tls *tls, struct err *e);
uint16_t http_port(const struct http_server *s, size_t listener);
/* Stops accepting; requests that are not answered within 5 s lose their connection. Returns, and frees, once http_reply
 * was called for every request that a handler was given: whoever holds requests must let go of them first. */
void http_stop(struct http_server *s);

const char *http_method(const struct http_req *q);
const char *http_path(const struct http_req *q);  /* decoded once, no query; always begins with '/' */
const char *http_query(const struct http_req *q); /* raw, without '?'; "" */
const char *http_header(const struct http_req *q, const char *name); /* NULL */
const void *http_body(const struct http_req *q, size_t *ret_n);      /* NUL-terminated for convenience */
const char *http_peer_address(const struct http_req *q);
const char *http_request_id(const struct http_req *q); /* X-Request-Id if it is 8 to 64 of [A-Za-z0-9-], else made */
size_t http_listener_index(const struct http_req *q);
struct http_server *http_req_server(const struct http_req *q);
/* Who asks, for the access log: "machine:…", "account:7"; cut after 63 bytes. On the base, or before the reply. */
void http_set_caller(struct http_req *q, const char *caller);
const char *http_caller(const struct http_req *q); /* "" */
/* Stable for the connection's life; for closing connections by certificate. */
struct http_cert {
	uint8_t serial[20];
	size_t serial_n;
	uint8_t key_hash[32]; /* SHA-256 of the SubjectPublicKeyInfo */
	char common_name[65];
	bool expired; /* nothing else was wrong with it */
};
const struct http_cert *http_peer_cert(const struct http_req *q); /* NULL on HTTP_PEER_ANY */

/* Any thread. body is copied. Extra headers: name, value pairs closed by NULL, or NULL. */
void http_reply(
    struct http_req *q, int status, const char *content_type, const void *body, size_t n, const char *const *headers);

/* fn(arg) is called on q's base, once, if the peer goes away before http_reply: what is held for it may be let go. It
 * does not replace http_reply. Set on the base; fn NULL takes it back. */
void http_on_gone(struct http_req *q, void (*fn)(void *arg), void *arg);

/* Runs fn(arg) on q's base, from any thread, as soon as it may. */
void http_run(struct http_req *q, void (*fn)(void *arg), void *arg);
struct http_timer;
/* On q's base, at which fn will run once; the timer is gone when fn is called. NULL: no memory. */
struct http_timer *http_after(struct http_req *q, int delay_ms, void (*fn)(void *arg), void *arg);
/* The same for whoever is on base i without a request. */
struct http_timer *http_base_after(struct http_server *s, size_t i, int delay_ms, void (*fn)(void *arg), void *arg);
void http_cancel_timer(struct http_timer *t); /* from the same base, before it has run; NULL is fine */
size_t http_base_index(const struct http_req *q);
size_t http_bases(const struct http_server *s);
/* Runs fn on base i, from any thread. */
void http_on_base(struct http_server *s, size_t i, void (*fn)(void *arg), void *arg);

/* Closes every live connection whose peer certificate has this key hash, held requests included. Any thread. */
void http_close_peer(struct http_server *s, const uint8_t key_hash[32]);

struct http_stats {
	int64_t connections, accepted, refused, requests, timed_out, handshake_failed;
};
void http_get_stats(struct http_server *s, struct http_stats *ret);

#endif
