#include "form.h"

#include "clock.h"
#include "day.h"
#include "str.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static int fault_set(struct form_fault *f, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int fault_set(struct form_fault *f, const char *field, const char *fmt, ...)
{
	va_list ap;

	(void)snprintf(f->field, sizeof f->field, "%s", field);
	if (!utf8_valid(f->field, strlen(f->field)))
		(void)snprintf(f->field, sizeof f->field, "?");
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int read_text(const struct form_field *f, const json_t *v, void *dst, struct form_fault *fault)
{
	int r;

	if (!json_is_string(v))
		return fault_set(fault, f->name, "a text is expected");
	if (strlen(json_string_value(v)) != json_string_length(v))
		return fault_set(fault, f->name, "a text has no NUL in it");
	r = text_nfc(dst, f->size, json_string_value(v));
	if (r == -ENAMETOOLONG)
		return fault_set(fault, f->name, "at most %zu bytes", f->size - 1);
	if (r == -EINVAL)
		return fault_set(fault, f->name, "no control characters");
	if (r)
		return fault_set(fault, f->name, "this is not UTF-8");
	if ((int64_t)strlen(dst) < f->min)
		return fault_set(fault, f->name, f->min == 1 ? "this is empty" : "this is too short");
	return 0;
}

static int read_i64(const struct form_field *f, const json_t *v, bool loose, int64_t *dst, struct form_fault *fault)
{
	int64_t n = json_integer_value(v);

	if (loose ? str_i64(json_string_value(v), INT64_MIN, INT64_MAX, &n) : !json_is_integer(v))
		return fault_set(fault, f->name, "a whole number is expected");
	if (n < f->min || n > f->max)
		return fault_set(fault, f->name, "from %lld to %lld", (long long)f->min, (long long)f->max);
	*dst = n;
	return 0;
}

static int read_bool(const struct form_field *f, const json_t *v, bool loose, bool *dst, struct form_fault *fault)
{
	const char *s = json_string_value(v);

	if (loose ? !str_eq(s, "true") && !str_eq(s, "false") : !json_is_boolean(v))
		return fault_set(fault, f->name, "true or false is expected");
	*dst = loose ? str_eq(s, "true") : json_is_true(v);
	return 0;
}

static int read_time(const struct form_field *f, const json_t *v, void *dst, struct form_fault *fault)
{
	const char *s = json_string_value(v);
	int32_t day;

	if (!s)
		return fault_set(fault, f->name, "a text is expected");
	if (!day_parse(s, &day)) {
		if (f->type == FORM_DAY)
			*(int32_t *)dst = day;
		else
			*(int64_t *)dst = f->type == FORM_FROM ? day_first_us(day) : day_last_us(day);
		return 0;
	}
	if (f->type == FORM_DAY)
		return fault_set(fault, f->name, "a day is expected: YYYY-MM-DD");
	if (instant_parse(s, dst))
		return fault_set(fault, f->name, "a day (YYYY-MM-DD) or an instant (YYYY-MM-DDTHH:MM:SSZ) is expected");
	return 0;
}

static int read_field(const struct form_field *f, const json_t *v, bool loose, void *dst, struct form_fault *fault)
{
	void *at = (char *)dst + f->offset;

	switch (f->type) {
	case FORM_TEXT:
		return read_text(f, v, at, fault);
	case FORM_I64:
		return read_i64(f, v, loose, at, fault);
	case FORM_BOOL:
		return read_bool(f, v, loose, at, fault);
	case FORM_DAY:
	case FORM_FROM:
	case FORM_UNTIL:
		return read_time(f, v, at, fault);
	case FORM_JSON:
		*(const json_t **)at = v;
		return 0;
	}
	return -EINVAL;
}

int form_read(const struct form_field *fields, size_t n, const json_t *object, bool loose, void *dst,
    uint64_t *ret_given, struct form_fault *fault)
{
	uint64_t given = 0;
	const char *key;
	json_t *v;
	int r;

	if (object && !json_is_object(object))
		return fault_set(fault, "", "an object is expected");
	json_object_foreach((json_t *)object, key, v)
	{
		size_t i = 0;
		while (i < n && strcmp(fields[i].name, key))
			i++;
		if (i == n)
			return fault_set(fault, key, "there is no such member");
		r = read_field(&fields[i], v, loose, dst, fault);
		if (r)
			return r;
		given |= UINT64_C(1) << i;
	}
	for (size_t i = 0; i < n; i++)
		if (fields[i].needed && !(given & UINT64_C(1) << i))
			return fault_set(fault, fields[i].name, "this is missing");
	if (ret_given)
		*ret_given = given;
	return 0;
}

/* Decodes n bytes of a query into dst[n + 1]. */
static int unescape(char *dst, const char *s, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)s[i];
		if (s[i] == '+') {
			byte = ' ';
		} else if (s[i] == '%') {
			char hex[3] = {0};
			if (n - i < 3)
				return -EINVAL;
			memcpy(hex, s + i + 1, 2);
			if (hex_decode(&byte, 1, hex))
				return -EINVAL;
			i += 2;
		}
		dst[out++] = (char)byte;
	}
	dst[out] = 0;
	return utf8_valid(dst, out) ? 0 : -EINVAL;
}

static int add_part(json_t *o, const char *part, size_t n, struct form_fault *fault)
{
	const char *eq = memchr(part, '=', n);
	size_t name_n = eq ? (size_t)(eq - part) : n;
	char *name = malloc(n + 1), *value = malloc(n + 1);
	int r = -ENOMEM;

	if (!name || !value)
		goto out;
	value[0] = 0;
	r = unescape(name, part, name_n);
	if (!r && eq)
		r = unescape(value, eq + 1, n - name_n - 1);
	if (r)
		r = fault_set(fault, "", "the query has a bad escape or is not UTF-8");
	else if (json_object_get(o, name))
		r = fault_set(fault, name, "this stands twice");
	else
		r = json_object_set_new(o, name, json_string(value)) ? -ENOMEM : 0;
out:
	free(name);
	free(value);
	return r;
}

int query_parse(const char *raw, json_t **ret, struct form_fault *fault)
{
	json_t *o = json_object();
	int r = o ? 0 : -ENOMEM;

	for (const char *p = raw; !r && *p;) {
		size_t n = strcspn(p, "&");
		if (n)
			r = add_part(o, p, n, fault);
		if (!r && json_object_size(o) > MAX_QUERY)
			r = fault_set(fault, "", "the query has too many parts");
		p += n + (p[n] == '&');
	}
	if (r)
		json_decref(o);
	else
		*ret = o;
	return r;
}
