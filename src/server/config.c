#include "config.h"
#include "buf.h"
#include "file.h"
#include "str.h"

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

enum { MAX_CONFIG = 64 * 1024 };

enum kind { TEXT, ADDRESS, NUMBER };

static const struct key {
	const char *name;
	enum kind kind;
	size_t at;
	int64_t min, max, standard; /* NUMBER */
	bool needed;
} keys[] = {
#define KEY(name, kind, ...)                                                                                           \
	{                                                                                                              \
#name, kind, offsetof(struct config, name), __VA_ARGS__                                                \
	}
    KEY(state, TEXT, 0, 0, 0, true),
    KEY(store, TEXT, 0, 0, 0, true),
    KEY(store_key, TEXT, 0, 0, 0, false),
    KEY(ca_socket, TEXT, 0, 0, 0, true),
    KEY(names, TEXT, 0, 0, 0, true),
    KEY(enrol, ADDRESS, 0, 0, 0, true),
    KEY(agents, ADDRESS, 0, 0, 0, true),
    KEY(console, ADDRESS, 0, 0, 0, true),
    KEY(max_agents, NUMBER, 1, 1000000, 100000, false),
    KEY(max_held, NUMBER, 0, 1000000, 50000, false),
    KEY(threads, NUMBER, 0, 256, 0, false),
    KEY(readers, NUMBER, 1, 64, 2, false),
    KEY(queue, NUMBER, 1, 1000000, 4096, false),
    KEY(log, NUMBER, 0, 3, 2, false),
#undef KEY
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static int read_address(const char *value, struct config_address *ret)
{
	const char *colon = strrchr(value, ':');
	size_t n = colon ? (size_t)(colon - value) : 0;
	int64_t port;
	if (n >= 2 && value[0] == '[' && value[n - 1] == ']') { /* [::1]:7442 */
		value++;
		n -= 2;
	}
	if (!colon || !n || n >= sizeof ret->host || str_i64(colon + 1, 1, 65535, &port))
		return -EINVAL;
	memcpy(ret->host, value, n);
	ret->host[n] = 0;
	ret->port = (uint16_t)port;
	return 0;
}

static int set(const struct key *k, const char *value, struct config *c)
{
	char *to = (char *)c + k->at;
	switch (k->kind) {
	case TEXT:
		return *value ? str_copy(to, CONFIG_TEXT, value) : -EINVAL;
	case ADDRESS:
		return read_address(value, (struct config_address *)(void *)to);
	case NUMBER:
		return str_i64(value, k->min, k->max, (int64_t *)(void *)to);
	}
	return -EINVAL;
}

static char *trim(char *s)
{
	s += strspn(s, " \t\r");
	for (size_t n = strlen(s); n && strchr(" \t\r", s[n - 1]);)
		s[--n] = 0;
	return s;
}

static int read_line(char *line, struct config *c, bool seen[KEYS], struct err *e)
{
	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	char *equals = strchr(line, '=');
	if (!equals)
		return err_set(e, -EINVAL, "'%s' is not `key = value`", line);
	*equals = 0;
	char *name = trim(line), *value = trim(equals + 1);
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].name, name))
			continue;
		if (seen[i])
			return err_set(e, -EINVAL, "'%s' stands here twice", name);
		seen[i] = true;
		return set(&keys[i], value, c) ? err_set(e, -EINVAL, "'%s' is no value for '%s'", value, name) : 0;
	}
	return err_set(e, -EINVAL, "there is no setting '%s'", name);
}

static int read_text(const char *path, char *text, struct config *c, struct err *e)
{
	bool seen[KEYS] = {false};
	int number = 0;
	for (char *next = text, *line; (line = strsep(&next, "\n"));) {
		number++;
		int r = read_line(line, c, seen, e);
		if (r) {
			err_wrap(e, "%s, line %d", path, number);
			return r;
		}
	}
	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].needed && !seen[i])
			return err_set(e, -EINVAL, "%s: '%s' is missing", path, keys[i].name);
	return 0;
}

int config_read(const char *path, struct config *ret, struct err *e)
{
	struct buf b = BUF_INIT(MAX_CONFIG);
	struct config c = {0};
	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].kind == NUMBER)
			*(int64_t *)(void *)((char *)&c + keys[i].at) = keys[i].standard;
	int r = file_read(AT_FDCWD, path, &b);
	if (r)
		err_set(e, r, "%s: %s", path, strerror(-r));
	else if (b.n)
		r = read_text(path, b.p, &c, e);
	else
		r = err_set(e, -EINVAL, "%s is empty", path);
	if (!r && !*c.store_key && snprintf(c.store_key, sizeof c.store_key, "%s/store.key", c.state) >= CONFIG_TEXT)
		r = err_set(e, -ENAMETOOLONG, "%s: 'state' is too long", path);
	if (!r)
		*ret = c;
	buf_release(&b);
	return r;
}
