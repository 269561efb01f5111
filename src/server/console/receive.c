#include "console_int.h"

#include "str.h"

#include <strings.h>

/* The __Host- prefix binds the cookie to this very host, to TLS and to the root path, whatever the browser is told
 * later. */
#define COOKIE "__Host-khien="

static int find_route(struct call *c)
{
	int r = route_find(all_routes, all_routes_n, http_method(c->req), http_path(c->req), &c->route, &c->params);

	if (r == -EPERM)
		return call_refuse(c, PROBLEM_METHOD, "", NULL);
	if (!r && c->route->flags & ROUTE_SIMULATION && !store_is_simulation(c->console->config.store))
		r = -ENOENT;
	return r ? call_refuse(c, PROBLEM_NOT_FOUND, "", NULL) : 0;
}

static void read_cookie(struct call *c, const char *header)
{
	const char *p = header ? strstr(header, COOKIE) : NULL;
	size_t n;

	if (!p || (p != header && p[-1] != ' ' && p[-1] != ';'))
		return;
	p += strlen(COOKIE);
	n = strcspn(p, "; ");
	if (n >= sizeof c->bearer)
		return;
	memcpy(c->bearer, p, n);
	c->bearer[n] = 0;
	c->by_cookie = true;
}

/* A bearer in the Authorization header is sent by no browser on its own; a cookie is, so that a write needs the proof
 * that the page itself speaks: a header that another site can neither guess nor send. */
static int read_credentials(struct call *c)
{
	const char *auth = http_header(c->req, "Authorization"), *proof = http_header(c->req, "X-CSRF-Token");
	char csrf[CSRF_TEXT];

	if (auth && !strncasecmp(auth, "Bearer ", 7)) {
		(void)str_copy(c->bearer, sizeof c->bearer, auth + 7);
		return 0;
	}
	read_cookie(c, http_header(c->req, "Cookie"));
	if (!c->by_cookie || str_eq(c->route->method, "GET") || c->route->need == MAY_ANYONE)
		return 0;
	if (strlen(c->bearer) != BEARER_TEXT - 1)
		return call_refuse(c, PROBLEM_NO_SESSION, "", NULL);
	bearer_csrf(c->bearer, csrf);
	if (!proof || strlen(proof) != sizeof csrf - 1 || !mem_equal_ct(proof, csrf, sizeof csrf - 1))
		return call_refuse(c, PROBLEM_CSRF, "X-CSRF-Token", NULL);
	return 0;
}

static bool type_is(const char *header, const char *type)
{
	size_t n = strlen(type);

	return header && !strncasecmp(header, type, n) && (!header[n] || header[n] == ';' || header[n] == ' ');
}

static int read_body(struct call *c)
{
	const char *type = http_header(c->req, "Content-Type");
	bool csv = c->route->flags & ROUTE_CSV;
	json_error_t error;
	size_t n;
	const char *body = http_body(c->req, &n);

	if (n > MAX_SMALL_BODY && !(c->route->flags & ROUTE_BULK))
		return call_refuse(c, PROBLEM_TOO_LARGE, "", "at most %d bytes", MAX_SMALL_BODY);
	if (!n)
		return 0;
	if (!type_is(type, csv ? "text/csv" : "application/json"))
		return call_refuse(
		    c, PROBLEM_MALFORMED, "Content-Type", "%s is expected", csv ? "text/csv" : "application/json");
	if (csv)
		return 0;
	c->body = json_loadb(body, n, JSON_REJECT_DUPLICATES, &error);
	if (!c->body)
		return call_refuse(c, PROBLEM_MALFORMED, "", "line %d, column %d: %s", error.line, error.column,
		    json_error_code(&error) == json_error_duplicate_key ? "a member stands twice"
		                                                        : "this is not JSON in UTF-8");
	if (!json_is_object(c->body))
		return call_refuse(c, PROBLEM_INVALID, "", "an object is expected");
	return 0;
}

static int read_query(struct call *c)
{
	struct form_fault f = {0};
	int r = query_parse(http_query(c->req), &c->query, &f);

	return r == -EINVAL ? call_refuse(c, PROBLEM_INVALID, f.field, "%s", f.text) : r;
}

int receive(struct call *c)
{
	int r;

	c->language = language_of(http_header(c->req, "Accept-Language"));
	(void)str_copy(c->address, sizeof c->address, http_peer_address(c->req));
	r = find_route(c);
	if (!r)
		r = read_credentials(c);
	if (!r)
		r = read_query(c);
	if (!r)
		r = read_body(c);
	return r;
}
