#include "cli_call.h"

#include "cli_api.h"
#include "cli_args.h"
#include "cli_table.h"
#include "cli_units.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

enum { MAX_URL = 16384 };

void call_add_escaped(struct buf *path, const char *s)
{
	for (; *s; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		    strchr("-_.~", *s))
			(void)buf_addc(path, *s);
		else
			(void)buf_addf(path, "%%%02X", (unsigned)(unsigned char)*s);
}

static json_t *list_of(const char *text)
{
	json_t *all = json_array();

	while (*text) {
		size_t n = strcspn(text, ",");
		if (n)
			json_array_append_new(all, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return all;
}

static json_t *rest_of(const struct cli *c)
{
	json_t *all = json_array();

	for (size_t i = 0; i < c->n_rest; i++)
		json_array_append_new(all, json_string(c->rest[i]));
	return all;
}

/* The option as the API takes it. The kinds were judged when the words were read. */
static enum cli_exit value_json(struct cli *c, const struct option_row *o, const char *value, json_t **ret)
{
	char day[11];
	int64_t number = 0;
	enum cli_exit r;

	switch (o->kind) {
	case VALUE_NUMBER:
		(void)str_i64(value, INT64_MIN, INT64_MAX, &number);
		*ret = json_integer(number);
		break;
	case VALUE_SECONDS:
		(void)args_seconds(value, &number);
		*ret = json_integer(number);
		break;
	case VALUE_DAY:
	case VALUE_TIME:
		*ret = json_string(args_day(value, day) ? value : day);
		break;
	case VALUE_UNIT:
		r = units_find(c, value, &number);
		if (r)
			return r;
		*ret = json_integer(number);
		break;
	case VALUE_LIST:
		*ret = o->flags & OPTION_REST ? rest_of(c) : list_of(value);
		break;
	case VALUE_FLAG:
		*ret = json_true();
		break;
	default:
		*ret = json_string(value);
	}
	return *ret ? CLI_OK : cli_fail(c, CLI_USAGE, SAY(c, "%s không phải UTF-8", "%s is not UTF-8"), o->name);
}

static void add_value(struct buf *path, const json_t *v)
{
	if (json_is_string(v))
		call_add_escaped(path, json_string_value(v));
	else if (json_is_integer(v))
		(void)buf_addf(path, "%lld", (long long)json_integer_value(v));
	else
		(void)buf_adds(path, "true");
}

/* Puts the path together: what stands in braces from `members`, where it is taken out. */
static void fill_path(struct buf *path, const char *template, json_t *members)
{
	char name[32];

	while (*template) {
		size_t n = strcspn(template, "{");
		(void)buf_add(path, template, n);
		template += n;
		if (!*template)
			break;
		n = strcspn(++template, "}");
		(void)snprintf(name, sizeof name, "%.*s", (int)n, template);
		const json_t *v = json_object_get(members, name);
		if (v)
			add_value(path, v);
		json_object_del(members, name);
		template += n + 1;
	}
}

static bool goes_into_body(const char *method)
{
	return !str_eq(method, "GET") && !str_eq(method, "DELETE");
}

static enum cli_exit add_secret(struct cli *c, const struct call_row *k, json_t *members)
{
	char secret[1024];
	enum cli_exit r = cli_read_secret(c, (struct phrase)P("Mật khẩu", "Password"), secret, sizeof secret);

	if (!r)
		json_object_set_new(members, k->secret, json_string(secret));
	memset(secret, 0, sizeof secret);
	return r;
}

/* "args.extent" is a member of the object "args". */
static void set_member(json_t *members, const char *name, json_t *v)
{
	const char *dot = strchr(name, '.');
	char outer[32];
	json_t *o;

	if (!dot) {
		json_object_set_new(members, name, v);
		return;
	}
	(void)snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
	o = json_object_get(members, outer);
	if (!o) {
		o = json_object();
		json_object_set_new(members, outer, o);
	}
	json_object_set_new(o, dot + 1, v);
}

enum cli_exit call_path(struct cli *c, struct buf *path, json_t **ret_body)
{
	const struct call_row *k = c->command->call;
	const struct option_row *o = c->command->options;
	json_t *members = json_object(), *v;
	enum cli_exit r = CLI_OK;
	const char *key;
	char mark = '?';

	for (size_t i = 0; !r && o && o[i].name; i++) {
		if (!c->value[i] || !o[i].member)
			continue;
		r = value_json(c, &o[i], c->value[i], &v);
		if (!r)
			set_member(members, o[i].member, v);
	}
	if (!r && k->secret)
		r = add_secret(c, k, members);
	if (!r)
		fill_path(path, k->path, members);
	if (!r && !goes_into_body(k->method)) {
		json_object_foreach(members, key, v)
		{
			(void)buf_addf(path, "%c%s=", mark, key);
			add_value(path, v);
			mark = '&';
		}
		json_decref(members);
		members = NULL;
	}
	if (r) {
		json_decref(members);
		return r;
	}
	*ret_body = members;
	return CLI_OK;
}

/* The answer's further pages, appended to the first one's rows. */
static enum cli_exit fetch_rest(struct cli *c, const char *first, const char *list, json_t *answer)
{
	enum cli_exit r = CLI_OK;
	json_t *page = NULL;

	for (json_t *next = json_incref(json_object_get(answer, "next")); !r && json_is_string(next);) {
		struct buf path = BUF_INIT(MAX_URL);
		(void)buf_addf(&path, "%s%ccursor=", first, strchr(first, '?') ? '&' : '?');
		call_add_escaped(&path, json_string_value(next));
		json_decref(next);
		next = NULL;
		r = path.error ? CLI_FAILED : api_json(c, "GET", buf_str(&path), NULL, &page);
		buf_release(&path);
		if (!r) {
			json_array_extend(json_object_get(answer, list), json_object_get(page, list));
			next = json_incref(json_object_get(page, "next"));
			json_decref(page);
		}
	}
	json_object_del(answer, "next");
	return r;
}

enum cli_exit call_show(struct cli *c, const struct call_row *k, const json_t *answer)
{
	const char *format = cli_value(c, "format");

	if (str_eq(format, "json")) {
		if (answer && (json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_SORT_KEYS) || putchar('\n') == EOF))
			return CLI_FAILED;
		return CLI_OK;
	}
	for (const struct column *k_column = k->columns; k_column && k_column->key; k_column++)
		if (k_column->kind == COLUMN_UNIT) {
			units_know(c);
			break;
		}
	if (k->columns && k->list)
		table_rows(
		    c, k->columns, json_object_get(answer, k->list), str_eq(format, "csv") ? TABLE_CSV : TABLE_TEXT);
	else if (k->columns)
		table_one(c, k->columns, answer);
	if (say(c, k->done))
		puts(say(c, k->done));
	return CLI_OK;
}

enum cli_exit call_run(struct cli *c)
{
	const struct call_row *k = c->command->call;
	struct buf path = BUF_INIT(MAX_URL);
	json_t *body = NULL, *answer = NULL;
	enum cli_exit r = call_path(c, &path, &body);

	if (!r && path.error)
		r = cli_fail(c, CLI_USAGE, "%s", SAY(c, "dòng lệnh quá dài", "the command line is too long"));
	if (!r)
		r = api_json(c, k->method, buf_str(&path), body, &answer);
	if (!r && k->paged && !cli_value(c, "limit"))
		r = fetch_rest(c, buf_str(&path), k->list, answer);
	if (!r)
		r = call_show(c, k, answer);
	json_decref(body);
	json_decref(answer);
	buf_release(&path);
	return r;
}
