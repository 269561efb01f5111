#include "server.h"
#include "bounds.h"
#include "console.h"
#include "log.h"
#include "metrics.h"
#include "server_store.h"
#include "trust.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENROL_BODY = 256 * 1024, ENROL_CONNECTIONS = 4096, CONSOLE_CONNECTIONS = 2048, REQUEST_S = 30, IDLE_S = 75 };

struct server {
	struct config conf;
	int state_fd;
	struct store *store;
	struct store_key key;
	struct trust *trust;
	struct metrics *metrics;
	struct console *console;
	struct intake *intake;
	struct http_server *http;
	size_t asked;        /* signs of life, of all bases together */
	atomic_size_t signs; /* given */
};

static void problem(void *arg, const char *what, int r, const char *text, const char *request)
{
	(void)arg;
	log_warn("refused for want of it", "what", what, "error", log_num(-r), "why", text, "req", request, NULL);
}

static int open_state(struct server *s, struct err *e)
{
	struct stat st;
	if (mkdir(s->conf.state, 0700) && errno != EEXIST)
		return err_set(e, -errno, "%s: %s", s->conf.state, strerror(errno));
	s->state_fd = open(s->conf.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->state_fd < 0 || fstat(s->state_fd, &st))
		return err_set(e, -errno, "%s: %s", s->conf.state, strerror(errno));
	return 0;
}

static int open_trust(struct server *s, bool (*waits)(void), struct err *e)
{
	struct trust_config c = {
	    .state_fd = s->state_fd, .ca_socket = s->conf.ca_socket, .names = s->conf.names, .store = s->store};
	int r = trust_new(&s->trust, &c);
	if (r)
		return err_set(e, r, "trust: %s", strerror(-r));
	for (bool said = false; (r = trust_prepare(s->trust, e)) == -EAGAIN; said = true) {
		if (!said)
			log_info("waiting for khien-ca", "socket", s->conf.ca_socket, "why", e->text, NULL);
		*e = (struct err){0};
		if (!waits())
			return err_set(e, -ECANCELED, "ended before khien-ca was there");
	}
	return r;
}

/* console_services */

static int service_pin(void *arg, uint8_t ret[32])
{
	return trust_pin(((struct server *)arg)->trust, ret);
}

static int service_metrics(void *arg, struct buf *ret_text)
{
	return metrics_text(((struct server *)arg)->metrics, ret_text);
}

static int service_trust_status(void *arg, struct buf *ret_json)
{
	return trust_status(((struct server *)arg)->trust, ret_json);
}

static int service_trust_rotate(void *arg, const char *what, const char *actor, const char *request, struct err *e)
{
	return trust_rotate(((struct server *)arg)->trust, what, actor, request, e);
}

static int open_rooms(struct server *s, size_t bases, struct err *e)
{
	struct console_config console = {.store = s->store,
	    .services = {.arg = s,
	        .ca_pin = service_pin,
	        .metrics = service_metrics,
	        .trust_status = service_trust_status,
	        .trust_rotate = service_trust_rotate}};
	struct intake_config intake = {.store = s->store,
	    .key = &s->key,
	    .ca_socket = s->conf.ca_socket,
	    .bases = bases,
	    .max_held = (int)s->conf.max_held,
	    .problem = problem};
	int r = metrics_new(&s->metrics);
	if (r)
		return err_set(e, r, "no memory");
	r = console_start(&s->console, &console, e);
	return r ? r : intake_new(&s->intake, &intake, e);
}

static int listen_all(struct server *s, size_t bases, struct err *e)
{
	const struct config *c = &s->conf;
	const struct http_listener l[] = {
	    {.address = c->enrol.host,
	        .port = c->enrol.port,
	        .peer = HTTP_PEER_ANY,
	        .handler = intake_handle_enrolment,
	        .arg = s->intake,
	        .max_body = ENROL_BODY,
	        .request_s = REQUEST_S,
	        .idle_s = IDLE_S,
	        .max_connections = ENROL_CONNECTIONS},
	    {.address = c->agents.host,
	        .port = c->agents.port,
	        .peer = HTTP_PEER_CERTIFIED,
	        .handler = intake_handle_agent,
	        .arg = s->intake,
	        .max_body = MAX_AGENT_BODY,
	        .request_s = REQUEST_S,
	        .idle_s = IDLE_S,
	        .max_connections = (int)c->max_agents},
	    {.address = c->console.host,
	        .port = c->console.port,
	        .peer = HTTP_PEER_ANY,
	        .handler = console_handle,
	        .arg = s->console,
	        .max_body = MAX_API_BODY,
	        .request_s = REQUEST_S,
	        .idle_s = IDLE_S,
	        .max_connections = CONSOLE_CONNECTIONS},
	};
	struct http_config h = {.bases = (int)bases,
	    .n_listeners = sizeof l / sizeof l[0],
	    .listeners = l,
	    .answered = metrics_answered,
	    .answered_arg = s->metrics};
	struct http_tls tls = trust_tls(s->trust);
	int r = http_start(&s->http, &h, &tls, e);
	trust_tls_done(s->trust);
	if (r)
		return r;
	metrics_sources(s->metrics, s->http, s->store, s->intake);
	r = intake_follow(s->intake, s->http, e);
	if (!r)
		r = trust_follow(s->trust, s->http);
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}

int server_start(struct server **ret, const struct config *c, bool (*waits)(void), struct err *e)
{
	struct server *s = calloc(1, sizeof *s);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t bases = c->threads ? (size_t)c->threads : cores > 0 ? (size_t)cores : 1;
	if (!s)
		return err_set(e, -ENOMEM, "no memory");
	s->conf = *c;
	s->state_fd = -1;
	int r = open_state(s, e);
	if (!r)
		r = server_store_open(c, &s->store, e);
	if (!r)
		r = server_key_open(c, s->store, &s->key, e);
	if (!r)
		r = open_trust(s, waits, e);
	if (!r)
		r = open_rooms(s, bases, e);
	if (!r)
		r = listen_all(s, bases, e);
	if (r)
		server_stop(s);
	else
		*ret = s;
	return r;
}

static void sign_of_life(void *arg)
{
	atomic_fetch_add(&((struct server *)arg)->signs, 1);
}

bool server_turns(struct server *s)
{
	if (atomic_load(&s->signs) != s->asked)
		return false;
	for (size_t i = 0; i < http_bases(s->http); i++, s->asked++)
		http_on_base(s->http, i, sign_of_life, s);
	return true;
}

void server_reload(struct server *s)
{
	trust_look(s->trust);
}

/* Backwards: first nobody new, then what is held, then what is under way, then what it stood on. */
void server_stop(struct server *s)
{
	if (!s)
		return;
	if (s->trust)
		trust_stop(s->trust);
	if (s->intake)
		intake_quiesce(s->intake);
	http_stop(s->http);
	console_stop(s->console);
	intake_free(s->intake);
	trust_free(s->trust);
	metrics_free(s->metrics);
	if (s->store)
		store_close(s->store);
	explicit_bzero(&s->key, sizeof s->key);
	if (s->state_fd >= 0)
		close(s->state_fd);
	free(s);
}
