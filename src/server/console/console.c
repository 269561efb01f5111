#include "console_int.h"

#include "commit.h"
#include "log.h"
#include "str.h"

#include <sodium.h>

static void call_free(struct call *c)
{
	if (c->state && c->state_free)
		c->state_free(c->state);
	free(c->state);
	scope_free(c->scope);
	free(c->entry.detail);
	free(c->answer.body);
	json_decref(c->query);
	json_decref(c->body);
	console_leave(c->console);
	free(c);
}

static void refusal_body(struct call *c)
{
	const struct answer *a = &c->answer;
	const struct problem_words *w = problem_words(a->problem);
	struct buf message = BUF_INIT(1024);
	json_t *e;

	(void)buf_adds(&message, w->message[c->language]);
	if (a->text[0])
		(void)buf_addf(&message, ": %s", a->text);
	if (!utf8_valid(buf_str(&message), message.n)) {
		buf_clear(&message);
		(void)buf_adds(&message, w->message[c->language]);
	}
	e = json_pack("{s:s, s:s}", "code", w->code, "message", buf_str(&message));
	if (a->field[0])
		(void)json_object_set_new(e, "field", json_string(a->field));
	if (call_json(c, w->status, json_pack("{s:o}", "error", e))) {
		c->answer.status = 500;
		c->answer.type = NULL;
	}
	buf_release(&message);
}

static void reply(struct call *c)
{
	struct answer *a = &c->answer;
	const char *headers[16];
	char retry[16], disposition[128];
	size_t n = 0;

	if (a->problem)
		refusal_body(c);
	headers[n++] = "Cache-Control", headers[n++] = "no-store";
	headers[n++] = "X-Content-Type-Options", headers[n++] = "nosniff";
	headers[n++] = "Content-Language", headers[n++] = c->language == ENGLISH ? "en" : "vi";
	if (a->retry_after_s || a->status == 503) {
		(void)snprintf(retry, sizeof retry, "%d", a->retry_after_s ? a->retry_after_s : 1);
		headers[n++] = "Retry-After", headers[n++] = retry;
	}
	if (a->status == 401 && !c->by_cookie)
		headers[n++] = "WWW-Authenticate", headers[n++] = "Bearer";
	if (a->cookie[0] && !a->problem)
		headers[n++] = "Set-Cookie", headers[n++] = a->cookie;
	if (a->download[0] && !a->problem) {
		(void)snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", a->download);
		headers[n++] = "Content-Disposition", headers[n++] = disposition;
	}
	headers[n] = NULL;
	if (c->actor[0])
		http_set_caller(c->req, c->actor);
	http_reply(c->req, a->status, a->type, a->body ? a->body : "", a->body ? a->n : 0, headers);
	call_free(c);
}

/* Ends a call that failed with r, unless its problem is set already. */
static void refuse(struct call *c, int r)
{
	if (!c->answer.problem)
		(void)call_refuse_err(c, r, "", NULL);
	if (!c->answer.problem)
		c->answer.problem = PROBLEM_INTERNAL;
	if (c->answer.problem == PROBLEM_INTERNAL)
		log_error("call failed", "req", http_request_id(c->req), "method", http_method(c->req), "path",
		    http_path(c->req), "error", log_num(-r), NULL);
	reply(c);
}

static void answer_reset(struct call *c)
{
	free(c->answer.body);
	memset(&c->answer, 0, sizeof c->answer);
}

static int run_first(struct db *db, void *arg)
{
	struct call *c = arg;
	int r;

	answer_reset(c);
	r = access_admit(db, c);
	if (!r && c->route->first)
		r = c->route->first(db, c);
	return r;
}

/* What came and no handler looked at was meant to have an effect: refused, and what was written is undone. */
static int refuse_unread(struct call *c)
{
	if (!c->query_read && json_object_size(c->query))
		return call_refuse(
		    c, PROBLEM_INVALID, json_object_iter_key(json_object_iter(c->query)), "there is no such parameter");
	if (!c->body_read && json_object_size(c->body))
		return call_refuse(
		    c, PROBLEM_INVALID, json_object_iter_key(json_object_iter(c->body)), "there is no such member");
	return 0;
}

static int run_last(struct db *db, void *arg)
{
	struct call *c = arg;
	int r;

	answer_reset(c);
	r = access_admit(db, c);
	if (!r)
		r = c->route->flags & ROUTE_WRITES ? commit_run(db, c) : c->route->run(db, c);
	return r ? r : refuse_unread(c);
}

static void done_last(void *arg, int r)
{
	struct call *c = arg;

	if (r)
		refuse(c, r);
	else
		reply(c);
}

static void start_last(struct call *c)
{
	bool writes = c->route->flags & ROUTE_WRITES;
	struct store *s = c->console->config.store;
	int r = writes ? store_write(s, run_last, done_last, c) : store_read(s, run_last, done_last, c);

	if (r)
		refuse(c, r);
}

static void work(void *arg)
{
	struct call *c = arg;
	int r;

	answer_reset(c);
	r = c->route->work(c);
	if (r)
		refuse(c, r);
	else if (c->route->run)
		start_last(c);
	else if (refuse_unread(c))
		refuse(c, -EINVAL);
	else
		reply(c);
}

static void done_first(void *arg, int r)
{
	struct call *c = arg;

	if (!r)
		r = worker_do(c->console->worker, work, c);
	if (r)
		refuse(c, r);
}

static void start_first(struct call *c)
{
	bool writes = c->route->flags & ROUTE_FIRST_WRITES;
	struct store *s = c->console->config.store;
	int r = writes ? store_write(s, run_first, done_first, c) : store_read(s, run_first, done_first, c);

	if (r)
		refuse(c, r);
}

void console_handle(struct http_req *q, void *console)
{
	struct call *c = calloc(1, sizeof *c);
	int r;

	if (!c) {
		http_reply(q, 503, NULL, "", 0, (const char *const[]){"Retry-After", "1", NULL});
		return;
	}
	c->console = console;
	c->req = q;
	console_enter(console);
	r = receive(c);
	if (r)
		refuse(c, r);
	else if (c->route->work)
		start_first(c);
	else
		start_last(c);
}

void console_enter(struct console *c)
{
	pthread_mutex_lock(&c->lock);
	c->calls++;
	pthread_mutex_unlock(&c->lock);
}

void console_leave(struct console *c)
{
	pthread_mutex_lock(&c->lock);
	if (!--c->calls)
		pthread_cond_broadcast(&c->idle);
	pthread_mutex_unlock(&c->lock);
}

int console_start(struct console **ret, const struct console_config *config, struct err *e)
{
	struct console *c;
	int r = routes_check(all_routes, all_routes_n, e);

	if (r)
		return r;
	if (sodium_init() < 0)
		return err_set(e, -ENOSYS, "libsodium does not start");
	c = calloc(1, sizeof *c);
	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	c->config = *config;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->idle, NULL);
	r = worker_start(&c->worker, config->workers ? config->workers : 2, config->queue ? config->queue : 32);
	if (r) {
		console_stop(c);
		return err_set(e, r, "the console's threads do not start");
	}
	*ret = c;
	return 0;
}

void console_stop(struct console *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	while (c->calls)
		pthread_cond_wait(&c->idle, &c->lock);
	pthread_mutex_unlock(&c->lock);
	worker_stop(c->worker);
	pthread_cond_destroy(&c->idle);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
