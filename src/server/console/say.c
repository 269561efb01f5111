#include "say.h"

#include "clock.h"
#include "day.h"
#include "str.h"
#include "text.h"

json_t *say_instant(int64_t us)
{
	char text[INSTANT_TEXT];

	if (us <= 0 || us >= TIME_END)
		return json_null();
	instant_iso(us, text);
	return json_string(text);
}

json_t *say_day(int32_t day)
{
	char text[DAY_TEXT];

	if (day <= 0)
		return json_null();
	day_iso(day, text);
	return json_string(text);
}

json_t *say_text(const char *s)
{
	char escaped[4 * MAX_TEXT + 1];

	if (!s)
		return json_null();
	if (utf8_valid(s, strlen(s)))
		return json_string(s);
	text_nfc_any(escaped, sizeof escaped, s);
	return json_string(escaped);
}

json_t *say_json(const char *text)
{
	json_t *o = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

	return o ? o : json_null();
}

json_t *say_object(void)
{
	return json_object();
}

int say_moment(struct db *db, struct call *c, const struct when *w, struct as_of *ret)
{
	struct err e = {0};
	int r = moment_of_day(db, w->as_of, w->known_at, ret, &e);

	return r ? call_refuse_err(c, r, "as_of", &e) : 0;
}

int say_moment_tree(struct db *db, struct call *c, const struct when *w, struct as_of *ret, struct tree **ret_tree)
{
	int r = say_moment(db, c, w, ret);

	return r ? r : tree_load(db, ret, ret_tree);
}

json_t *say_cursor(const char *a, const char *b)
{
	char *text, *coded = NULL;
	json_t *pair, *cursor = NULL;
	size_t n;

	if (!*a && !*b)
		return json_null();
	pair = json_pack("[s, s]", a, b);
	text = pair ? json_dumps(pair, JSON_COMPACT) : NULL;
	n = text ? strlen(text) : 0;
	coded = text ? malloc(4 * ((n + 2) / 3) + 1) : NULL;
	if (coded) {
		base64_encode(coded, text, n);
		for (char *p = coded; *p; p++) /* for a query: no '+', no '/' */
			*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
		cursor = json_string(coded);
	}
	free(coded);
	free(text);
	json_decref(pair);
	return cursor;
}

int read_cursor(const char *cursor, char *a, size_t a_size, char *b, size_t b_size)
{
	char coded[MAX_CURSOR], text[MAX_CURSOR];
	const char *first, *second;
	json_t *pair;
	size_t n;
	int r = str_copy(coded, sizeof coded, cursor);

	a[0] = b[0] = 0;
	if (!*cursor)
		return 0;
	for (char *p = coded; *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	if (!r)
		r = base64_decode(text, sizeof text, coded, &n);
	if (r)
		return -EINVAL;
	pair = json_loadb(text, n, 0, NULL);
	r = pair && !json_unpack(pair, "[s, s!]", &first, &second) ? 0 : -EINVAL;
	if (!r)
		r = str_copy(a, a_size, first);
	if (!r)
		r = str_copy(b, b_size, second);
	json_decref(pair);
	return r ? -EINVAL : 0;
}
