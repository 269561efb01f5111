#include "http_int.h"
#include "clock.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READS_AT_ONCE = 16, DRAINS_AT_ONCE = 16, PROGRESS = 64 * 1024 };

static struct http_queue *queue_of(struct http_conn *c)
{
	return &c->base->doors[c->port->index].phases[c->phase];
}

static struct http_peers *peers_of(struct http_base *b, const uint8_t key_hash[32])
{
	return &b->peers[(size_t)(key_hash[0] | key_hash[1] << 8) % HTTP_PEER_BUCKETS];
}

static int64_t phase_us(const struct http_conn *c)
{
	const struct http_listener *l = &c->port->conf;
	const int64_t us[PHASE_COUNT] = {
	    [PHASE_HANDSHAKE] = l->request_s * US_PER_S,
	    [PHASE_IDLE] = l->idle_s * US_PER_S,
	    [PHASE_READING] = l->request_s * US_PER_S,
	    [PHASE_WRITING] = l->request_s * US_PER_S,
	    [PHASE_DRAINING] = HTTP_DRAIN_MS * 1000,
	};
	return us[c->phase];
}

void http_conn_enter(struct http_conn *c, enum http_phase phase)
{
	TAILQ_REMOVE(queue_of(c), c, in_phase);
	c->phase = phase;
	int64_t now = clock_mono_us();
	c->deadline_us = now + phase_us(c);
	if (phase == PHASE_READING)
		c->begun_us = now;
	TAILQ_INSERT_TAIL(queue_of(c), c, in_phase);
}

bool http_conn_reading(const struct http_conn *c)
{
	return c->fd >= 0 && (c->phase == PHASE_IDLE || c->phase == PHASE_READING);
}

void http_conn_close(struct http_conn *c)
{
	if (c->fd < 0)
		return;
	struct http_req *q = c->req;
	bool in_hands = c->phase == PHASE_WORKING;
	event_del(&c->io);
	TAILQ_REMOVE(queue_of(c), c, in_phase);
	if (c->certified)
		LIST_REMOVE(c, in_peers);
	SSL_free(c->ssl);
	close(c->fd);
	c->fd = -1;
	c->req = NULL;
	c->base->n_conns--;
	atomic_fetch_sub(&c->base->server->ports[c->port->index].connections, 1);
	TAILQ_INSERT_TAIL(&c->base->grave, c, in_phase);
	if (in_hands && q)
		http_req_forsake(q);
	else
		http_req_free(q);
}

void http_conn_close_peer(struct http_base *b, const uint8_t key_hash[32])
{
	struct http_conn *c = LIST_FIRST(peers_of(b, key_hash)), *next;
	for (; c; c = next) {
		next = LIST_NEXT(c, in_peers);
		if (!memcmp(c->cert.key_hash, key_hash, sizeof c->cert.key_hash))
			http_conn_close(c);
	}
}

static void on_io(evutil_socket_t fd, short what, void *arg);

static void want(struct http_conn *c, short what)
{
	if (c->interest == what)
		return;
	event_del(&c->io);
	c->interest = what;
	if (!what)
		return;
	event_assign(&c->io, c->base->events, c->fd, (short)(what | EV_PERSIST), on_io, c);
	if (event_add(&c->io, NULL))
		http_conn_close(c);
}

/* After an SSL call that did not do: waits for what TLS waits for. False: the connection cannot go on. */
static bool wait_for_tls(struct http_conn *c, int n)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		want(c, EV_READ);
		return true;
	case SSL_ERROR_WANT_WRITE:
		want(c, EV_WRITE);
		return true;
	default:
		return false;
	}
}

/* Closing a socket with bytes unread would reset the connection, and the peer might never see the answer. */
static void drain_begin(struct http_conn *c)
{
	ERR_clear_error();
	if (SSL_is_init_finished(c->ssl))
		SSL_shutdown(c->ssl);
	shutdown(c->fd, SHUT_WR);
	http_conn_enter(c, PHASE_DRAINING);
	want(c, EV_READ);
}

static void drain(struct http_conn *c)
{
	for (int i = 0; i < DRAINS_AT_ONCE; i++) {
		ssize_t n = recv(c->fd, c->base->scratch, sizeof c->base->scratch, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		c->drained += n > 0 ? (size_t)n : 0;
		if (n <= 0 || c->drained > HTTP_DRAIN_BYTES) {
			http_conn_close(c);
			return;
		}
	}
}

static int keep(struct http_conn *c, const char *p, size_t n)
{
	if (!n) {
		free(c->in);
		c->in = NULL;
		c->in_n = 0;
		return 0;
	}
	if (c->in && p >= c->in && p <= c->in + c->in_n) {
		memmove(c->in, p, n);
	} else {
		char *fresh = realloc(c->in, n);
		if (!fresh)
			return -ENOMEM;
		memcpy(fresh, p, n);
		c->in = fresh;
	}
	c->in_n = n;
	return 0;
}

static int append(struct http_conn *c, const char *p, size_t n)
{
	char *more = realloc(c->in, c->in_n + n);
	if (!more)
		return -ENOMEM;
	memcpy(more + c->in_n, p, n);
	c->in = more;
	c->in_n += n;
	return 0;
}

/* Bytes that have come: to the requests that they belong to. What is left waits in c->in. */
static void take(struct http_conn *c, const char *p, size_t n)
{
	int r = 0;
	if (c->in_n && n)
		r = append(c, p, n);
	if (!r && c->in_n) {
		p = c->in;
		n = c->in_n;
	}
	size_t used = r ? 0 : http_read_feed(c, p, n);
	if (!r && c->fd >= 0 && (used || !c->in_n))
		r = keep(c, p + used, n - used);
	if (r)
		http_conn_close(c);
}

static void serve(struct http_conn *c)
{
	if (c->in_n && http_conn_reading(c))
		take(c, NULL, 0);
	for (int turn = 0; http_conn_reading(c); turn++) {
		if (turn && !SSL_has_pending(c->ssl))
			return;
		if (turn == READS_AT_ONCE) {
			event_active(&c->io, EV_READ, 0);
			return;
		}
		ERR_clear_error();
		int n = SSL_read(c->ssl, c->base->scratch, sizeof c->base->scratch);
		if (n > 0)
			take(c, c->base->scratch, (size_t)n);
		else if (!wait_for_tls(c, n))
			http_conn_close(c);
		if (n <= 0)
			return;
	}
}

/* While a request is worked on: sees the peer go, and keeps what it sends ahead, up to a bound. */
static void look_ahead(struct http_conn *c)
{
	ERR_clear_error();
	int n = SSL_read(c->ssl, c->base->scratch, sizeof c->base->scratch);
	if (n > 0 ? append(c, c->base->scratch, (size_t)n) != 0 : !wait_for_tls(c, n))
		http_conn_close(c);
	else if (c->in_n >= HTTP_MAX_AHEAD)
		want(c, 0);
}

static void flush(struct http_conn *c)
{
	while (c->out_at < c->out_n) {
		size_t left = c->out_n - c->out_at;
		ERR_clear_error();
		int n = SSL_write(c->ssl, c->out + c->out_at, left < INT32_MAX ? (int)left : INT32_MAX);
		if (n <= 0) {
			if (!wait_for_tls(c, n))
				http_conn_close(c);
			return;
		}
		c->out_at += (size_t)n;
		if (c->out_at - c->out_mark >= PROGRESS) { /* a long answer over a slow line is no attack */
			c->out_mark = c->out_at;
			http_conn_enter(c, PHASE_WRITING);
		}
	}
	free(c->out);
	c->out = NULL;
	if (c->close_after || c->base->stopping) {
		drain_begin(c);
		return;
	}
	http_conn_enter(c, PHASE_IDLE);
	want(c, EV_READ);
	if (!c->dispatching && (c->in_n || SSL_has_pending(c->ssl)))
		serve(c);
}

void http_conn_write(struct http_conn *c, char *out, size_t n)
{
	if (!out) {
		http_conn_close(c);
		return;
	}
	c->out = out;
	c->out_n = n;
	c->out_at = c->out_mark = 0;
	http_conn_enter(c, PHASE_WRITING);
	flush(c);
}

static bool accept_peer(struct http_conn *c)
{
	if (c->port->conf.peer != HTTP_PEER_CERTIFIED)
		return true;
	if (http_tls_peer(c->ssl, &c->cert))
		return false;
	c->certified = true;
	LIST_INSERT_HEAD(peers_of(c->base, c->cert.key_hash), c, in_peers);
	return true;
}

static void handshake(struct http_conn *c)
{
	ERR_clear_error();
	int n = SSL_do_handshake(c->ssl);
	if (n == 1 && accept_peer(c)) {
		http_conn_enter(c, PHASE_IDLE);
		want(c, EV_READ);
		if (SSL_has_pending(c->ssl))
			serve(c);
		return;
	}
	if (n != 1 && wait_for_tls(c, n))
		return;
	atomic_fetch_add(&c->base->server->handshake_failed, 1);
	drain_begin(c);
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	static void (*const go_on[PHASE_COUNT])(struct http_conn * c) = {
	    [PHASE_HANDSHAKE] = handshake,
	    [PHASE_IDLE] = serve,
	    [PHASE_READING] = serve,
	    [PHASE_WORKING] = look_ahead,
	    [PHASE_WRITING] = flush,
	    [PHASE_DRAINING] = drain,
	};
	struct http_conn *c = arg;
	struct http_base *b = c->base;
	(void)fd;
	(void)what;
	go_on[c->phase](c);
	http_base_bury(b);
}

void http_conn_late(struct http_conn *c)
{
	if (c->phase != PHASE_IDLE && c->phase != PHASE_DRAINING)
		atomic_fetch_add(&c->base->server->timed_out, 1);
	if (c->phase == PHASE_READING)
		http_read_refuse(c, 408);
	else
		http_conn_close(c);
}

static SSL *make_ssl(struct http_server *s, enum http_peer peer, int fd)
{
	pthread_mutex_lock(&s->tls_lock);
	SSL *ssl = SSL_new(s->tls[peer]);
	pthread_mutex_unlock(&s->tls_lock);
	if (ssl && SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

void http_conn_open(struct http_door *door, int fd, const char *address)
{
	struct http_base *b = door->base;
	struct http_conn *c = calloc(1, sizeof *c);
	SSL *ssl = c ? make_ssl(b->server, door->port->conf.peer, fd) : NULL;
	if (!ssl) {
		free(c);
		close(fd);
		atomic_fetch_sub(&door->port->connections, 1);
		return;
	}
	SSL_set_accept_state(ssl);
	SSL_set_app_data(ssl, c);
	c->base = b;
	c->port = door->port;
	c->ssl = ssl;
	c->fd = fd;
	snprintf(c->address, sizeof c->address, "%s", address);
	b->n_conns++;
	c->phase = PHASE_HANDSHAKE;
	TAILQ_INSERT_TAIL(queue_of(c), c, in_phase);
	http_conn_enter(c, PHASE_HANDSHAKE);
	event_assign(&c->io, b->events, fd, EV_READ | EV_PERSIST, on_io, c);
	want(c, EV_READ);
}
