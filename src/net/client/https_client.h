/* An HTTPS client of one server, over libcurl: connections are kept; no redirects, no proxy unless told, no other
 * scheme. A client belongs to one thread at a time (https_interrupt excepted). Two calls at the same time (a held sync
 * and events) are two clients.
 *
 * Note: under TLS 1.3 a client's handshake succeeds before the server has judged the client's certificate. That the
 * centre accepts a certificate is proved by an answer, never by a connection. */
#ifndef HTTPS_CLIENT_H
#define HTTPS_CLIENT_H

#include "buf.h"
#include "err.h"
#include "ids.h"

#include <stddef.h>
#include <stdint.h>

struct https_config {
	const char *host; /* "127.0.0.1", "khien.example.vn", "::1"; also the name that the server must have */
	uint16_t port;
	const char *anchors_pem; /* whom to believe … */
	const uint8_t *pin;      /* … or, when anchors_pem is NULL, the key of the chain's root (SHA256_BYTES) */
	int64_t floor_us;        /* pki_verify_time */
	const char *cert_pem, *key_pem; /* the client's own; NULL: none */
	const char *proxy;              /* "http://host:port"; NULL: none, whatever the environment says */
	const char *user_agent;         /* NULL: "khien/VERSION" */
	size_t max_body;                /* bytes of an answer */
	int connect_ms, total_ms;       /* total: from the call to the last byte of the answer */
};

struct https_client;
/* All texts are copied. */
int https_client_new(const struct https_config *c, struct https_client **ret, struct err *e);
void https_client_free(struct https_client *c);
/* Other anchors, identity or floor from the next call on; open connections are closed. Fields as in https_config; only
 * anchors_pem, pin, floor_us, cert_pem, key_pem are looked at. */
int https_client_set_trust(struct https_client *c, const struct https_config *trust, struct err *e);

enum https_outcome {
	HTTPS_ANSWERED,    /* status, whatever it is */
	HTTPS_NO_NAME,     /* the host's name was not found */
	HTTPS_UNREACHABLE, /* no connection */
	HTTPS_TLS_REFUSED, /* the server is not whom we believe, or it refused us during the handshake */
	HTTPS_TIMED_OUT,
	HTTPS_BROKEN, /* the connection ended, or what came is not HTTP; a certificate refused late looks like this */
	HTTPS_TOO_LARGE, /* the answer is longer than max_body */
	HTTPS_INTERRUPTED,
};
const char *https_outcome_name(enum https_outcome o); /* "tls-refused" */

struct https_request {
	const char *method;       /* "POST" */
	const char *path;         /* with its query, as it goes on the wire */
	const char *content_type; /* NULL: none */
	const void *body;
	size_t n;
	const char *const *headers; /* name, value, name, value, NULL; may be NULL */
	int total_ms;               /* 0: the client's own */
};

struct https_answer {
	enum https_outcome outcome;
	int status;
	char content_type[64];
	char request_id[65]; /* X-Request-Id; "" */
	int retry_after_s;   /* -1: none */
	char cookie[192];    /* the first Set-Cookie: "name=value" without its attributes; "" */
	struct buf body;     /* the caller releases it: https_answer_release */
	struct err why;      /* for outcomes other than HTTPS_ANSWERED: plain words */
};

/* 0 when *ret says what happened, whatever that is; negative errno only for calls that could not be made (-EINVAL,
 * -ENOMEM). */
int https_call(struct https_client *c, const struct https_request *q, struct https_answer *ret);
void https_answer_release(struct https_answer *a);

/* Any thread: the running call, or the next one, ends with HTTPS_INTERRUPTED. */
void https_interrupt(struct https_client *c);

#endif
