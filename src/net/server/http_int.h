/* Private to net/server. Everything of a connection belongs to the thread of its base; what other threads want is put
 * into the base's mailbox.
 *
 * A connection's way:
 *
 *   accept → HANDSHAKE → IDLE → READING → WORKING → WRITING → IDLE …
 *                                            │         └→ DRAINING → closed   (errors, Connection: close, a server that
 * stops) (the handler has the request; held syncs wait here)
 *
 * Each phase but WORKING has an end in time: connections stand in a queue for each listener and phase, in the order of
 * entering it, and as all in one queue have the same time, a look at the heads is enough. */
#ifndef HTTP_INT_H
#define HTTP_INT_H

#include "http.h"
#include "http_chunk.h"
#include "http_head.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

enum http_phase {
	PHASE_HANDSHAKE,
	PHASE_IDLE,
	PHASE_READING,
	PHASE_WORKING,
	PHASE_WRITING,
	PHASE_DRAINING, /* the last word is said; what the peer still sends is thrown away, so that it can read that
	                   word */
	PHASE_COUNT
};

enum {
	HTTP_SCRATCH = 16 * 1024,   /* a TLS record's plain text */
	HTTP_MAX_AHEAD = 16 * 1024, /* bytes of pipelined requests kept while one is being worked on */
	HTTP_TICK_MS = 250,
	HTTP_DRAIN_MS = 2000,
	HTTP_DRAIN_BYTES = 64 << 20, /* who sends on beyond this does not read answers */
	HTTP_STOP_MS = 5000,
	HTTP_PEER_BUCKETS = 4096,
};

struct http_mail {
	struct http_mail *next;
	void (*fn)(void *arg);
	void *arg;
};

struct http_conn {
	TAILQ_ENTRY(http_conn) in_phase;
	LIST_ENTRY(http_conn) in_peers; /* certified ones only */
	struct http_base *base;
	const struct http_port *port;
	SSL *ssl;
	int fd;
	enum http_phase phase;
	int64_t deadline_us, begun_us; /* monotonic; begun: first byte of the request */
	struct event io;
	short interest;   /* EV_READ, EV_WRITE or 0 */
	bool dispatching; /* the handler is on the stack */
	bool close_after; /* no request after this one */
	char *in;         /* bytes that came ahead, or of a head that has not ended */
	size_t in_n, seen;
	struct http_req *req; /* being read or worked on */
	char *out;            /* being written */
	size_t drained;
	size_t out_n, out_at, out_mark; /* mark: where out_at stood when its deadline was last put off */
	bool certified;
	struct http_cert cert;
	char address[46];
};

struct http_req {
	struct http_mail mail; /* carries the reply to the base */
	struct http_base *base;
	struct http_conn *conn; /* NULL: the peer is gone. Base only */
	const struct http_port *port;
	struct http_head head;
	char *head_text;
	char *body;
	size_t body_n, body_cap;
	struct http_chunks chunks;
	char id[65], caller[64], address[46];
	bool certified;
	struct http_cert cert;
	int64_t begun_us;
	void (*gone)(void *arg);
	void *gone_arg;
	int status; /* of the reply */
	char *reply;
	size_t reply_n;
};

TAILQ_HEAD(http_queue, http_conn);
LIST_HEAD(http_peers, http_conn);

/* What all bases know of a listener. */
struct http_port {
	struct http_listener conf;
	char *address;
	size_t index;
	uint16_t number;
	atomic_int connections;
};

struct http_door { /* one base's socket of a listener */
	struct http_base *base;
	struct http_port *port;
	int fd;
	bool resting; /* out of descriptors: until the next tick */
	struct event accept;
	struct http_queue phases[PHASE_COUNT];
};

struct http_base {
	struct http_server *server;
	size_t index;
	pthread_t thread;
	bool running;
	struct event_base *events;
	int mail_fd;
	struct event mail_event, tick;
	_Atomic(struct http_mail *) mail;
	struct http_door *doors; /* one a listener */
	struct http_peers peers[HTTP_PEER_BUCKETS];
	struct http_queue grave; /* closed in this turn of the loop; freed at its end */
	size_t n_conns, n_reqs;  /* requests in a handler's hands */
	bool stopping;
	int64_t stop_us;
	uint64_t id_prefix, id_next;
	char scratch[HTTP_SCRATCH];
};

struct http_server {
	size_t n_ports, n_bases;
	struct http_port *ports;
	struct http_base **bases;
	void (*answered)(void *arg, const struct http_req *q, int status, int64_t us);
	void *answered_arg;
	pthread_mutex_t tls_lock;
	SSL_CTX *tls[2]; /* by enum http_peer; for new connections */
	atomic_llong accepted, refused, requests, timed_out, handshake_failed;
};

/* http_tls.c */
int http_tls_contexts(const struct http_tls *t, SSL_CTX *ret[2], struct err *e);
/* Asks the connection about the peer's certificate after the handshake. -EACCES: none, or an odd one. */
int http_tls_peer(SSL *ssl, struct http_cert *ret);

/* http_base.c */
int http_base_new(struct http_server *s, size_t index, struct http_base **ret, struct err *e);
int http_base_run(struct http_base *b);
void http_base_free(struct http_base *b);
void http_base_post(struct http_base *b, struct http_mail *m);
bool http_base_here(const struct http_base *b); /* this is its thread */
void http_base_bury(struct http_base *b);       /* frees what was closed; at the end of each callback of the loop */

/* http_conn.c */
void http_conn_open(struct http_door *door, int fd, const char *address);
void http_conn_close(struct http_conn *c); /* its memory lives until http_base_bury */
void http_conn_enter(struct http_conn *c, enum http_phase phase);
void http_conn_late(struct http_conn *c);                       /* its deadline is over */
void http_conn_write(struct http_conn *c, char *out, size_t n); /* takes out */
bool http_conn_reading(const struct http_conn *c); /* open, and waits for a request or for the rest of one */
void http_conn_close_peer(struct http_base *b, const uint8_t key_hash[32]);

/* http_read.c */
/* Takes bytes of a request or several; stops behind one that was handed to its handler. Returns how many were taken. */
size_t http_read_feed(struct http_conn *c, const char *p, size_t n);
/* Answers an error by itself and ends the connection. */
void http_read_refuse(struct http_conn *c, int status);

/* http_request.c */
/* NULL: no memory. *ret_status: 0, or what is wrong with the head (n 0: there is none). */
struct http_req *http_req_new(struct http_conn *c, const char *head, size_t n, int *ret_status);
void http_req_free(struct http_req *q);
/* What http_reply does, on the base. */
void http_req_carry_out(void *req);
void http_req_forsake(struct http_req *q); /* its connection is gone */

#endif
