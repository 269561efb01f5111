#include "metrics.h"
#include "log.h"

#include <stdatomic.h>
#include <string.h>

enum { STATUS_FROM = 200, STATUS_END = 600 };

/* Paths as labels are a closed list: what a hostile peer asks for must not grow a table. */
static const char *const routes[] = {
    "/enrol/v1", "/agent/v1/sync", "/agent/v1/events", "/agent/v1/renew", "/agent/v1/goodbye", "api", "other"};
enum { ROUTES = sizeof routes / sizeof routes[0], ROUTE_API = ROUTES - 2, ROUTE_OTHER = ROUTES - 1 };

struct metrics {
	atomic_llong answers[ROUTES][STATUS_END - STATUS_FROM];
	atomic_llong answer_us[ROUTES];
	_Atomic(struct http_server *) http; /* set last */
	struct store *store;
	struct intake *intake;
};

int metrics_new(struct metrics **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void metrics_free(struct metrics *m)
{
	free(m);
}

static int route_of(const char *path)
{
	for (int i = 0; i < ROUTE_API; i++)
		if (!strcmp(path, routes[i]))
			return i;
	return strncmp(path, "/api/", 5) ? ROUTE_OTHER : ROUTE_API;
}

/* Agents' calls that went well, and what was refused for want of room, are counted; to write a line for each would cost
 * more than the calls. */
static void log_answer(const struct http_req *q, int route, int status, int64_t us)
{
	bool quiet = route < ROUTE_API && (status == 200 || status == 499 || status == 503);
	(quiet ? log_debug : log_info)("answered", "req", http_request_id(q), "method", http_method(q), "path",
	    http_path(q), "status", log_num(status), "us", log_num(us), "peer", http_peer_address(q), "caller",
	    *http_caller(q) ? http_caller(q) : NULL, NULL);
}

void metrics_answered(void *metrics, const struct http_req *q, int status, int64_t us)
{
	struct metrics *m = metrics;
	int route = route_of(http_path(q));
	if (status >= STATUS_FROM && status < STATUS_END)
		atomic_fetch_add_explicit(&m->answers[route][status - STATUS_FROM], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->answer_us[route], us, memory_order_relaxed);
	log_answer(q, route, status, us);
}

void metrics_sources(struct metrics *m, struct http_server *http, struct store *store, struct intake *intake)
{
	m->store = store;
	m->intake = intake;
	atomic_store(&m->http, http);
}

struct figure {
	const char *name, *type; /* "counter": "_total" is put behind its name */
	const char *help;
	long long value;
};

static void add_head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static void add_figures(struct buf *b, const struct figure *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add_head(b, f[i].name, f[i].type, f[i].help);
		buf_addf(b, "%s%s %lld\n", f[i].name, strcmp(f[i].type, "counter") ? "" : "_total", f[i].value);
	}
}

static void add_requests(struct buf *b, struct metrics *m)
{
	add_head(b, "khien_requests", "counter", "Answers by route and status");
	for (size_t r = 0; r < ROUTES; r++)
		for (int s = 0; s < STATUS_END - STATUS_FROM; s++) {
			long long n = atomic_load_explicit(&m->answers[r][s], memory_order_relaxed);
			if (n)
				buf_addf(b, "khien_requests_total{route=\"%s\",status=\"%d\"} %lld\n", routes[r],
				    s + STATUS_FROM, n);
		}
	add_head(b, "khien_request_seconds", "counter",
	    "Time from a request's first byte to its answer, held syncs included");
	for (size_t r = 0; r < ROUTES; r++) {
		long long us = atomic_load_explicit(&m->answer_us[r], memory_order_relaxed);
		buf_addf(b, "khien_request_seconds_total{route=\"%s\"} %lld.%06lld\n", routes[r], us / 1000000,
		    us % 1000000);
	}
}

static void add_refusals(struct buf *b, const struct intake_stats *s)
{
	add_head(b, "khien_refused", "counter", "Agents' calls refused, by reason");
	for (int v = VERDICT_OK + 1; v < VERDICT_END; v++)
		buf_addf(b, "khien_refused_total{code=\"%s\"} %lld\n", verdict_code(v), (long long)s->refused[v]);
	buf_addf(b, "khien_refused_total{code=\"busy\"} %lld\n", (long long)s->busy);
}

int metrics_text(struct metrics *m, struct buf *ret)
{
	struct http_server *http = atomic_load(&m->http);
	struct http_stats h;
	struct store_stats s;
	struct intake_stats i;
	if (!http)
		return -EAGAIN;
	http_get_stats(http, &h);
	store_get_stats(m->store, &s);
	intake_get_stats(m->intake, &i);
	const struct figure figures[] = {
	    {"khien_connections", "gauge", "Open connections on all listeners", h.connections},
	    {"khien_connections_accepted", "counter", "Connections accepted", h.accepted},
	    {"khien_connections_refused", "counter", "Connections closed at once: too many", h.refused},
	    {"khien_handshakes_failed", "counter", "TLS handshakes that came to nothing", h.handshake_failed},
	    {"khien_timed_out", "counter", "Connections cut because they were too slow", h.timed_out},
	    {"khien_held_syncs", "gauge", "Syncs that wait for something to say", i.held},
	    {"khien_syncs", "counter", "Syncs answered", i.syncs},
	    {"khien_enrolments", "counter", "Enrolments answered, repeated ones included", i.enrolled},
	    {"khien_renewals", "counter", "Renewals answered, repeated ones included", i.renewed},
	    {"khien_events_stored", "counter", "Events stored", i.events_stored},
	    {"khien_events_repeated", "counter", "Events that were stored already", i.events_repeated},
	    {"khien_news_microseconds", "gauge", "How long the last look after a pulse took", i.news_us},
	    {"khien_store_waiting", "gauge", "Jobs that wait for the store", s.waiting},
	    {"khien_store_commits", "counter", "Commits", s.commits},
	    {"khien_store_commit_microseconds", "counter", "Time spent in write transactions", s.commit_us},
	    {"khien_store_jobs", "counter", "Jobs done", s.jobs},
	    {"khien_store_jobs_failed", "counter", "Jobs that failed", s.failed},
	    {"khien_store_jobs_refused", "counter", "Jobs refused: the queue was full", s.refused},
	};
	add_figures(ret, figures, sizeof figures / sizeof figures[0]);
	add_requests(ret, m);
	add_refusals(ret, &i);
	buf_adds(ret, "# EOF\n");
	return ret->error;
}
