#include "ipc_channel.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64 };

int ipc_pair(int ret_fds[2])
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

/* An address has room for 107 bytes; a longer path is walked by its folder, which stays open while the address is used.
 */
static int address(const char *path, struct sockaddr_un *ret, int *ret_folder)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	*ret_folder = -1;
	const char *slash = strrchr(path, '/');
	if (strlen(path) < sizeof ret->sun_path || !slash || strlen(slash) > 64)
		return str_copy(ret->sun_path, sizeof ret->sun_path, path);
	char folder[PATH_MAX];
	if ((size_t)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path) >= sizeof folder)
		return -ENAMETOOLONG;
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d%s", fd, slash);
	*ret_folder = fd;
	return 0;
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int open_socket(int flags, int *ret)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int bind_with_mode(int fd, const struct sockaddr_un *a, mode_t mode)
{
	struct stat st;
	if (lstat(a->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (unlink(a->sun_path) < 0 && errno != ENOENT)
		return -errno;
	mode_t old = umask(0777 & ~mode);
	int r = bind(fd, (const struct sockaddr *)a, sizeof *a) < 0 ? -errno : 0;
	umask(old);
	return r;
}

int ipc_listen(const char *path, mode_t mode, int *ret_fd)
{
	struct sockaddr_un a;
	int fd = -1, folder, r = address(path, &a, &folder);
	if (!r)
		r = open_socket(SOCK_NONBLOCK, &fd);
	if (!r)
		r = bind_with_mode(fd, &a, mode);
	if (!r && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (!r)
		*ret_fd = fd;
	else
		close_one(fd);
	close_one(folder);
	return r;
}

int ipc_accept(int listen_fd, struct ipc_channel **ret)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return -errno;
	int r = ipc_channel_new(fd, ret);
	if (r)
		close(fd);
	return r;
}

int ipc_connect(const char *path, struct ipc_channel **ret)
{
	struct sockaddr_un a;
	int fd = -1, folder, r = address(path, &a, &folder);
	if (!r)
		r = open_socket(0, &fd);
	if (!r && connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		r = -errno;
	if (!r)
		r = ipc_channel_new(fd, ret);
	if (r)
		close_one(fd);
	close_one(folder);
	return r;
}

int ipc_channel_peer(const struct ipc_channel *c, struct ipc_peer *ret)
{
	struct ucred u;
	socklen_t n = sizeof u;
	if (getsockopt(ipc_channel_fd(c), SOL_SOCKET, SO_PEERCRED, &u, &n) < 0)
		return -errno;
	*ret = (struct ipc_peer){.pid = u.pid, .uid = u.uid, .gid = u.gid};
	return 0;
}
