#include "https_client.h"
#include "version.h"

#include "pki_x509.h"
#include "str.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct https_client {
	CURLM *multi;
	CURL *easy;
	char *base; /* "https://host:port" */
	char *host;
	struct pki_trust *trust;
	struct pki_tls_check check;
	char *cert_pem;
	struct pki_key *key;
	size_t max_body;
	int total_ms;
	bool fresh; /* the next call must not take a connection that was made under another trust */
	atomic_bool interrupted;
	char curl_words[CURL_ERROR_SIZE];
};

static void start_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

const char *https_outcome_name(enum https_outcome o)
{
	static const char *const names[] = {
	    "answered", "no-name", "unreachable", "tls-refused", "timed-out", "broken", "too-large", "interrupted"};
	return names[o];
}

/* Called by curl for each new connection. */
static CURLcode prepare_tls(CURL *easy, void *ssl_ctx, void *arg)
{
	(void)easy;
	struct https_client *c = arg;
	pki_tls_verify(ssl_ctx, &c->check);
	if (c->cert_pem && pki_tls_identity(ssl_ctx, c->cert_pem, c->key, &c->check.why))
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

struct trust_parts {
	struct pki_trust *trust;
	struct pki_key *key;
	char *cert_pem;
};

static void release_parts(struct trust_parts *p)
{
	pki_trust_free(p->trust);
	pki_key_free(p->key);
	free(p->cert_pem);
}

static int read_parts(const struct https_config *c, struct trust_parts *ret, struct err *e)
{
	struct trust_parts p = {0};
	int r = -EINVAL;
	if (c->anchors_pem)
		r = pki_trust_anchors(c->anchors_pem, &p.trust, e);
	else if (c->pin)
		r = pki_trust_pin(c->pin, &p.trust);
	if (!r && c->cert_pem)
		r = c->key_pem ? pki_key_read(c->key_pem, &p.key, e) : -EINVAL;
	if (!r && c->cert_pem && !pki_cert_fits(c->cert_pem, p.key))
		r = err_set(e, -EINVAL, "certificate and key do not fit");
	if (!r && c->cert_pem && !(p.cert_pem = strdup(c->cert_pem)))
		r = -ENOMEM;
	if (r) {
		release_parts(&p);
		return err_set(e, r, "whom to believe, and who we are: %s", strerror(-r));
	}
	*ret = p;
	return 0;
}

int https_client_set_trust(struct https_client *c, const struct https_config *trust, struct err *e)
{
	struct trust_parts p = {0};
	int r = read_parts(trust, &p, e);
	if (r)
		return r;
	release_parts(&(struct trust_parts){c->trust, c->key, c->cert_pem});
	c->trust = p.trust;
	c->key = p.key;
	c->cert_pem = p.cert_pem;
	c->check = (struct pki_tls_check){.trust = c->trust, .host = c->host, .floor_us = trust->floor_us};
	c->fresh = true;
	return 0;
}

/* What is the same for all calls of a client. */
static int set_up(struct https_client *c, const struct https_config *conf)
{
	CURL *h = c->easy;
	bool good = true;
#define SET(option, value) good = good && curl_easy_setopt(h, option, value) == CURLE_OK
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_PROXY, conf->proxy ? conf->proxy : ""); /* "": whatever the environment says */
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)conf->connect_ms);
	SET(CURLOPT_USERAGENT, conf->user_agent ? conf->user_agent : "khien/" KHIEN_VERSION);
	SET(CURLOPT_ERRORBUFFER, c->curl_words);
	/* whom to believe is pki's to judge; curl's own anchors are not even loaded */
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L); /* each connection judges anew */
	SET(CURLOPT_SSL_CTX_FUNCTION, prepare_tls);
	SET(CURLOPT_SSL_CTX_DATA, c);
#undef SET
	return good && curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L) == CURLM_OK ? 0 : -ENOTSUP;
}

static int make_base(struct https_client *c, const struct https_config *conf)
{
	bool six = strchr(conf->host, ':') != NULL;
	if (!*conf->host || conf->host[strcspn(conf->host, "/?#@\\ []%")])
		return -EINVAL;
	c->host = strdup(conf->host);
	if (asprintf(&c->base, six ? "https://[%s]:%u" : "https://%s:%u", conf->host, (unsigned)conf->port) < 0)
		c->base = NULL;
	return c->host && c->base ? 0 : -ENOMEM;
}

int https_client_new(const struct https_config *conf, struct https_client **ret, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start_curl);
	struct https_client *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->max_body = conf->max_body;
	c->total_ms = conf->total_ms;
	int r = make_base(c, conf);
	if (r)
		err_set(e, r, "not a host's name");
	c->multi = curl_multi_init();
	c->easy = curl_easy_init();
	if (!r && (!c->multi || !c->easy))
		r = -ENOMEM;
	if (!r)
		r = https_client_set_trust(c, conf, e);
	if (!r)
		r = set_up(c, conf);
	if (r)
		https_client_free(c);
	else
		*ret = c;
	return r;
}

void https_client_free(struct https_client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	release_parts(&(struct trust_parts){c->trust, c->key, c->cert_pem});
	free(c->base);
	free(c->host);
	free(c);
}

static size_t take_body(char *p, size_t one, size_t n, void *arg)
{
	(void)one;
	struct https_answer *a = arg;
	return buf_add(&a->body, p, n) ? 0 : n;
}

/* The value of the header line if it is that one. */
static bool header_is(const char *line, size_t n, const char *name, char *dst, size_t size)
{
	size_t len = strlen(name);
	if (n <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
		return false;
	const char *from = line + len + 1, *to = line + n;
	while (from < to && (*from == ' ' || *from == '\t'))
		from++;
	while (to > from && (unsigned char)to[-1] <= ' ')
		to--;
	size_t k = (size_t)(to - from) < size ? (size_t)(to - from) : 0; /* what is too long for it is none */
	memcpy(dst, from, k);
	dst[k] = 0;
	return true;
}

static size_t take_header(char *p, size_t one, size_t n, void *arg)
{
	(void)one;
	struct https_answer *a = arg;
	char retry[16], cookie[1024], *rest;
	int64_t seconds;
	if (header_is(p, n, "Retry-After", retry, sizeof retry) && str_i64(retry, 0, 86400, &seconds) == 0)
		a->retry_after_s = (int)seconds;
	if (!a->cookie[0] && header_is(p, n, "Set-Cookie", cookie, sizeof cookie))
		str_copy(a->cookie, sizeof a->cookie, strtok_r(cookie, ";", &rest) ? cookie : "");
	header_is(p, n, "X-Request-Id", a->request_id, sizeof a->request_id);
	header_is(p, n, "Content-Type", a->content_type, sizeof a->content_type);
	return n;
}

static int add_header(struct curl_slist **list, const char *name, const char *value)
{
	char *line;
	if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
		return -EINVAL;
	if (asprintf(&line, "%s:%s%s", name, *value ? " " : "", value) < 0)
		return -ENOMEM;
	struct curl_slist *longer = curl_slist_append(*list, line);
	free(line);
	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int make_headers(const struct https_request *q, struct curl_slist **ret)
{
	int r = add_header(ret, "Expect", ""); /* no 100-continue: it costs a round trip */
	if (!r)
		r = add_header(ret, "Content-Type", q->content_type ? q->content_type : "");
	for (const char *const *h = q->headers; !r && h && h[0]; h += 2)
		r = add_header(ret, h[0], h[1]);
	return r;
}

static int set_call(struct https_client *c, const struct https_request *q, const char *url, struct curl_slist *headers,
    struct https_answer *a)
{
	CURL *h = c->easy;
	bool good = true;
	bool get = strcmp(q->method, "GET") == 0;
#define SET(option, value) good = good && curl_easy_setopt(h, option, value) == CURLE_OK
	SET(CURLOPT_URL, url);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_TIMEOUT_MS, (long)(q->total_ms ? q->total_ms : c->total_ms));
	SET(CURLOPT_FRESH_CONNECT, c->fresh ? 1L : 0L);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, a);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, a);
	SET(CURLOPT_CUSTOMREQUEST, NULL);
	if (get) {
		SET(CURLOPT_HTTPGET, 1L);
	} else {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, q->body ? q->body : "");
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->n);
		if (strcmp(q->method, "POST") != 0)
			SET(CURLOPT_CUSTOMREQUEST, q->method);
	}
#undef SET
	return good ? 0 : -ENOMEM;
}

static const struct {
	CURLcode code;
	enum https_outcome outcome;
} outcomes[] = {
    {CURLE_OK, HTTPS_ANSWERED},
    {CURLE_COULDNT_RESOLVE_HOST, HTTPS_NO_NAME},
    {CURLE_COULDNT_RESOLVE_PROXY, HTTPS_NO_NAME},
    {CURLE_COULDNT_CONNECT, HTTPS_UNREACHABLE},
    {CURLE_OPERATION_TIMEDOUT, HTTPS_TIMED_OUT},
    {CURLE_SSL_CONNECT_ERROR, HTTPS_TLS_REFUSED},
    {CURLE_PEER_FAILED_VERIFICATION, HTTPS_TLS_REFUSED},
    {CURLE_SSL_CERTPROBLEM, HTTPS_TLS_REFUSED},
    {CURLE_SSL_CIPHER, HTTPS_TLS_REFUSED},
};

static enum https_outcome judge(const struct https_client *c, CURLcode code, const struct https_answer *a)
{
	if (code == CURLE_WRITE_ERROR && a->body.error == -EMSGSIZE)
		return HTTPS_TOO_LARGE;
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		if (outcomes[i].code == code)
			return outcomes[i].outcome;
	/* under TLS 1.3 the server's refusal of our certificate is an alert behind the handshake */
	return strstr(c->curl_words, "alert") ? HTTPS_TLS_REFUSED : HTTPS_BROKEN;
}

static void explain(const struct https_client *c, CURLcode code, struct https_answer *a)
{
	const char *words = c->curl_words[0] ? c->curl_words : curl_easy_strerror(code);
	if (a->outcome == HTTPS_TLS_REFUSED && c->check.why.code)
		words = c->check.why.text;
	if (a->outcome == HTTPS_TOO_LARGE)
		words = "the answer is longer than allowed";
	err_set(&a->why, -EPROTO, "%s", words);
}

/* Runs the transfer to its end, or until somebody interrupts. */
static bool drive(struct https_client *c, CURLcode *ret)
{
	int running = 1, left;
	*ret = CURLE_RECV_ERROR;
	while (running) {
		if (atomic_load(&c->interrupted))
			return false;
		if (curl_multi_perform(c->multi, &running) != CURLM_OK)
			return true;
		if (running && curl_multi_poll(c->multi, NULL, 0, 60000, NULL) != CURLM_OK)
			return true;
	}
	for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));)
		if (m->msg == CURLMSG_DONE)
			*ret = m->data.result;
	return true;
}

static int transfer(struct https_client *c, struct https_answer *a)
{
	CURLcode code;
	long status = 0;
	c->curl_words[0] = 0;
	c->check.why = (struct err){0};
	if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
		return -ENOMEM;
	bool ended = drive(c, &code);
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(c->multi, c->easy);
	if (!ended) {
		atomic_store(&c->interrupted, false);
		a->outcome = HTTPS_INTERRUPTED;
		err_set(&a->why, -EINTR, "interrupted");
		return 0;
	}
	if (a->body.error == -ENOMEM)
		return -ENOMEM;
	a->outcome = judge(c, code, a);
	if (a->outcome == HTTPS_ANSWERED) {
		a->status = (int)status;
		c->fresh = false;
	} else {
		explain(c, code, a);
	}
	return 0;
}

int https_call(struct https_client *c, const struct https_request *q, struct https_answer *ret)
{
	struct https_answer a = {.retry_after_s = -1, .body = BUF_INIT(c->max_body)};
	struct curl_slist *headers = NULL;
	char *url = NULL;
	int r = q->path[0] == '/' && !strpbrk(q->path, " \r\n") ? make_headers(q, &headers) : -EINVAL;
	if (!r && asprintf(&url, "%s%s", c->base, q->path) < 0) {
		url = NULL;
		r = -ENOMEM;
	}
	if (!r)
		r = set_call(c, q, url, headers, &a);
	if (!r)
		r = transfer(c, &a);
	curl_slist_free_all(headers);
	free(url);
	if (r)
		buf_release(&a.body);
	else
		*ret = a;
	return r;
}

void https_answer_release(struct https_answer *a)
{
	buf_release(&a->body);
}

void https_interrupt(struct https_client *c)
{
	atomic_store(&c->interrupted, true);
	curl_multi_wakeup(c->multi);
}
