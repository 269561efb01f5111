#include "original.h"
#include "quarantine.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FOLLOW_TRIES = 64 };

int act_open_folder(const char *path, int *ret_dirfd, const char **ret_name)
{
	char folder[PATH_MAX];
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	const char *slash = strrchr(path, '/');
	if (*path != '/' || !slash[1] || strcmp(slash + 1, ".") == 0 || strcmp(slash + 1, "..") == 0)
		return -EINVAL;
	size_t n = slash == path ? 1 : (size_t)(slash - path);
	if (n >= sizeof folder || strlen(slash + 1) > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(folder, path, n);
	folder[n] = 0;
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, folder, &how, sizeof how);
	if (fd < 0)
		return -errno;
	*ret_dirfd = fd;
	*ret_name = slash + 1;
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* 1: `name` is the file; 0: it is another or none. */
static int is_named(const struct original *o, const char *name)
{
	struct stat st;
	if (fstatat(o->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return same_file(&st, &o->was);
}

/* The kernel knows under which name a file was opened, also after that was renamed. */
static int follow(struct original *o)
{
	char self[40], path[PATH_MAX];
	struct stat st;
	const char *name;
	int folder;
	if (fstat(o->fd, &st) < 0)
		return -errno;
	if (!st.st_nlink)
		return -ENOENT;
	snprintf(self, sizeof self, "/proc/self/fd/%d", o->fd);
	ssize_t n = readlink(self, path, sizeof path);
	if (n < 0 || n == sizeof path)
		return n < 0 ? -errno : -ENAMETOOLONG;
	path[n] = 0;
	int r = act_open_folder(path, &folder, &name);
	if (r) /* a folder of the path has been moved in between */
		return r == -ENOENT || r == -ELOOP || r == -ENOTDIR ? -EAGAIN : r;
	original_close(o);
	o->folder = folder;
	o->own_folder = true;
	str_copy(o->name, sizeof o->name, name);
	return 0;
}

/* Where it has got to; several tries, since it may be under way again. */
static int find(struct original *o)
{
	for (int i = 0; i < FOLLOW_TRIES; i++) {
		int named = is_named(o, o->name);
		if (named)
			return named < 0 ? named : 0;
		int r = follow(o);
		if (r && r != -EAGAIN)
			return r;
	}
	return -EAGAIN;
}

int original_open(struct original *o, int folder, const char *name, int fd)
{
	*o = (struct original){.fd = fd, .folder = folder};
	if (str_copy(o->name, sizeof o->name, name))
		return -ENAMETOOLONG;
	if (!*name || strchr(name, '/'))
		return -EINVAL;
	if (fstat(fd, &o->was) < 0)
		return -errno;
	return S_ISREG(o->was.st_mode) ? find(o) : -EINVAL;
}

void original_close(struct original *o)
{
	if (o->own_folder)
		close(o->folder);
	o->own_folder = false;
}

int original_path(const struct original *o, char *dst, size_t cap)
{
	char self[40];
	snprintf(self, sizeof self, "/proc/self/fd/%d", o->folder);
	ssize_t n = readlink(self, dst, cap);
	if (n < 0)
		return -errno;
	if ((size_t)n + 1 + strlen(o->name) >= cap || *dst != '/')
		return -ENAMETOOLONG;
	dst[n] = 0;
	if (n > 1) /* the root is "/" already */
		dst[n++] = '/';
	str_copy(dst + n, cap - (size_t)n, o->name);
	return 0;
}

int original_unchanged(const struct original *o)
{
	struct stat st;
	if (fstat(o->fd, &st) < 0)
		return -errno;
	bool same = st.st_size == o->was.st_size && st.st_mtim.tv_sec == o->was.st_mtim.tv_sec &&
	            st.st_mtim.tv_nsec == o->was.st_mtim.tv_nsec;
	return same ? 0 : -ESTALE;
}

void original_private_name(id16 id, char dst[ORIGINAL_PRIVATE_NAME])
{
	memcpy(dst, ".khien-", 7);
	hex_encode(dst + 7, id.b, ID_BYTES);
}

/* Malware likes to make itself immutable. */
static int lift_flags(const struct original *o, const struct act_disk *disk, uint32_t *lifted)
{
	int flags = 0;
	if (*lifted || ioctl(o->fd, FS_IOC_GETFLAGS, &flags) < 0)
		return -EPERM;
	*lifted = (uint32_t)flags & (FS_IMMUTABLE_FL | FS_APPEND_FL);
	return *lifted ? disk->flags(disk->context, o->fd, 0) : -EPERM;
}

/* To the private name; 1: done, and it is the file. 0: look for it anew. */
static int move_away(struct original *o, const struct act_disk *disk, const char *away, uint32_t *lifted, struct err *e)
{
	int r = disk->rename(disk->context, o->folder, o->name, away);
	if (r == -EPERM && !lift_flags(o, disk, lifted))
		r = disk->rename(disk->context, o->folder, o->name, away);
	if (r == -ENOENT)
		return 0;
	if (r)
		return err_set(e, r, "it cannot be moved: %s", strerror(-r));
	int named = is_named(o, away);
	if (named == 1)
		return 1;
	r = disk->rename(disk->context, o->folder, away, o->name);
	if (r && r != -ENOENT)
		return err_set(e, -EAGAIN, "another file took its name while it was moved, and is now called %s", away);
	return named;
}

static int put_back(const struct original *o, const struct act_disk *disk, const char *away, int why, struct err *e)
{
	int r = disk->rename(disk->context, o->folder, away, o->name);
	if (r && r != -ENOENT)
		err_set(e, why, "it was to be left, and is now called %s", away);
	return why;
}

/* 1: the file has one name less. 0: it was another file's name. */
static int unlink_away(const struct original *o, const struct act_disk *disk, const char *away, struct err *e)
{
	struct stat before, after;
	if (fstat(o->fd, &before) < 0)
		return -errno;
	int r = original_unchanged(o);
	if (r)
		return put_back(o, disk, away, r, e);
	r = disk->remove(disk->context, o->folder, away);
	if (r == -ENOENT)
		return 0;
	if (r)
		return put_back(o, disk, away, r, e);
	return fstat(o->fd, &after) == 0 && after.st_nlink >= before.st_nlink ? 0 : 1;
}

int original_remove(struct original *o, const struct act_disk *disk, id16 id, struct err *e)
{
	char away[ORIGINAL_PRIVATE_NAME];
	uint32_t lifted = 0;
	int r = 0;
	original_private_name(id, away);
	for (int i = 0; !r && i < FOLLOW_TRIES; i++) {
		r = find(o);
		if (!r)
			r = move_away(o, disk, away, &lifted, e);
		if (r == 1)
			r = unlink_away(o, disk, away, e);
	}
	if (r == 1) {
		disk->sync(disk->context, o->folder); /* should it come back after a power cut, it is found again */
		return 0;
	}
	if (lifted)
		disk->flags(disk->context, o->fd, lifted);
	return r ? err_set(e, r, "%s", strerror(-r))
	         : err_set(e, -EAGAIN, "it is renamed faster than it can be followed");
}
