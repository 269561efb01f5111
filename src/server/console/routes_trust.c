/* What the program around the console does: certificates, metrics; and whether it lives. */
#include "routes.h"
#include "say.h"
#include "str.h"

struct rotate_form {
	char what[16];
};
static const struct form_field rotate_form[] = {
    FORM_TEXT_OF(struct rotate_form, what, FORM_NEEDED, 1),
};

static int status_work(struct call *c)
{
	const struct console_services *s = console_services(c);
	struct buf b = BUF_INIT(MAX_ANSWER);
	int r = s->trust_status ? s->trust_status(s->arg, &b) : -ENOSYS;

	if (!r)
		r = call_text(c, 200, "application/json", &b);
	buf_release(&b);
	return r;
}

static int rotate_first(struct db *db, struct call *c)
{
	struct rotate_form *f = call_state(c, sizeof *f, NULL);
	int r = f ? CALL_FORM(c, rotate_form, f, NULL) : -ENOMEM;

	(void)db;
	if (!r && !str_eq(f->what, "server") && !str_eq(f->what, "ca"))
		r = call_refuse(c, PROBLEM_INVALID, "what", "server or ca");
	return r;
}

static int rotate_work(struct call *c)
{
	const struct console_services *s = console_services(c);
	const struct rotate_form *f = c->state;
	struct err e = {0};
	int r = s->trust_rotate ? s->trust_rotate(s->arg, f->what, c->actor, http_request_id(c->req), &e) : -ENOSYS;

	c->answer.status = 204;
	return r ? call_refuse_err(c, r, "", &e) : 0;
}

static int metrics_work(struct call *c)
{
	const struct console_services *s = console_services(c);
	struct buf b = BUF_INIT(MAX_ANSWER);
	int r = s->metrics ? s->metrics(s->arg, &b) : -ENOSYS;

	if (!r)
		r = call_text(c, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", &b);
	buf_release(&b);
	return r;
}

/* The store answers on a thread of its own: that is health. */
static int health(struct db *db, struct call *c)
{
	int64_t one = 0;
	int r = db_row(db, "select count(*) from head", "", "i", &one);

	return r ? r : call_json(c, 200, json_pack("{s:b}", "ok", one == 1));
}

static const struct route routes[] = {
    ROUTE("GET", "/healthz", MAY_ANYONE, AT_NOWHERE, 0, health),
    ROUTE("GET", "/metrics", MAY_READ_METRICS, AT_PROVINCE, 0, NULL, NULL, metrics_work),
    ROUTE("GET", "/api/v1/trust", MAY_READ_TRUST, AT_PROVINCE, 0, NULL, NULL, status_work),
    ROUTE("POST", "/api/v1/trust/rotate", MAY_CHANGE_TRUST, AT_PROVINCE, 0, NULL, rotate_first, rotate_work),
};
const struct route_table trust_table = ROUTE_TABLE(routes);
