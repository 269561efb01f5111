#include "act_disk.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int system_create(void *context, int folder, const char *name, int *ret_file)
{
	(void)context;
	int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret_file = fd;
	return 0;
}

static int system_nameless(void *context, int folder, int *ret_file)
{
	(void)context;
	int fd = openat(folder, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0) /* EISDIR, ENOENT: how systems without it say so */
		return errno == EISDIR || errno == ENOENT ? -EOPNOTSUPP : -errno;
	*ret_file = fd;
	return 0;
}

static int system_write(void *context, int file, const void *p, size_t n, int64_t at)
{
	(void)context;
	for (const char *q = p; n;) {
		ssize_t k = pwrite(file, q, n, at);
		if (k < 0 && errno != EINTR)
			return -errno;
		if (k > 0) {
			q += k;
			at += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

static int system_cut(void *context, int file, int64_t size)
{
	(void)context;
	return ftruncate(file, size) < 0 ? -errno : 0;
}

static int system_dress(
    void *context, int file, const struct attributes *a, bool may_leave_out, const char **ret_missing)
{
	(void)context;
	return attributes_apply(file, a, may_leave_out, ret_missing);
}

static int system_sync(void *context, int file)
{
	(void)context;
	return fsync(file) < 0 ? -errno : 0;
}

static int system_name(void *context, int file, int folder, const char *name)
{
	(void)context;
	char self[40];
	if (linkat(file, "", folder, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT) /* without CAP_DAC_READ_SEARCH there is another way */
		return -errno;
	snprintf(self, sizeof self, "/proc/self/fd/%d", file);
	return linkat(AT_FDCWD, self, folder, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Some file systems (NFS) cannot be told to spare what is there, but their links do. */
static int link_and_remove(int folder, const char *from, const char *to)
{
	if (linkat(folder, from, folder, to, 0) < 0)
		return -errno;
	return unlinkat(folder, from, 0) < 0 ? -errno : 0;
}

static int system_rename(void *context, int folder, const char *from, const char *to)
{
	(void)context;
	if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0)
		return 0;
	return errno == EINVAL || errno == ENOSYS ? link_and_remove(folder, from, to) : -errno;
}

static int system_remove(void *context, int folder, const char *name)
{
	(void)context;
	return unlinkat(folder, name, 0) < 0 ? -errno : 0;
}

static int system_flags(void *context, int file, uint32_t flags)
{
	(void)context;
	int all;
	if (ioctl(file, FS_IOC_GETFLAGS, &all) < 0)
		return flags ? -errno : 0;
	int wanted = (all & ~(FS_IMMUTABLE_FL | FS_APPEND_FL)) | (int)flags;
	return wanted != all && ioctl(file, FS_IOC_SETFLAGS, &wanted) < 0 ? -errno : 0;
}

static int system_replace(void *context, int folder, const char *name, const void *p, size_t n)
{
	(void)context;
	return file_replace(folder, name, p, n, 0600);
}

const struct act_disk act_disk_system = {
    .create = system_create,
    .nameless = system_nameless,
    .write = system_write,
    .cut = system_cut,
    .dress = system_dress,
    .sync = system_sync,
    .name = system_name,
    .rename = system_rename,
    .remove = system_remove,
    .flags = system_flags,
    .replace = system_replace,
};
