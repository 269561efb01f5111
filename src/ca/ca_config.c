#include "ca_config.h"

#include "file.h"
#include "str.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>

enum { MAX_CONFIG = 64 * 1024 };

enum ca_value { TEXT, NUMBER, USERS };
static const struct key {
	const char *name;
	enum ca_value value;
	size_t at, size;
	bool required;
} keys[] = {
#define FIELD(f) offsetof(struct ca_config, f), sizeof(((struct ca_config *)0)->f)
    {"state", TEXT, FIELD(state), true},
    {"socket", TEXT, FIELD(socket), true},
    {"names", TEXT, FIELD(names), true},
    {"users", USERS, 0, 0, false},
    {"agent_seconds", NUMBER, FIELD(agent_seconds), false},
    {"server_seconds", NUMBER, FIELD(server_seconds), false},
    {"ca_seconds", NUMBER, FIELD(ca_seconds), false},
};
enum { N_KEYS = sizeof keys / sizeof *keys };

bool ca_next_name(const char **list, char *dst, size_t size)
{
	const char *p = *list + strspn(*list, ", \t");
	size_t n = strcspn(p, ", \t");
	*list = p + n;
	if (!n || n >= size)
		return false;
	memcpy(dst, p, n);
	dst[n] = 0;
	return true;
}

static bool listed(const char *names, const char *name)
{
	char one[256];
	while (ca_next_name(&names, one, sizeof one))
		if (strcasecmp(one, name) == 0)
			return true;
	return false;
}

/* What could be more than a name (an extension's syntax, a wildcard) is none. */
static bool plain_name(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(".-:", *s))
			return false;
	return true;
}

bool ca_config_allows(const struct ca_config *c, const char *names)
{
	char one[256];
	size_t n = 0;
	while (ca_next_name(&names, one, sizeof one)) {
		if (!plain_name(one) || !listed(c->names, one))
			return false;
		n++;
	}
	return n && !*(names + strspn(names, ", \t"));
}

static int add_user(struct ca_config *c, const char *name, struct err *e)
{
	struct passwd *pw = getpwnam(name);
	if (!pw)
		return err_set(e, -EINVAL, "no user named %s", name);
	if (c->n_users == CA_MAX_USERS)
		return err_set(e, -E2BIG, "more than %d users", CA_MAX_USERS);
	if (!c->n_users)
		c->group = pw->pw_gid;
	c->users[c->n_users++] = pw->pw_uid;
	return 0;
}

static int set(struct ca_config *c, const struct key *k, const char *value, struct err *e)
{
	char *at = (char *)c + k->at, name[64];
	int r = 0;
	if (k->value == TEXT && (!*value || str_copy(at, k->size, value)))
		r = err_set(e, -EINVAL, "%s is empty or too long", k->name);
	if (k->value == NUMBER && str_i64(value, 1, INT64_C(100) * 366 * 86400, (int64_t *)(void *)at))
		r = err_set(e, -EINVAL, "%s: a number of seconds is expected", k->name);
	if (k->value == USERS)
		while (!r && ca_next_name(&value, name, sizeof name))
			r = add_user(c, name, e);
	return r;
}

static char *trim(char *s)
{
	s += strspn(s, " \t\r");
	size_t n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = 0;
	return s;
}

static int read_line(struct ca_config *c, char *line, bool seen[N_KEYS], struct err *e)
{
	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	char *equals = strchr(line, '=');
	if (!equals)
		return err_set(e, -EINVAL, "key = value is expected");
	*equals = 0;
	char *name = trim(line), *value = trim(equals + 1);
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (seen[i])
			return err_set(e, -EINVAL, "%s stands here twice", name);
		seen[i] = true;
		return set(c, &keys[i], value, e);
	}
	return err_set(e, -EINVAL, "unknown key %s", name);
}

static int read_lines(struct ca_config *c, char *text, struct err *e)
{
	bool seen[N_KEYS] = {false};
	int number = 0;
	for (char *line; (line = strsep(&text, "\n"));) {
		number++;
		if (read_line(c, line, seen, e))
			return err_wrap(e, "line %d", number);
	}
	for (size_t i = 0; i < N_KEYS; i++)
		if (keys[i].required && !seen[i])
			return err_set(e, -EINVAL, "%s is missing", keys[i].name);
	if (!c->n_users && getpwnam("khien"))
		return add_user(c, "khien", e);
	return 0;
}

int ca_config_read(const char *path, struct ca_config *ret, struct err *e)
{
	struct buf b = BUF_INIT(MAX_CONFIG);
	struct ca_config c = {.group = (gid_t)-1,
	    .agent_seconds = INT64_C(30) * 86400,
	    .server_seconds = INT64_C(90) * 86400,
	    .ca_seconds = INT64_C(20) * 365 * 86400};
	int r = file_read(AT_FDCWD, path, &b);
	if (r)
		err_set(e, r, "%s: %s", path, strerror(-r));
	else if (buf_add(&b, "", 0)) /* for an empty file there is no text yet */
		r = err_set(e, -EMSGSIZE, "%s: too long", path);
	else if ((r = read_lines(&c, b.p, e)))
		err_wrap(e, "%s", path);
	buf_release(&b);
	if (!r)
		*ret = c;
	return r;
}
