/* What the API reads of a request before anybody is known: the path, the query, the language, and forms of both kinds.
 */
#include "form.h"
#include "problem.h"
#include "route.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct sample {
	char text[64];
	int64_t number, from, until;
	int32_t day;
	bool yes;
	const json_t *rest;
};
static const struct form_field fields[] = {
    FORM_TEXT_OF(struct sample, text, FORM_OPTIONAL, 1),
    FORM_I64_OF(struct sample, number, FORM_OPTIONAL, -5, 5),
    FORM_OF(struct sample, from, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct sample, until, FORM_UNTIL, FORM_OPTIONAL),
    FORM_OF(struct sample, day, FORM_DAY, FORM_OPTIONAL),
    FORM_OF(struct sample, yes, FORM_BOOL, FORM_OPTIONAL),
    FORM_OF(struct sample, rest, FORM_JSON, FORM_OPTIONAL),
};

static void read_form(const json_t *o, bool loose)
{
	struct form_fault fault = {0};
	struct sample s = {0};
	int r = form_read(fields, sizeof fields / sizeof fields[0], o, loose, &s, NULL, &fault);

	assert(r == 0 || r == -EINVAL);
	assert(r == 0 || fault.text[0]);
	assert(s.number >= -5 && s.number <= 5);
}

static void read_query(const char *text)
{
	struct form_fault fault = {0};
	json_t *o;

	if (query_parse(text, &o, &fault))
		return;
	assert(json_object_size(o) <= MAX_QUERY);
	read_form(o, true);
	json_decref(o);
}

static void read_path(const char *text)
{
	const struct route *route;
	struct route_params params;

	if (!route_find(all_routes, all_routes_n, "GET", text, &route, &params))
		assert(route && params.n <= MAX_PARAMS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	json_t *o;

	memcpy(text, data, n);
	text[n] = 0;
	read_query(text);
	read_path(text);
	(void)language_of(text);
	o = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (o)
		read_form(o, false);
	json_decref(o);
	free(text);
	return 0;
}
