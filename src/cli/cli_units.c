#include "cli_units.h"

#include "cli_api.h"
#include "text.h"

#include <string.h>
#include <strings.h>

enum { PROVINCE = 1 };

static enum cli_exit fetch(struct cli *c)
{
	json_t *answer = NULL;
	enum cli_exit r = c->units ? CLI_OK : api_json(c, "GET", "/api/v1/units?all=true", NULL, &answer);

	if (answer)
		c->units = json_incref(json_object_get(answer, "units"));
	json_decref(answer);
	return r;
}

/* The same comparison as the centre's: case and diacritics do not tell codes apart. */
static bool same_code(const char *a, const char *b)
{
	char fa[512], fb[512];

	if (text_fold(fa, sizeof fa, a) || text_fold(fb, sizeof fb, b))
		return false;
	return !strcmp(fa, fb);
}

enum cli_exit units_find(struct cli *c, const char *code, int64_t *ret_node)
{
	enum cli_exit r;

	if (!strcmp(code, "-")) {
		*ret_node = PROVINCE;
		return CLI_OK;
	}
	r = fetch(c);
	for (size_t i = 0; !r && i < json_array_size(c->units); i++) {
		const json_t *u = json_array_get(c->units, i);
		const char *have = json_string_value(json_object_get(u, "code"));
		if (have && json_is_true(json_object_get(u, "present")) && same_code(have, code)) {
			*ret_node = json_integer_value(json_object_get(u, "id"));
			return CLI_OK;
		}
	}
	return r ? r
	         : cli_fail(
	               c, CLI_NOT_FOUND, SAY(c, "không có đơn vị nào mang mã '%s'", "no unit has the code '%s'"), code);
}

void units_know(struct cli *c)
{
	(void)fetch(c);
}

void units_add_code(const struct cli *c, struct buf *b, int64_t node)
{
	if (node == PROVINCE) {
		(void)buf_adds(b, "-");
		return;
	}
	for (size_t i = 0; i < json_array_size(c->units); i++) {
		const json_t *u = json_array_get(c->units, i);
		if (json_integer_value(json_object_get(u, "id")) == node) {
			(void)buf_adds(b, json_string_value(json_object_get(u, "code")));
			return;
		}
	}
	if (node)
		(void)buf_addf(b, "#%lld", (long long)node);
}
