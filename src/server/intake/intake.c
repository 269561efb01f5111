#include "intake_int.h"

enum { STANDARD_HELD = 50000, STANDARD_REQUEST_S = 20 };

static const struct route {
	const char *path;
	bool agents;      /* on the agents' listener; else on enrolment's */
	bool expired_may; /* with a certificate whose time is over */
	void (*begin)(struct intake *i, struct http_req *q);
} routes[] = {
    {"/enrol/v1", false, true, intake_enrol},
    {"/agent/v1/sync", true, false, intake_sync},
    {"/agent/v1/events", true, false, intake_events},
    {"/agent/v1/renew", true, true, intake_renew},
    {"/agent/v1/goodbye", true, false, intake_goodbye},
};

static void say(struct http_req *q, int status, const char *code, const char *message, const char *const *headers)
{
	struct buf b = BUF_INIT(1024);
	wire_put_error(&b, &(struct wire_error){.code = code, .message = message});
	http_reply(q, status, "application/json", b.p, b.n, headers);
	buf_release(&b);
}

static void handle(struct http_req *q, struct intake *i, bool agents)
{
	static const char *const allow[] = {"Allow", "POST", NULL};
	const struct route *r = NULL;
	for (size_t k = 0; k < sizeof routes / sizeof routes[0] && !r; k++)
		if (routes[k].agents == agents && !strcmp(routes[k].path, http_path(q)))
			r = &routes[k];
	if (!r)
		say(q, 404, "not-found", "there is nothing here", NULL);
	else if (strcmp(http_method(q), "POST"))
		say(q, 405, "bad-request", "only POST is understood here", allow);
	else if (agents && http_peer_cert(q)->expired && !r->expired_may)
		say(q, verdict_status(VERDICT_EXPIRED), verdict_code(VERDICT_EXPIRED),
		    "the certificate's time is over: renew it", NULL);
	else
		r->begin(i, q);
}

void intake_handle_enrolment(struct http_req *q, void *intake)
{
	handle(q, intake, false);
}

void intake_handle_agent(struct http_req *q, void *intake)
{
	char who[9 + sizeof http_peer_cert(q)->common_name];
	snprintf(who, sizeof who, "machine:%s", http_peer_cert(q)->common_name);
	http_set_caller(q, who);
	handle(q, intake, true);
}

static int make_parts(struct intake *i)
{
	i->holds = calloc(i->conf.bases, sizeof(struct holds *));
	if (!i->holds)
		return -ENOMEM;
	int r = 0;
	for (; !r && i->n_holds < i->conf.bases; i->n_holds++)
		r = holds_new(i, i->n_holds, &i->holds[i->n_holds]);
	if (!r)
		r = desk_new(&i->desk);
	if (!r)
		r = news_desk_new(i, &i->news);
	return r ? r : signer_new(i->conf.ca_socket, &i->signer);
}

int intake_new(struct intake **ret, const struct intake_config *c, struct err *e)
{
	struct intake *i = calloc(1, sizeof *i);
	if (!i)
		return err_set(e, -ENOMEM, "no memory");
	i->conf = *c;
	if (!i->conf.max_held)
		i->conf.max_held = STANDARD_HELD;
	if (!i->conf.request_s)
		i->conf.request_s = STANDARD_REQUEST_S;
	int r = make_parts(i);
	if (r) {
		intake_free(i);
		return err_set(e, r, "intake: %s", strerror(-r));
	}
	*ret = i;
	return 0;
}

int intake_follow(struct intake *i, struct http_server *s, struct err *e)
{
	i->http = s;
	int r = news_desk_follow(i->news);
	return r ? err_set(e, r, "the store's pulse: %s", strerror(-r)) : 0;
}

void intake_quiesce(struct intake *i)
{
	news_desk_stop(i->news);
	for (size_t k = 0; i->http && k < i->n_holds; k++)
		http_on_base(i->http, k, holds_release_all, i->holds[k]);
}

void intake_free(struct intake *i)
{
	if (!i)
		return;
	signer_free(i->signer);
	news_desk_free(i->news);
	desk_free(i->desk);
	for (size_t k = 0; k < i->n_holds; k++)
		holds_free(i->holds[k]);
	free(i->holds);
	free(i);
}

void intake_get_stats(struct intake *i, struct intake_stats *ret)
{
	*ret = (struct intake_stats){
	    .held = atomic_load(&i->held),
	    .syncs = atomic_load(&i->syncs),
	    .enrolled = atomic_load(&i->enrolled),
	    .renewed = atomic_load(&i->renewed),
	    .events_stored = atomic_load(&i->events_stored),
	    .events_repeated = atomic_load(&i->events_repeated),
	    .busy = atomic_load(&i->busy),
	    .news_us = atomic_load(&i->news_us),
	};
	for (int v = 0; v < VERDICT_END; v++)
		ret->refused[v] = atomic_load(&i->refused[v]);
}
