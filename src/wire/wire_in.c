#include "wire_int.h"

#include "str.h"

#include <errno.h>
#include <string.h>

/* jansson allows 2048 levels; ours are a dozen, and what is kept as text must not nest deeper either. */
static bool depth_fits(const char *text, size_t n)
{
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (quoted) {
			i += c == '\\';
			quoted = c != '"';
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > WIRE_MAX_DEPTH)
				return false;
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
		}
	}
	return true;
}

/* jansson quotes what it did not understand, and may cut it amid a letter. */
static int refuse_text(json_error_t *why, struct err *e)
{
	for (char *p = why->text; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
	int code = json_error_code(why) == json_error_out_of_memory ? -ENOMEM : -EINVAL;
	return err_set(e, code, "line %d, column %d: %s", why->line, why->column, why->text);
}

struct spot in_open(struct reading *in, struct arena *a, const char *text, size_t n, struct err *e)
{
	*in = (struct reading){.arena = a, .err = e};
	struct spot top = {.in = in};
	if (n > MAX_AGENT_BODY) {
		in->r = err_set(e, -EMSGSIZE, "longer than %d bytes", MAX_AGENT_BODY);
		return top;
	}
	if (!depth_fits(text, n)) {
		in->r = err_set(e, -EINVAL, "nested deeper than %d levels", WIRE_MAX_DEPTH);
		return top;
	}
	json_error_t why;
	top.v = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (!top.v)
		in->r = refuse_text(&why, e);
	else if (!json_is_object(top.v))
		in->r = err_set(e, -EINVAL, "an object is expected");
	return top;
}

int in_close(struct spot *top)
{
	json_decref(top->v);
	top->v = NULL;
	return top->in->r;
}

static void add_place(struct buf *b, const struct spot *s)
{
	if (!s->up)
		return;
	add_place(b, s->up);
	if (s->name)
		buf_addf(b, "%s%s", s->up->up ? "." : "", s->name);
	else
		buf_addf(b, "[%zu]", s->index);
}

int in_fail(const struct spot *at, int code, const char *what)
{
	if (at->in->r)
		return at->in->r;
	struct buf place = BUF_INIT(256);
	add_place(&place, at);
	err_set(at->in->err, code, "%s: %s", place.n ? buf_str(&place) : "message", what);
	buf_release(&place);
	return at->in->r = code;
}

struct spot in_member(const struct spot *object, const char *name)
{
	json_t *v = object->in->r ? NULL : json_object_get(object->v, name);
	return (struct spot){.in = object->in, .up = object, .name = name, .v = v};
}

struct spot in_item(const struct spot *list, size_t i)
{
	return (struct spot){.in = list->in, .up = list, .index = i, .v = json_array_get(list->v, i)};
}

bool in_present(const struct spot *s)
{
	return s->v && !json_is_null(s->v);
}

static void expect(const struct spot *s, const char *what)
{
	in_fail(s, -EINVAL, s->v ? what : "is missing");
}

bool in_object(const struct spot *s)
{
	if (!json_is_object(s->v))
		expect(s, "an object is expected");
	return !s->in->r;
}

size_t in_list(const struct spot *s, size_t min, size_t max)
{
	if (!json_is_array(s->v)) {
		expect(s, "a list is expected");
		return 0;
	}
	size_t n = json_array_size(s->v);
	if (n < min)
		in_fail(s, -EINVAL, "too few items");
	if (n > max)
		in_fail(s, -EMSGSIZE, "too many items");
	return s->in->r ? 0 : n;
}

void in_version(const struct spot *top)
{
	struct spot s = in_member(top, "v");
	if (!json_is_integer(s.v))
		expect(&s, "a whole number is expected");
	else if (json_integer_value(s.v) != WIRE_VERSION)
		in_fail(&s, -EINVAL, "only version 1 is spoken here");
}

const char *spot_text(const struct spot *s, size_t max, size_t *ret_n)
{
	*ret_n = 0;
	if (!json_is_string(s->v)) {
		expect(s, "a text is expected");
		return "";
	}
	size_t n = json_string_length(s->v);
	if (n > max) {
		in_fail(s, -EMSGSIZE, "the text is too long");
		return "";
	}
	*ret_n = n;
	return json_string_value(s->v);
}

void *in_take(const struct spot *at, size_t n)
{
	void *p = arena_take(at->in->arena, n);
	if (!p)
		in_fail(at, -ENOMEM, "no memory");
	return p;
}

const char *in_text(const struct spot *object, const char *name, size_t max)
{
	struct spot s = in_member(object, name);
	size_t n;
	const char *text = spot_text(&s, max, &n);
	const char *copy = arena_copy(s.in->arena, text, n);
	if (!copy)
		in_fail(&s, -ENOMEM, "no memory");
	return copy ? copy : "";
}

int64_t in_int(const struct spot *object, const char *name, int64_t min, int64_t max)
{
	struct spot s = in_member(object, name);
	if (!json_is_integer(s.v)) {
		expect(&s, "a whole number is expected");
		return 0;
	}
	int64_t v = json_integer_value(s.v);
	if (v < min || v > max) {
		in_fail(&s, -EINVAL, "out of its range");
		return 0;
	}
	return v;
}

bool in_bool(const struct spot *object, const char *name)
{
	struct spot s = in_member(object, name);
	if (!json_is_boolean(s.v))
		expect(&s, "true or false is expected");
	return json_is_true(s.v);
}

static bool lower_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

/* The text of 2 * n lower-case hex digits, or NULL and a failure. */
static const char *hex_digits(const struct spot *s, size_t n)
{
	size_t len;
	const char *text = spot_text(s, SIZE_MAX, &len);
	if (!s->in->r && len == 2 * n && lower_hex(text, len))
		return text;
	in_fail(s, -EINVAL, "lower-case hex digits of the right number are expected");
	return NULL;
}

void in_hex(const struct spot *object, const char *name, void *dst, size_t n)
{
	struct spot s = in_member(object, name);
	const char *text = hex_digits(&s, n);
	if (!text || hex_decode(dst, n, text))
		memset(dst, 0, n);
}

id16 in_id(const struct spot *object, const char *name)
{
	id16 v;
	in_hex(object, name, v.b, sizeof v.b);
	return v;
}

void in_hex_text(const struct spot *object, const char *name, char dst[ID_TEXT])
{
	struct spot s = in_member(object, name);
	const char *text = hex_digits(&s, ID_BYTES);
	bool none = !text || strspn(text, "0") == ID_TEXT - 1;
	memcpy(dst, none ? "" : text, none ? 1 : ID_TEXT);
}

void in_base64(const struct spot *object, const char *name, void *dst, size_t n)
{
	struct spot s = in_member(object, name);
	size_t len, got = 0;
	const char *text = spot_text(&s, 4 * ((n + 2) / 3), &len);
	if (s.in->r || base64_decode(dst, n, text, &got) || got != n) {
		in_fail(&s, -EINVAL, "base64 of the right length is expected");
		memset(dst, 0, n);
	}
}

unsigned in_word(const struct spot *object, const char *name, const char *const *words, size_t n)
{
	struct spot s = in_member(object, name);
	size_t len;
	const char *text = spot_text(&s, MAX_SHORT_TEXT, &len);
	for (unsigned i = 0; !s.in->r && i < n; i++)
		if (words[i] && strcmp(words[i], text) == 0)
			return i;
	in_fail(&s, -EINVAL, "not one of the words that the protocol knows");
	return 0;
}

char *in_json(const struct spot *object, const char *name, size_t max)
{
	struct spot s = in_member(object, name);
	if (!in_object(&s))
		return NULL;
	const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
	size_t n = json_dumpb(s.v, NULL, 0, flags);
	if (!n || n > max) {
		in_fail(&s, n ? -EMSGSIZE : -ENOMEM, n ? "is too long" : "no memory");
		return NULL;
	}
	char *text = in_take(&s, n + 1);
	if (text && json_dumpb(s.v, text, n, flags) != n)
		in_fail(&s, -ENOMEM, "no memory");
	return text;
}
