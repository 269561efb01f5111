#include "notify.h"
#include "clock.h"
#include "str.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A datagram to a path, or to an abstract name, which is written with '@' for the NUL. */
static int connect_to(const char *where, int *ret)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = strlen(where);
	if ((where[0] != '/' && where[0] != '@') || n >= sizeof a.sun_path)
		return -EINVAL;
	memcpy(a.sun_path, where, n);
	if (a.sun_path[0] == '@')
		a.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

/* WATCHDOG_PID names whom it is for: a child that inherited the variables is not watched. */
static int64_t watched_every_us(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t us = 0, whose = getpid();
	if (!usec || str_i64(usec, 2, INT64_MAX, &us))
		return 0;
	if (pid && str_i64(pid, 1, INT64_MAX, &whose))
		return 0;
	return whose == getpid() ? us / 2 : 0;
}

int notify_open(struct notify *ret)
{
	struct notify n = {.fd = -1};
	const char *where = getenv("NOTIFY_SOCKET");
	int r = where && *where ? connect_to(where, &n.fd) : 0;
	if (n.fd >= 0)
		n.every_us = watched_every_us();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	*ret = n;
	return r;
}

/* Never waits: a systemd that does not read must not hold up the work. */
static void say(const struct notify *n, const char *text)
{
	if (n->fd >= 0)
		(void)send(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_close(struct notify *n)
{
	say(n, "STOPPING=1");
	if (n->fd >= 0)
		close(n->fd);
	*n = (struct notify){.fd = -1};
}

void notify_ready(struct notify *n)
{
	say(n, "READY=1");
	n->next_us = clock_mono_us() + n->every_us;
}

void notify_alive(struct notify *n, int64_t now_us)
{
	if (!n->every_us || now_us < n->next_us)
		return;
	say(n, "WATCHDOG=1");
	n->next_us = now_us + n->every_us;
}

int64_t notify_next_us(const struct notify *n)
{
	return n->every_us ? n->next_us : INT64_MAX;
}
