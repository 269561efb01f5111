#include "route.h"

#include "str.h"

#include <errno.h>

/* The next segment of a path behind its '/': false at the end. */
static bool segment(const char **p, const char **ret, size_t *ret_n)
{
	if (**p != '/')
		return false;
	*ret = *p + 1;
	*ret_n = strcspn(*ret, "/");
	*p = *ret + *ret_n;
	return true;
}

static bool add_param(struct route_params *out, const char *pattern, size_t pattern_n, const char *value, size_t n)
{
	size_t i = out->n;

	if (n == 0 || n >= MAX_PARAM || i == MAX_PARAMS || pattern_n - 2 >= sizeof out->v[i].name)
		return false;
	memcpy(out->v[i].name, pattern + 1, pattern_n - 2);
	out->v[i].name[pattern_n - 2] = 0;
	memcpy(out->v[i].value, value, n);
	out->v[i].value[n] = 0;
	out->n++;
	return utf8_valid(out->v[i].value, n);
}

static bool matches(const char *pattern, const char *path, struct route_params *out)
{
	const char *a, *b;
	size_t an, bn;

	out->n = 0;
	while (*pattern && *path) {
		if (!segment(&pattern, &a, &an) || !segment(&path, &b, &bn))
			return false;
		if (an > 2 && *a == '{') {
			if (!add_param(out, a, an, b, bn))
				return false;
		} else if (an != bn || memcmp(a, b, an)) {
			return false;
		}
	}
	return !*pattern && !*path;
}

int route_find(const struct route_table *const *tables, size_t n_tables, const char *method, const char *path,
    const struct route **ret, struct route_params *ret_params)
{
	int r = -ENOENT;

	for (size_t t = 0; t < n_tables; t++)
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct route *one = &tables[t]->routes[i];
			if (!matches(one->path, path, ret_params))
				continue;
			if (str_eq(one->method, method)) {
				*ret = one;
				return 0;
			}
			r = -EPERM;
		}
	return r;
}

static const char *fault(const struct route *r)
{
	bool about_self = r->need == MAY_ANYONE || r->need == MAY_SELF;

	if (r->need < MAY_ANYONE || r->need >= PERMISSION_END)
		return "has no permission in its rule";
	if (r->place < AT_NOWHERE || r->place >= AT_END)
		return "has no place in its rule";
	if (about_self != (r->place == AT_NOWHERE))
		return "has a rule whose place does not go with its permission";
	if (!r->run && !r->work)
		return "has no handler";
	if (str_eq(r->method, "GET") && (r->flags & ROUTE_WRITES))
		return "writes on GET";
	if (!str_eq(r->method, "GET") && r->run && !(r->flags & ROUTE_WRITES) && !(r->flags & ROUTE_FIRST_WRITES) &&
	    !str_eq(r->method, "POST"))
		return "changes something outside the writer";
	return NULL;
}

static bool alike(const struct route *a, const struct route *b)
{
	struct route_params p;

	return a != b && str_eq(a->method, b->method) && matches(a->path, b->path, &p) && matches(b->path, a->path, &p);
}

int routes_check(const struct route_table *const *tables, size_t n_tables, struct err *e)
{
	for (size_t t = 0; t < n_tables; t++)
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct route *one = &tables[t]->routes[i];
			if (fault(one))
				return err_set(e, -EINVAL, "route %s %s %s", one->method, one->path, fault(one));
			for (size_t u = 0; u < n_tables; u++)
				for (size_t j = 0; j < tables[u]->n; j++)
					if (alike(one, &tables[u]->routes[j]))
						return err_set(
						    e, -EINVAL, "route %s %s stands twice", one->method, one->path);
		}
	return 0;
}
