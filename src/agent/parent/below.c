#include "below.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_CONFIG = 256 * 1024 };

int below_open(int root, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
	if (fd < 0 &&
	    errno == ENOSYS) /* before Linux 5.6: absolute links lead out of a test's root, "/" has no outside */
		fd = openat(root, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

bool below_exists(int root, const char *path)
{
	int fd = below_open(root, path, O_PATH);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static void trim(char *s)
{
	size_t n = strlen(s), front = 0;
	while (n && is_space(s[n - 1]))
		s[--n] = 0;
	while (is_space(s[front]))
		front++;
	memmove(s, s + front, n - front + 1);
}

int below_text(int root, const char *path, char *dst, size_t size)
{
	dst[0] = 0;
	int fd = below_open(root, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	ssize_t n = read(fd, dst, size - 1);
	int r = n < 0 ? -errno : 0;
	dst[n < 0 ? 0 : n] = 0;
	close(fd);
	trim(dst);
	return r;
}

int below_read(int root, const char *path, struct buf *b)
{
	int fd = below_open(root, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	char part[4096];
	ssize_t n;
	int r = 0;
	while ((n = read(fd, part, sizeof part)) > 0 && b->n < b->max) {
		size_t room = b->max - b->n;
		buf_add(b, part, (size_t)n < room ? (size_t)n : room);
	}
	if (n < 0)
		r = -errno;
	close(fd);
	return r;
}

int below_link(int root, const char *path, char *dst, size_t size)
{
	dst[0] = 0;
	int fd = below_open(root, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	ssize_t n = readlinkat(fd, "", dst, size - 1);
	int r = n < 0 ? -errno : 0;
	dst[n < 0 ? 0 : n] = 0;
	close(fd);
	return r;
}

void below_each(int root, const char *folder, void (*each)(void *arg, const char *name), void *arg)
{
	int fd = below_open(root, folder, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			each(arg, e->d_name);
	closedir(d);
}

/* Cuts "key = value" in two in place; false for a line that is none. */
static bool split(char *line, char **ret_key, char **ret_value)
{
	char *equals = strchr(line, '=');
	if (!equals || *line == '#' || *line == ';')
		return false;
	*equals = 0;
	trim(line);
	trim(equals + 1);
	char *value = equals + 1;
	size_t n = strlen(value);
	if (n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0]) {
		value[n - 1] = 0;
		value++;
	}
	*ret_key = line;
	*ret_value = value;
	return true;
}

static bool find_setting(char *text, const char *section, const char *key, char *dst, size_t size)
{
	bool here = !*section;
	char *rest = text, *line, *k, *v;
	while ((line = strsep(&rest, "\n"))) {
		trim(line);
		if (*line == '[' && *section) {
			size_t n = strlen(section);
			here = strncasecmp(line + 1, section, n) == 0 && line[n + 1] == ']';
		} else if (here && split(line, &k, &v) && strcasecmp(k, key) == 0 && *v) {
			return str_copy(dst, size, v) == 0;
		}
	}
	return false;
}

bool below_setting(int root, const char *path, const char *section, const char *key, char *dst, size_t size)
{
	struct buf b = BUF_INIT(MAX_CONFIG);
	dst[0] = 0;
	bool found = below_read(root, path, &b) == 0 && b.n && find_setting(b.p, section, key, dst, size);
	buf_release(&b);
	return found;
}
