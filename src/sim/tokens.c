#include "run.h"
#include "str.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* PROTOCOL.md: khien1_<id: 12 hex>_<secret: 32 hex>_<pin: 64 hex> */
static int parse_token(struct token *t, const char *text)
{
	enum { ID_AT = 7, SECRET_AT = ID_AT + 12 + 1, PIN_AT = SECRET_AT + 32 + 1, LENGTH = PIN_AT + 64 };
	char copy[LENGTH + 1];
	uint8_t secret[16];
	if (str_copy(copy, sizeof copy, text) || strlen(copy) != LENGTH || memcmp(copy, "khien1_", ID_AT) ||
	    copy[SECRET_AT - 1] != '_' || copy[PIN_AT - 1] != '_')
		return -EINVAL;
	copy[SECRET_AT - 1] = copy[PIN_AT - 1] = 0;
	if (str_copy(t->id, sizeof t->id, copy + ID_AT) || hex_decode(secret, sizeof secret, copy + SECRET_AT) ||
	    hex_decode(t->pin, sizeof t->pin, copy + PIN_AT))
		return -EINVAL;
	crypto_generichash_state h;
	crypto_generichash_init(&h, NULL, 0, sizeof t->auth_key);
	crypto_generichash_update(&h, (const uint8_t *)"khien-token-1", 13);
	crypto_generichash_update(&h, secret, sizeof secret);
	crypto_generichash_final(&h, t->auth_key, sizeof t->auth_key);
	return 0;
}

/* One line a group: its slug, white space, the token. "*" stands for every group. */
int tokens_read(struct tokens *ret, const char *path, struct err *e)
{
	char line[512], group[64], text[256];
	struct tokens t = {0};
	int r = 0, number = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	while (!r && fgets(line, sizeof line, f)) {
		struct token one = {0};
		number++;
		if (sscanf(line, "%63s %255s", group, text) != 2 || parse_token(&one, text) ||
		    str_copy(one.group, sizeof one.group, group)) {
			r = err_set(e, -EINVAL, "%s: line %d: expected a group and an enrolment token", path, number);
			break;
		}
		struct token *more = reallocarray(t.token, t.n + 1, sizeof *more);
		if (!more) {
			r = -ENOMEM;
			break;
		}
		t.token = more;
		t.token[t.n++] = one;
	}
	fclose(f);
	if (r)
		free(t.token);
	else
		*ret = t;
	return r;
}

const struct token *tokens_find(const struct tokens *t, const char *group)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->token[i].group, group) || str_eq(t->token[i].group, "*"))
			return &t->token[i];
	return NULL;
}
