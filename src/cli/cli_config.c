#include "cli_config.h"

#include "buf.h"
#include "str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_CONFIG = 16384 };

const char *cli_config_find(void)
{
	const char *named = getenv("KHIEN_CONFIG");
	const char *const places[] = {"var/run/cli.conf", "/etc/khien/cli.conf"};

	if (named && *named)
		return named;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (access(places[i], F_OK) == 0)
			return places[i];
	return NULL;
}

int cli_config_address(const char *url, char *ret_host, size_t size, uint16_t *ret_port)
{
	static const char scheme[] = "https://";
	int64_t port;

	if (strncmp(url, scheme, sizeof scheme - 1) != 0)
		return -EINVAL;
	url += sizeof scheme - 1;
	bool bracketed = *url == '[';
	const char *end = bracketed ? strchr(url, ']') : strchr(url, ':');
	if (!end)
		return -EINVAL;
	url += bracketed;
	size_t n = (size_t)(end - url);
	end += bracketed;
	if (!n || n >= size || *end != ':' || str_i64(end + 1, 1, 65535, &port))
		return -EINVAL;
	memcpy(ret_host, url, n);
	ret_host[n] = 0;
	*ret_port = (uint16_t)port;
	return 0;
}

/* Only its owner, who must be us or root, decides what a configuration says: one that lies about in a folder of
 * somebody else's could send our token to whom they like. */
static int judge(int fd, const char *path, struct err *e)
{
	struct stat s;

	if (fstat(fd, &s))
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	if ((s.st_uid != geteuid() && s.st_uid != 0) || s.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, -EPERM, "%s may be changed by others than you and root", path);
	return 0;
}

static int read_whole(const char *path, struct buf *b, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	char piece[4096];

	if (fd < 0)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	r = judge(fd, path, e);
	for (ssize_t got = 1; !r && got > 0;) {
		got = read(fd, piece, sizeof piece);
		r = got < 0 ? -errno : buf_add(b, piece, (size_t)got);
	}
	close(fd);
	return r ? err_set(e, r, "%s: %s", path, strerror(-r)) : 0;
}

/* A path in the configuration, seen from where we are. */
static int beside(const char *config, const char *value, char *dst, size_t size)
{
	const char *slash = strrchr(config, '/');
	int n;

	if (*value == '/' || !slash)
		return str_copy(dst, size, value);
	n = snprintf(dst, size, "%.*s/%s", (int)(slash - config), config, value);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int take(struct cli_config *c, const char *path, const char *key, const char *value)
{
	if (str_eq(key, "api"))
		return cli_config_address(value, c->host, sizeof c->host, &c->port);
	if (str_eq(key, "ca"))
		return beside(path, value, c->ca, sizeof c->ca);
	if (str_eq(key, "token"))
		return beside(path, value, c->token, sizeof c->token);
	if (str_eq(key, "agent"))
		return beside(path, value, c->agent, sizeof c->agent);
	if (str_eq(key, "ca_socket"))
		return beside(path, value, c->ca_socket, sizeof c->ca_socket);
	return -ENOENT;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = 0;
	return s;
}

static int take_line(struct cli_config *c, const char *path, int number, char *line, struct err *e)
{
	char *equals;
	int r;

	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	equals = strchr(line, '=');
	if (!equals)
		return err_set(e, -EINVAL, "%s: line %d: expected `key = value`", path, number);
	*equals = 0;
	r = take(c, path, trim(line), trim(equals + 1));
	if (r == -ENOENT)
		return err_set(e, -EINVAL, "%s: line %d: there is no key '%s'", path, number, trim(line));
	return r ? err_set(
	               e, -EINVAL, "%s: line %d: '%s' is no value for %s", path, number, trim(equals + 1), trim(line))
	         : 0;
}

int cli_config_read(const char *path, struct cli_config *ret, struct err *e)
{
	struct buf b = BUF_INIT(MAX_CONFIG);
	struct cli_config c = {0};
	int number = 0, r = read_whole(path, &b, e);

	for (char *line = b.p; !r && line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = 0;
		r = take_line(&c, path, ++number, line, e);
		line = end ? end + 1 : NULL;
	}
	buf_release(&b);
	if (!r)
		*ret = c;
	return r;
}
