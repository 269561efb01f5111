#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca_issue.h"
#include "clock.h"
#include "http.h"
#include "https_client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UID_TEXT "0123456789abcdef0123456789abcdef"
#define DAY      (INT64_C(86400) * US_PER_S)

/* One CA, a server on two listeners, a client's key with a certificate of this CA and one of a stranger. */
struct house {
	struct pki_key *ca_key, *key;
	X509 *root;
	char *root_pem, *key_pem, *chain, *wrong_use_chain, *client_pem, *stranger_pem;
	uint8_t pin[SHA256_BYTES];
	struct http_server *server;
	int deaf; /* listens, never answers */
	uint16_t deaf_port;
};

static char *pem_of(X509 *c)
{
	struct buf b = BUF_INIT(MAX_CERT);
	assert_int_equal(pki_cert_write(c, &b), 0);
	X509_free(c);
	return buf_steal(&b);
}

static void answer(struct http_req *q, void *arg)
{
	(void)arg;
	static const char *const headers[] = {"Retry-After", "17", "Set-Cookie", "s=abc; Secure", NULL};
	size_t n;
	const void *body = http_body(q, &n);
	if (strcmp(http_path(q), "/large") == 0) {
		char *large = calloc(1, 100001);
		memset(large, 'x', 100000);
		http_reply(q, 200, "text/plain", large, 100000, NULL);
		free(large);
	} else if (strcmp(http_path(q), "/away") == 0) {
		static const char *const away[] = {"Location", "/elsewhere", NULL};
		http_reply(q, 302, "text/plain", "", 0, away);
	} else if (strcmp(http_path(q), "/busy") == 0) {
		http_reply(q, 503, "application/json", "{}", 2, headers);
	} else {
		http_reply(q, 200, "application/json", body, n, NULL);
	}
}

static void deaf_listener(struct house *h)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	h->deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(h->deaf, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(h->deaf, 8), 0);
	assert_int_equal(getsockname(h->deaf, (struct sockaddr *)&a, &n), 0);
	h->deaf_port = ntohs(a.sin_port);
}

static void make_certificates(struct house *h)
{
	struct pki_key *strange_key;
	X509 *strange_root, *c;
	struct buf csr = BUF_INIT(MAX_CSR), key = BUF_INIT(PKI_MAX_KEY);
	assert_int_equal(pki_key_new(&h->ca_key), 0);
	assert_int_equal(pki_key_new(&h->key), 0);
	assert_int_equal(pki_key_new(&strange_key), 0);
	assert_int_equal(ca_issue_root(h->ca_key, 1, 7300 * 86400LL, &h->root), 0);
	assert_int_equal(ca_issue_root(strange_key, 1, 86400, &strange_root), 0);
	assert_int_equal(pki_csr_make(h->key, "", &csr), 0);
	assert_int_equal(pki_key_write(h->key, &key), 0);
	h->key_pem = buf_steal(&key);
	struct ca_issuer ca = {h->root, h->ca_key}, stranger = {strange_root, strange_key};
	struct buf root = BUF_INIT(MAX_CERT);
	assert_int_equal(pki_cert_write(h->root, &root), 0);
	h->root_pem = buf_steal(&root);
	assert_int_equal(ca_issue_server(&ca, csr.p, "127.0.0.1, localhost", 86400, &c, NULL), 0);
	char *leaf = pem_of(c);
	assert_true(asprintf(&h->chain, "%s%s", leaf, h->root_pem) > 0);
	free(leaf);
	assert_int_equal(ca_issue_agent(&ca, csr.p, UID_TEXT, 86400, &c, NULL), 0);
	h->client_pem = pem_of(c);
	assert_true(asprintf(&h->wrong_use_chain, "%s%s", h->client_pem, h->root_pem) > 0);
	assert_int_equal(ca_issue_agent(&stranger, csr.p, UID_TEXT, 86400, &c, NULL), 0);
	h->stranger_pem = pem_of(c);
	pki_key_hash(h->ca_key, h->pin);
	pki_key_free(strange_key);
	X509_free(strange_root);
	buf_release(&csr);
}

static int set_up(void **state)
{
	struct house *h = calloc(1, sizeof *h);
	make_certificates(h);
	deaf_listener(h);
	struct http_listener v[2] = {{.address = "127.0.0.1",
	    .peer = HTTP_PEER_ANY,
	    .handler = answer,
	    .max_body = 4096,
	    .request_s = 10,
	    .idle_s = 30,
	    .max_connections = 20}};
	v[1] = v[0];
	v[1].peer = HTTP_PEER_CERTIFIED;
	struct http_config c = {.bases = 1, .n_listeners = 2, .listeners = v};
	struct http_tls tls = {h->chain, h->key_pem, h->root_pem};
	struct err e = {0};
	if (http_start(&h->server, &c, &tls, &e))
		fail_msg("%s", e.text);
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct house *h = *state;
	http_stop(h->server);
	close(h->deaf);
	pki_key_free(h->ca_key);
	pki_key_free(h->key);
	X509_free(h->root);
	free(h->root_pem);
	free(h->key_pem);
	free(h->chain);
	free(h->wrong_use_chain);
	free(h->client_pem);
	free(h->stranger_pem);
	free(h);
	return 0;
}

static struct https_config config(struct house *h)
{
	return (struct https_config){.host = "127.0.0.1",
	    .port = http_port(h->server, 0),
	    .anchors_pem = h->root_pem,
	    .floor_us = clock_real_us() - DAY,
	    .max_body = 50000,
	    .connect_ms = 5000,
	    .total_ms = 5000};
}

static struct https_answer call_with(struct https_client *c, const char *path)
{
	struct https_answer a;
	struct https_request q = {
	    .method = "POST", .path = path, .content_type = "application/json", .body = "{\"a\":1}", .n = 7};
	assert_int_equal(https_call(c, &q, &a), 0);
	return a;
}

/* A client of its own for one call. */
static struct https_answer call(const struct https_config *conf, const char *path)
{
	struct https_client *c;
	struct err e = {0};
	if (https_client_new(conf, &c, &e))
		fail_msg("%s", e.text);
	struct https_answer a = call_with(c, path);
	https_client_free(c);
	return a;
}

static void expect(const struct https_config *conf, enum https_outcome outcome, const char *why)
{
	struct https_answer a = call(conf, "/");
	if (a.outcome != outcome || !strstr(a.why.text, why))
		fail_msg("%s: %s, expected %s: %s", https_outcome_name(a.outcome), a.why.text,
		    https_outcome_name(outcome), why);
	https_answer_release(&a);
}

static void an_answer_is_told_whole(void **state)
{
	struct house *h = *state;
	struct https_config conf = config(h);
	struct https_client *c;
	assert_int_equal(https_client_new(&conf, &c, NULL), 0);
	for (int i = 0; i < 3; i++) {
		struct https_answer a = call_with(c, "/x");
		assert_int_equal(a.outcome, HTTPS_ANSWERED);
		assert_int_equal(a.status, 200);
		assert_string_equal(buf_str(&a.body), "{\"a\":1}");
		assert_string_equal(a.content_type, "application/json");
		assert_int_equal(a.retry_after_s, -1);
		https_answer_release(&a);
	}
	struct https_answer a = call_with(c, "/busy");
	assert_int_equal(a.status, 503);
	assert_int_equal(a.retry_after_s, 17);
	assert_string_equal(a.cookie, "s=abc");
	assert_true(strlen(a.request_id) >= 8);
	https_answer_release(&a);
	a = call_with(c, "/away");
	assert_int_equal(a.status, 302); /* told, not followed */
	https_answer_release(&a);
	struct http_stats s;
	http_get_stats(h->server, &s);
	assert_int_equal(s.requests, 5);
	assert_int_equal(s.accepted, 1); /* one connection for all of them */
	https_client_free(c);
}

static void a_long_answer_is_cut_off(void **state)
{
	struct https_config conf = config(*state);
	struct https_answer a = call(&conf, "/large");
	assert_int_equal(a.outcome, HTTPS_TOO_LARGE);
	assert_true(a.body.n <= conf.max_body);
	https_answer_release(&a);
	conf.max_body = 100000;
	a = call(&conf, "/large");
	assert_int_equal(a.outcome, HTTPS_ANSWERED);
	assert_int_equal(a.body.n, 100000);
	https_answer_release(&a);
}

static void who_is_not_believed_is_refused(void **state)
{
	struct house *h = *state;
	struct https_config conf = config(h);
	conf.host = "localhost";
	expect(&conf, HTTPS_ANSWERED, "");
	conf = config(h);
	conf.host = "127.0.0.2"; /* the same listener is not there; the name is judged by ca_test */
	expect(&conf, HTTPS_UNREACHABLE, "");
	conf = config(h);
	conf.anchors_pem = h->stranger_pem;
	expect(&conf, HTTPS_TLS_REFUSED, "");
	conf = config(h);
	conf.floor_us = clock_real_us() + 30 * DAY; /* the clock is behind what is known for certain */
	expect(&conf, HTTPS_TLS_REFUSED, "expired");
	conf.floor_us = clock_real_us() -
	                1000 * DAY; /* the clock seems years ahead: the floor, where it only is not yet valid */
	expect(&conf, HTTPS_ANSWERED, "");
	struct http_tls tls = {h->wrong_use_chain, h->key_pem, h->root_pem};
	assert_int_equal(http_set_tls(h->server, &tls, NULL), 0);
	conf = config(h);
	expect(&conf, HTTPS_TLS_REFUSED, "purpose");
}

static void a_pin_is_enough_for_enrolment(void **state)
{
	struct house *h = *state;
	struct https_config conf = config(h);
	conf.anchors_pem = NULL;
	conf.pin = h->pin;
	expect(&conf, HTTPS_ANSWERED, "");
	h->pin[31] ^= 1;
	expect(&conf, HTTPS_TLS_REFUSED, "pinned");
	struct https_client *c;
	conf.pin = NULL;
	assert_int_equal(https_client_new(&conf, &c, NULL), -EINVAL);
}

static void a_clients_certificate_is_proved_by_an_answer(void **state)
{
	struct house *h = *state;
	struct https_config conf = config(h);
	conf.port = http_port(h->server, 1);
	expect(&conf, HTTPS_TLS_REFUSED, "alert");
	conf.cert_pem = h->stranger_pem;
	conf.key_pem = h->key_pem;
	expect(&conf, HTTPS_TLS_REFUSED, "alert");
	conf.cert_pem = h->client_pem;
	expect(&conf, HTTPS_ANSWERED, "");
}

static void a_changed_trust_is_asked_anew(void **state)
{
	struct house *h = *state;
	struct https_config conf = config(h);
	struct https_client *c;
	assert_int_equal(https_client_new(&conf, &c, NULL), 0);
	struct https_answer a = call_with(c, "/");
	assert_int_equal(a.outcome, HTTPS_ANSWERED);
	https_answer_release(&a);
	conf.anchors_pem = h->stranger_pem;
	assert_int_equal(https_client_set_trust(c, &conf, NULL), 0);
	for (int i = 0; i < 2; i++) { /* also after a failure no old connection is taken */
		a = call_with(c, "/");
		assert_int_equal(a.outcome, HTTPS_TLS_REFUSED);
		https_answer_release(&a);
	}
	conf.anchors_pem = h->root_pem;
	assert_int_equal(https_client_set_trust(c, &conf, NULL), 0);
	a = call_with(c, "/");
	assert_int_equal(a.outcome, HTTPS_ANSWERED);
	https_answer_release(&a);
	https_client_free(c);
}

static void silence_ends(void **state)
{
	struct house *h = *state;
	struct https_config conf = config(h);
	conf.port = h->deaf_port;
	conf.total_ms = 300;
	int64_t began = clock_mono_us();
	expect(&conf, HTTPS_TIMED_OUT, "");
	assert_true(clock_mono_us() - began < 4 * US_PER_S);
	conf = config(h);
	conf.port = 1;
	expect(&conf, HTTPS_UNREACHABLE, "");
	conf.host = "no-such-host.invalid";
	expect(&conf, HTTPS_NO_NAME, "");
}

static void *interrupt(void *arg)
{
	https_interrupt(arg);
	return NULL;
}

static void a_call_can_be_interrupted(void **state)
{
	struct house *h = *state;
	struct https_config conf = config(h);
	struct https_client *c;
	pthread_t t;
	conf.port = h->deaf_port;
	conf.total_ms = conf.connect_ms = 60000;
	assert_int_equal(https_client_new(&conf, &c, NULL), 0);
	int64_t began = clock_mono_us();
	assert_int_equal(pthread_create(&t, NULL, interrupt, c), 0);
	struct https_answer a = call_with(c, "/");
	assert_int_equal(a.outcome, HTTPS_INTERRUPTED);
	assert_true(clock_mono_us() - began < 10 * US_PER_S);
	https_answer_release(&a);
	pthread_join(t, NULL);
	https_client_free(c);
}

static void what_is_no_call_is_refused(void **state)
{
	struct house *h = *state;
	struct https_config conf = config(h);
	struct https_client *c;
	struct https_answer a;
	assert_int_equal(https_client_new(&conf, &c, NULL), 0);
	assert_int_equal(https_call(c, &(struct https_request){.method = "POST", .path = "x"}, &a), -EINVAL);
	assert_int_equal(https_call(c, &(struct https_request){.method = "POST", .path = "/a b"}, &a), -EINVAL);
	const char *const split[] = {"X-A", "1\r\nX-B: 2", NULL};
	assert_int_equal(
	    https_call(c, &(struct https_request){.method = "POST", .path = "/", .headers = split}, &a), -EINVAL);
	https_client_free(c);
	conf.host = "127.0.0.1/x?";
	assert_int_equal(https_client_new(&conf, &c, NULL), -EINVAL);
	conf = config(h);
	struct pki_key *other;
	struct buf pem = BUF_INIT(PKI_MAX_KEY);
	assert_int_equal(pki_key_new(&other), 0);
	assert_int_equal(pki_key_write(other, &pem), 0);
	conf.cert_pem = h->client_pem;
	conf.key_pem = buf_str(&pem);
	assert_int_equal(https_client_new(&conf, &c, NULL), -EINVAL);
	buf_wipe(&pem);
	pki_key_free(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_answer_is_told_whole),
	    TEST(a_long_answer_is_cut_off),
	    TEST(who_is_not_believed_is_refused),
	    TEST(a_pin_is_enough_for_enrolment),
	    TEST(a_clients_certificate_is_proved_by_an_answer),
	    TEST(a_changed_trust_is_asked_anew),
	    TEST(silence_ends),
	    TEST(a_call_can_be_interrupted),
	    TEST(what_is_no_call_is_refused),
	};
	return cmocka_run_group_tests_name("https_client", tests, NULL, NULL);
}
