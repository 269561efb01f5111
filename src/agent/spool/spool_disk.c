#include "spool_disk.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096 };

static int folder_of(void *context)
{
	return (int)(intptr_t)context;
}

static int folder_list(void *context, int (*each)(void *arg, const char *name), void *arg)
{
	int fd = openat(folder_of(context), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		int r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	int r = 0;
	struct dirent *entry;
	errno = 0;
	while (!r && (entry = readdir(d)))
		r = each(arg, entry->d_name);
	if (!r && errno)
		r = -errno;
	closedir(d);
	return r;
}

/* Bad blocks are few: after a failure the block is passed over as zeros. */
static int read_block(int fd, int64_t at, size_t n, struct buf *b)
{
	static const char zeros[BLOCK];
	char block[BLOCK];
	ssize_t k;
	do
		k = pread(fd, block, n, at);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return buf_add(b, zeros, n);
	return buf_add(b, block, (size_t)k);
}

static int folder_read(void *context, const char *name, struct buf *b)
{
	int fd = openat(folder_of(context), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	size_t before = b->n;
	while (!r && (int64_t)(b->n - before) < st.st_size) {
		int64_t at = (int64_t)(b->n - before), left = st.st_size - at;
		size_t had = b->n;
		r = read_block(fd, at, left < BLOCK ? (size_t)left : BLOCK, b);
		if (b->n == had)
			break; /* shorter than it said */
	}
	close(fd);
	return r;
}

static int folder_create(void *context, const char *name, int *ret_file)
{
	int fd = openat(folder_of(context), name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret_file = fd;
	return 0;
}

static int folder_append(void *context, int file, const void *p, size_t n)
{
	(void)context;
	return file_write_all(file, p, n);
}

static int folder_cut(void *context, int file, int64_t size)
{
	(void)context;
	return ftruncate(file, size) < 0 ? -errno : 0;
}

static int folder_sync(void *context, int file)
{
	(void)context;
	return fdatasync(file) < 0 ? -errno : 0;
}

static int folder_settle(void *context, const char *name)
{
	int fd = openat(folder_of(context), name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int r = folder_sync(context, fd);
	close(fd);
	return r;
}

static void folder_close(void *context, int file)
{
	(void)context;
	close(file);
}

static int folder_sync_folder(void *context)
{
	return fsync(folder_of(context)) < 0 ? -errno : 0;
}

static int folder_replace(void *context, const char *name, const void *p, size_t n)
{
	return file_replace(folder_of(context), name, p, n, 0600);
}

static int folder_remove(void *context, const char *name)
{
	return unlinkat(folder_of(context), name, 0) < 0 ? -errno : 0;
}

struct spool_disk spool_disk_folder(int dir_fd)
{
	return (struct spool_disk){
	    .context = (void *)(intptr_t)dir_fd,
	    .list = folder_list,
	    .read = folder_read,
	    .create = folder_create,
	    .append = folder_append,
	    .cut = folder_cut,
	    .sync = folder_sync,
	    .settle = folder_settle,
	    .close = folder_close,
	    .sync_folder = folder_sync_folder,
	    .replace = folder_replace,
	    .remove = folder_remove,
	};
}
