#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int file_write_all(int fd, const void *p, size_t n)
{
	for (const char *q = p; n;) {
		ssize_t k = write(fd, q, n);
		if (k < 0 && errno != EINTR)
			return -errno;
		if (k > 0) {
			q += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

static int write_temporary(int dir_fd, const char *temporary, const void *p, size_t n, mode_t mode)
{
	int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	int r = fchmod(fd, mode) < 0 ? -errno : 0; /* whatever the umask, and if an old one lay there */
	if (!r)
		r = file_write_all(fd, p, n);
	if (!r && fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

int file_replace(int dir_fd, const char *name, const void *p, size_t n, mode_t mode)
{
	char temporary[NAME_MAX + 1];
	if (snprintf(temporary, sizeof temporary, ".%s.new", name) >= (int)sizeof temporary)
		return -ENAMETOOLONG;
	int r = write_temporary(dir_fd, temporary, p, n, mode);
	if (!r && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (r) {
		unlinkat(dir_fd, temporary, 0);
		return r;
	}
	return fsync(dir_fd) < 0 ? -EIO : 0;
}

int file_read(int dir_fd, const char *name, struct buf *b)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	char part[4096];
	ssize_t k = 0;
	int r = 0;
	do {
		k = read(fd, part, sizeof part);
		if (k < 0 && errno != EINTR)
			r = -errno;
		if (k > 0)
			r = buf_add(b, part, (size_t)k);
	} while (!r && k);
	close(fd);
	return r;
}
