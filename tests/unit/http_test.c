#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "http.h"
#include "http_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DAY = 86400, HELD_MAX = 64, MAX_BODY = 100000 };

/* What the server under test does: /echo answers with the body, /hold waits until let go, /late answers from another
 * thread, /who names the peer. */
struct world {
	struct party ca, other_ca, server, peer, expired, stranger;
	struct http_server *http;
	uint16_t open, certified;
	pthread_mutex_t lock;
	struct http_req *held[HELD_MAX];
	size_t n_held;
	atomic_int gone, answered;
};

static void echo(struct http_req *q)
{
	size_t n;
	const void *p = http_body(q, &n);
	http_reply(q, 200, "application/octet-stream", p, n, NULL);
}

static void who(struct http_req *q)
{
	const struct http_cert *c = http_peer_cert(q);
	char text[256];
	int n = snprintf(text, sizeof text, "%s%s %s?%s", c ? c->common_name : "nobody",
	    c && c->expired ? " expired" : "", http_path(q), http_query(q));
	http_reply(q, 200, "text/plain", text, (size_t)n, NULL);
}

static void on_gone(void *arg)
{
	struct world *w = arg;
	atomic_fetch_add(&w->gone, 1);
}

static void hold(struct http_req *q, struct world *w)
{
	http_on_gone(q, on_gone, w);
	pthread_mutex_lock(&w->lock);
	w->held[w->n_held++] = q;
	pthread_mutex_unlock(&w->lock);
}

static void *reply_late(void *arg)
{
	echo(arg);
	return NULL;
}

static void late(struct http_req *q)
{
	pthread_t t;
	assert_int_equal(pthread_create(&t, NULL, reply_late, q), 0);
	pthread_detach(t);
}

static void handle(struct http_req *q, void *arg)
{
	const char *path = http_path(q);
	if (!strcmp(path, "/hold"))
		hold(q, arg);
	else if (!strcmp(path, "/late"))
		late(q);
	else if (!strcmp(path, "/echo"))
		echo(q);
	else
		who(q);
}

static void answered(void *arg, const struct http_req *q, int status, int64_t us)
{
	struct world *w = arg;
	assert_true(status >= 200 && us >= 0 && strlen(http_request_id(q)) >= 8);
	atomic_fetch_add(&w->answered, 1);
}

static size_t count_held(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	size_t n = w->n_held;
	pthread_mutex_unlock(&w->lock);
	return n;
}

static void let_go(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_held; i++)
		http_reply(w->held[i], 200, "text/plain", "now", 3, NULL);
	w->n_held = 0;
	pthread_mutex_unlock(&w->lock);
}

static bool eventually(bool (*is)(struct world *w), struct world *w)
{
	for (int64_t end = clock_mono_us() + 10 * US_PER_S; clock_mono_us() < end; usleep(2000))
		if (is(w))
			return true;
	return false;
}

static bool no_connections(struct world *w)
{
	struct http_stats s;
	http_get_stats(w->http, &s);
	return s.connections == 0;
}

static bool one_held(struct world *w)
{
	return count_held(w) == 1;
}

static bool one_gone(struct world *w)
{
	return atomic_load(&w->gone) == 1;
}

static bool four_refused(struct world *w)
{
	struct http_stats s;
	http_get_stats(w->http, &s);
	return s.handshake_failed == 4;
}

static struct http_tls tls_of(struct world *w, const struct party *server)
{
	return (struct http_tls){
	    .chain_pem = server->cert_pem, .key_pem = server->key_pem, .client_cas_pem = w->ca.cert_pem};
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct err e = {0};
	party_make(&w->ca, "ca", NULL, -DAY, DAY);
	party_make(&w->other_ca, "ca", NULL, -DAY, DAY); /* the same name, another key */
	party_make(&w->server, "server", &w->ca, -DAY, DAY);
	party_make(&w->peer, "peer", &w->ca, -DAY, DAY);
	party_make(&w->expired, "old", &w->ca, -DAY, -60);
	party_make(&w->stranger, "stranger", &w->other_ca, -DAY, DAY);
	pthread_mutex_init(&w->lock, NULL);
	struct http_listener l[] = {
	    {.address = "127.0.0.1",
	        .peer = HTTP_PEER_ANY,
	        .handler = handle,
	        .arg = w,
	        .max_body = MAX_BODY,
	        .request_s = 2,
	        .idle_s = 3,
	        .max_connections = 5},
	    {.address = "127.0.0.1",
	        .peer = HTTP_PEER_CERTIFIED,
	        .handler = handle,
	        .arg = w,
	        .max_body = MAX_BODY,
	        .request_s = 2,
	        .idle_s = 150,
	        .max_connections = 4000},
	};
	struct http_config c = {.bases = 2, .n_listeners = 2, .listeners = l, .answered = answered, .answered_arg = w};
	struct http_tls t = tls_of(w, &w->server);
	assert_int_equal(http_start(&w->http, &c, &t, &e), 0);
	w->open = http_port(w->http, 0);
	w->certified = http_port(w->http, 1);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	let_go(w);
	http_stop(w->http);
	struct party *all[] = {&w->ca, &w->other_ca, &w->server, &w->peer, &w->expired, &w->stranger};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		party_free(all[i]);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return 0;
}

#define HOST "Host: h\r\n"

static void answers_and_keeps_the_connection(void **state)
{
	struct world *w = *state;
	struct client c;
	char body[256];
	assert_int_equal(client_open(&c, w->open, &w->ca, NULL), 0);
	for (int i = 0; i < 3; i++) {
		client_send(&c, "GET /a%20b?x=%20 HTTP/1.1\r\n" HOST "\r\n");
		assert_int_equal(client_answer(&c, 2000, body, sizeof body), 200);
		assert_string_equal(body, "nobody /a b?x=%20");
	}
	client_send(&c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
	assert_int_equal(client_answer(&c, 2000, body, sizeof body), 200);
	assert_string_equal(body, "hello");
	client_send(&c, "POST /late HTTP/1.1\r\n" HOST
	                "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n");
	assert_int_equal(client_answer(&c, 2000, body, sizeof body), 200);
	assert_string_equal(body, "abc0123456789");
	client_send(&c, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	assert_int_equal(client_answer(&c, 2000, body, sizeof body), 200);
	assert_true(client_closed(&c, 2000));
	client_close(&c);
}

static void takes_a_request_byte_by_byte(void **state)
{
	struct world *w = *state;
	static const char text[] = "POST /echo HTTP/1.1\r\n" HOST
	                           "Content-Length: 3\r\n\r\nabcPOST /echo HTTP/1.1\r\n" HOST
	                           "Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n";
	struct client c;
	char body[16];
	assert_int_equal(client_open(&c, w->certified, &w->ca, &w->peer), 0);
	for (const char *p = text; *p; p++)
		assert_int_equal(client_send_n(&c, p, 1), 0);
	assert_int_equal(client_answer(&c, 2000, body, sizeof body), 200);
	assert_string_equal(body, "abc");
	assert_int_equal(client_answer(&c, 2000, body, sizeof body), 200);
	assert_string_equal(body, "de");
	client_close(&c);
}

/* Each way of the handler's answer, at once or from another thread, with many requests in one record. */
static void answers_pipelined_requests_in_order(void **state)
{
	struct world *w = *state;
	struct client c;
	char text[8192] = "", body[16];
	size_t n = 0;
	assert_int_equal(client_open(&c, w->certified, &w->ca, &w->peer), 0);
	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(text + n, sizeof text - n,
		    "POST /%s HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n%02d", i % 3 ? "echo" : "late", i);
	assert_int_equal(client_send_n(&c, text, n), 0);
	for (int i = 0; i < 60; i++) {
		char wanted[16];
		snprintf(wanted, sizeof wanted, "%02d", i);
		assert_int_equal(client_answer(&c, 5000, body, sizeof body), 200);
		assert_string_equal(body, wanted);
	}
	client_close(&c);
}

static void refuses(struct world *w, const char *text, int status)
{
	struct client c;
	char body[256] = "";
	assert_int_equal(client_open(&c, w->certified, &w->ca, &w->peer), 0);
	client_send(&c, text);
	int got = client_answer(&c, 5000, body, sizeof body);
	if (got != status)
		print_message("sent: %s\n", text);
	assert_int_equal(got, status);
	assert_non_null(strstr(body, "{\"error\":{\"code\":\""));
	assert_true(client_closed(&c, 5000));
	client_vanish(&c);
}

static void refuses_what_two_readers_may_read_differently(void **state)
{
	static const struct {
		const char *text;
		int status;
	} bad[] = {
	    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
	    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", 400},
	    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc", 400},
	    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nabc", 400},
	    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
	    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	        400},
	    {"POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 400},
	    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400},
	    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n123456789\r\n", 400},
	    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n", 400},
	    {"GET / HTTP/1.1\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
	    {"GET / HTTP/1.1\r\n" HOST "A: b\r\n folded\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\n" HOST "A: b\nB: c\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\n" HOST "A: b\rB: c\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400},
	    {"GET http://h/ HTTP/1.1\r\n" HOST "\r\n", 400},
	    {"GET /%zz HTTP/1.1\r\n" HOST "\r\n", 400},
	    {"GET /%00 HTTP/1.1\r\n" HOST "\r\n", 400},
	    {"GET /%0a HTTP/1.1\r\n" HOST "\r\n", 400},
	    {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
	    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
	    {"G(T / HTTP/1.1\r\n" HOST "\r\n", 400},
	    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
	    {"GET / HTTP/1.1\r\n" HOST "Expect: cake\r\n\r\n", 417},
	    {"\x16\x03\x01\r\n\r\n", 400},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refuses(*state, bad[i].text, bad[i].status);
}

static void refuses_what_is_too_large(void **state)
{
	struct world *w = *state;
	char *text = malloc(MAX_BODY * 2);
	refuses(w, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100001\r\n\r\n", 413);
	int n = snprintf(text, 100, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100001\r\n\r\n");
	memset(text + n, 'x', MAX_BODY + 1);
	text[n + MAX_BODY + 1] = 0;
	refuses(w, text, 413); /* the answer is not lost behind a reset */
	n = snprintf(
	    text, 100, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%x\r\n", MAX_BODY + 1);
	memset(text + n, 'x', MAX_BODY + 1);
	text[n + MAX_BODY + 1] = 0;
	refuses(w, text, 413);
	n = snprintf(text, 100, "GET / HTTP/1.1\r\n" HOST "A: ");
	memset(text + n, 'x', 17000);
	text[n + 17000] = 0;
	refuses(w, text, 431);
	n = snprintf(text, 100, "GET / HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 70; i++)
		n += snprintf(text + n, 100, "A%d: b\r\n", i);
	snprintf(text + n, 100, "\r\n");
	refuses(w, text, 431);
	free(text);
}

static void takes_the_largest_body(void **state)
{
	struct world *w = *state;
	struct client c;
	char head[100], *sent = malloc(MAX_BODY + 1), *got = malloc(MAX_BODY + 1);
	for (int i = 0; i < MAX_BODY; i++)
		sent[i] = (char)('a' + i % 23);
	sent[MAX_BODY] = 0;
	assert_int_equal(client_open(&c, w->certified, &w->ca, &w->peer), 0);
	snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", MAX_BODY);
	client_send(&c, head);
	client_send(&c, sent);
	assert_int_equal(client_answer(&c, 5000, got, MAX_BODY + 1), 200);
	assert_string_equal(got, sent);
	client_close(&c);
	free(sent);
	free(got);
}

static void says_continue(void **state)
{
	struct world *w = *state;
	struct client c;
	char body[16];
	assert_int_equal(client_open(&c, w->certified, &w->ca, &w->peer), 0);
	client_send(&c, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_int_equal(client_answer(&c, 2000, NULL, 0), 100);
	client_send(&c, "ok");
	assert_int_equal(client_answer(&c, 2000, body, sizeof body), 200);
	assert_string_equal(body, "ok");
	client_close(&c);
}

/* A byte every 100 ms: each comes soon enough, the request does not. */
static void cuts_a_slow_request(struct world *w, const char *head)
{
	struct client c;
	assert_int_equal(client_open(&c, w->certified, &w->ca, &w->peer), 0);
	int64_t begun = clock_mono_us();
	client_send(&c, head);
	while (clock_mono_us() - begun < 6 * US_PER_S && !client_send(&c, "x") && client_answer(&c, 100, NULL, 0) == -1)
		;
	int64_t took = clock_mono_us() - begun;
	assert_true(took >= 1900000 && took < 4 * US_PER_S);
	client_vanish(&c);
}

static void cuts_slow_requests(void **state)
{
	cuts_a_slow_request(*state, "GET / HTTP/1.1\r\nA: ");
	cuts_a_slow_request(*state, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5000\r\n\r\n");
	cuts_a_slow_request(*state, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1000;");
}

static void closes_idle_and_mute_connections(void **state)
{
	struct world *w = *state;
	struct client c;
	int64_t begun = clock_mono_us();
	assert_int_equal(client_open(&c, w->open, &w->ca, NULL), 0);
	assert_true(client_closed(&c, 6000));
	int64_t took = clock_mono_us() - begun;
	assert_true(took >= 2900000 && took < 5 * US_PER_S);
	client_vanish(&c);
	assert_true(eventually(no_connections, w));
}

static void caps_connections(void **state)
{
	struct world *w = *state;
	struct client c[6];
	for (int i = 0; i < 5; i++)
		assert_int_equal(client_open(&c[i], w->open, &w->ca, NULL), 0);
	assert_int_not_equal(client_open(&c[5], w->open, &w->ca, NULL), 0);
	for (int i = 0; i < 6; i++)
		client_vanish(&c[i]);
	assert_true(eventually(no_connections, w));
	assert_int_equal(client_open(&c[0], w->open, &w->ca, NULL), 0);
	client_close(&c[0]);
}

static void shares_its_port_with_nobody(void **state)
{
	struct world *w = *state;
	struct http_listener l = {.address = "127.0.0.1",
	    .port = w->open,
	    .handler = handle,
	    .max_body = 1,
	    .request_s = 1,
	    .idle_s = 1,
	    .max_connections = 1};
	struct http_config c = {.bases = 1, .n_listeners = 1, .listeners = &l};
	struct http_tls t = tls_of(w, &w->server);
	struct http_server *second = NULL;
	struct err e = {0};
	assert_int_equal(http_start(&second, &c, &t, &e), -EADDRINUSE);
	assert_non_null(strstr(e.text, "127.0.0.1 port"));
}

static int status_for(struct world *w, uint16_t port, const struct party *who, char *body, size_t size)
{
	struct client c;
	int status = 0;
	if (!client_open(&c, port, &w->ca, who) && !client_send(&c, "GET / HTTP/1.1\r\n" HOST "\r\n"))
		status = client_answer(&c, 3000, body, size);
	client_vanish(&c);
	return status;
}

static void knows_peers_by_certificate(void **state)
{
	struct world *w = *state;
	char body[256] = "";
	assert_int_equal(status_for(w, w->certified, &w->peer, body, sizeof body), 200);
	assert_string_equal(body, "peer /?");
	assert_int_equal(status_for(w, w->certified, &w->expired, body, sizeof body), 200);
	assert_string_equal(body, "old expired /?");
	assert_int_equal(status_for(w, w->open, &w->peer, body, sizeof body), 200);
	assert_string_equal(body, "nobody /?");
	assert_int_equal(status_for(w, w->certified, NULL, body, sizeof body), 0);
	assert_int_equal(status_for(w, w->certified, &w->stranger, body, sizeof body), 0);
	struct party late_stranger, early;
	party_make(&late_stranger, "x", &w->other_ca, -DAY, -60);
	party_make(&early, "early", &w->ca, 3600, DAY);
	assert_int_equal(status_for(w, w->certified, &late_stranger, body, sizeof body), 0);
	assert_int_equal(status_for(w, w->certified, &early, body, sizeof body), 0);
	party_free(&late_stranger);
	party_free(&early);
	assert_true(eventually(four_refused, w));
}

static void sees_a_held_peer_go(void **state)
{
	struct world *w = *state;
	struct client c;
	assert_int_equal(client_open(&c, w->certified, &w->ca, &w->peer), 0);
	client_send(&c, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	assert_true(eventually(one_held, w));
	client_vanish(&c);
	assert_true(eventually(one_gone, w));
	assert_true(eventually(no_connections, w));
	let_go(w); /* must be called, and does nothing but free */
}

static void closes_a_peer_by_its_key(void **state)
{
	struct world *w = *state;
	struct client held, idle, other;
	struct party second;
	party_make(&second, "second", &w->ca, -DAY, DAY);
	assert_int_equal(client_open(&idle, w->certified, &w->ca, &w->peer), 0);
	client_send(&idle, "GET / HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(client_answer(&idle, 2000, NULL, 0), 200);
	assert_int_equal(client_open(&other, w->certified, &w->ca, &second), 0);
	client_send(&other, "GET / HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(client_answer(&other, 2000, NULL, 0), 200);
	assert_int_equal(client_open(&held, w->certified, &w->ca, &w->peer), 0);
	client_send(&held, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	assert_true(eventually(one_held, w));
	http_close_peer(w->http, w->peer.key_hash);
	assert_true(client_closed(&held, 2000));
	assert_true(client_closed(&idle, 2000));
	assert_true(eventually(one_gone, w));
	client_send(&other, "GET / HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(client_answer(&other, 2000, NULL, 0), 200);
	let_go(w);
	client_vanish(&held);
	client_vanish(&idle);
	client_close(&other);
	party_free(&second);
}

static void takes_new_keys_while_serving(void **state)
{
	struct world *w = *state;
	struct client old, fresh;
	struct party ca, server, peer;
	struct err e = {0};
	party_make(&ca, "new ca", NULL, -DAY, DAY);
	party_make(&server, "server", &ca, -DAY, DAY);
	party_make(&peer, "peer", &ca, -DAY, DAY);
	assert_int_equal(client_open(&old, w->certified, &w->ca, &w->peer), 0);
	struct http_tls t = {.chain_pem = server.cert_pem, .key_pem = server.key_pem, .client_cas_pem = ca.cert_pem};
	struct http_tls wrong = t;
	wrong.key_pem = w->peer.key_pem;
	assert_int_equal(http_set_tls(w->http, &wrong, &e), -EINVAL);
	assert_non_null(strstr(e.text, "key"));
	assert_int_equal(status_for(w, w->certified, &w->peer, NULL, 0), 200);
	assert_int_equal(http_set_tls(w->http, &t, NULL), 0);
	client_send(&old, "GET / HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(client_answer(&old, 2000, NULL, 0), 200);
	assert_int_equal(status_for(w, w->certified, &w->peer, NULL, 0), 0);
	assert_int_equal(client_open(&fresh, w->certified, &ca, &peer), 0);
	client_send(&fresh, "GET / HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(client_answer(&fresh, 2000, NULL, 0), 200);
	client_close(&old);
	client_close(&fresh);
	party_free(&ca);
	party_free(&server);
	party_free(&peer);
}

static void holds_two_thousand(void **state)
{
	enum { MANY = 2000 };
	struct world *w = *state;
	struct client *c = calloc(MANY, sizeof *c);
	struct rlimit files = {MANY * 2 + 200, MANY * 2 + 200};
	if (setrlimit(RLIMIT_NOFILE, &files))
		skip();
	for (int i = 0; i < MANY; i++)
		assert_int_equal(client_open(&c[i], w->certified, &w->ca, &w->peer), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++)
			assert_int_equal(client_send(&c[i], "GET /late HTTP/1.1\r\n" HOST "\r\n"), 0);
		for (int i = 0; i < MANY; i++)
			assert_int_equal(client_answer(&c[i], 10000, NULL, 0), 200);
	}
	for (int i = 0; i < MANY; i++)
		client_vanish(&c[i]);
	assert_true(eventually(no_connections, w));
	free(c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(answers_and_keeps_the_connection),
	    T(takes_a_request_byte_by_byte),
	    T(answers_pipelined_requests_in_order),
	    T(refuses_what_two_readers_may_read_differently),
	    T(refuses_what_is_too_large),
	    T(takes_the_largest_body),
	    T(says_continue),
	    T(cuts_slow_requests),
	    T(closes_idle_and_mute_connections),
	    T(caps_connections),
	    T(shares_its_port_with_nobody),
	    T(knows_peers_by_certificate),
	    T(sees_a_held_peer_go),
	    T(closes_a_peer_by_its_key),
	    T(takes_new_keys_while_serving),
	    T(holds_two_thousand),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
