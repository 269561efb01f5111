#include "call.h"

#include "str.h"

#include <stdarg.h>

const char *call_param(const struct call *c, const char *name)
{
	for (size_t i = 0; i < c->params.n; i++)
		if (str_eq(c->params.v[i].name, name))
			return c->params.v[i].value;
	return NULL;
}

int call_param_id(const struct call *c, const char *name, int64_t *ret)
{
	return str_i64(call_param(c, name), 1, INT64_MAX, ret) ? -ENOENT : 0;
}

static int refuse_fault(struct call *c, const struct form_fault *f)
{
	return call_refuse(c, PROBLEM_INVALID, f->field, "%s", f->text);
}

int call_form(struct call *c, const struct form_field *fields, size_t n, void *dst, uint64_t *ret_given)
{
	struct form_fault f;
	int r = form_read(fields, n, c->body, false, dst, ret_given, &f);

	c->body_read = true;
	return r ? refuse_fault(c, &f) : 0;
}

int call_query(struct call *c, const struct form_field *fields, size_t n, void *dst, uint64_t *ret_given)
{
	struct form_fault f;
	int r = form_read(fields, n, c->query, true, dst, ret_given, &f);

	c->query_read = true;
	return r ? refuse_fault(c, &f) : 0;
}

static int add_json(const char *p, size_t n, void *b)
{
	return buf_add(b, p, n);
}

int call_json(struct call *c, int status, json_t *o)
{
	struct buf b = BUF_INIT(MAX_ANSWER);
	int r = o ? 0 : -ENOMEM;

	if (!r && json_dump_callback(o, add_json, &b, JSON_COMPACT))
		r = b.error ? b.error : -EILSEQ;
	json_decref(o);
	if (!r)
		r = call_text(c, status, "application/json", &b);
	buf_release(&b);
	return r;
}

int call_text(struct call *c, int status, const char *type, struct buf *b)
{
	size_t n = b->n;
	char *body = buf_steal(b);

	if (!body && b->error)
		return b->error;
	free(c->answer.body);
	c->answer.body = body;
	c->answer.n = n;
	c->answer.status = status;
	c->answer.type = type;
	return 0;
}

int call_refuse(struct call *c, enum problem p, const char *field, const char *fmt, ...)
{
	va_list ap;

	c->answer.problem = p;
	c->answer.text[0] = 0;
	(void)snprintf(c->answer.field, sizeof c->answer.field, "%s", field);
	if (fmt) {
		va_start(ap, fmt);
		(void)vsnprintf(c->answer.text, sizeof c->answer.text, fmt, ap);
		va_end(ap);
	}
	return p == PROBLEM_INTERNAL ? -EIO : -ECANCELED;
}

int call_refuse_err(struct call *c, int r, const char *field, const struct err *e)
{
	enum problem p = problem_of(r);

	if (p == PROBLEM_INTERNAL)
		return r;
	return call_refuse(c, p, field, e && e->code && e->text[0] ? "%s" : NULL, e ? e->text : "");
}

void *call_state(struct call *c, size_t size, void (*release)(void *state))
{
	if (c->state && c->state_free) /* the store may run a job anew from its beginning */
		c->state_free(c->state);
	free(c->state);
	c->state = calloc(1, size);
	c->state_free = release;
	return c->state;
}
