#include "attributes.h"

#include <errno.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

void attributes_release(struct attributes *a)
{
	buf_release(&a->extended);
}

/* ---- reading ---- */

static int list_names(int file, struct buf *names)
{
	ssize_t n = flistxattr(file, NULL, 0);
	if (n > 0) {
		int r = buf_reserve(names, (size_t)n);
		if (r)
			return r;
		n = flistxattr(file, names->p, (size_t)n);
	}
	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno; /* a file system without any */
	names->n = (size_t)n;
	return 0;
}

static int read_one(int file, const char *name, struct buf *value, struct buf *out)
{
	buf_clear(value);
	int r = buf_reserve(value, XATTR_SIZE_MAX);
	if (r)
		return r;
	ssize_t n = fgetxattr(file, name, value->p, XATTR_SIZE_MAX);
	if (n < 0) /* one that has gone in between is one the file has not got */
		return errno == ENODATA ? 0 : -errno;
	ipc_put_bytes(out, name, strlen(name) + 1);
	ipc_put_bytes(out, value->p, (size_t)n);
	return out->error == -EMSGSIZE ? -E2BIG : out->error;
}

static int read_extended(int file, struct buf *out)
{
	struct buf names = BUF_INIT(XATTR_LIST_MAX), value = BUF_INIT(XATTR_SIZE_MAX);
	int r = list_names(file, &names);
	for (size_t at = 0; !r && at < names.n; at += strlen(names.p + at) + 1)
		r = read_one(file, names.p + at, &value, out);
	buf_release(&names);
	buf_release(&value);
	return r;
}

int attributes_read(int file, struct attributes *ret)
{
	struct stat st;
	int flags = 0;
	if (fstat(file, &st) < 0)
		return -errno;
	if (ioctl(file, FS_IOC_GETFLAGS, &flags) < 0)
		flags = 0; /* a file system without any */
	ret->mode = st.st_mode & 07777;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	ret->flags = (uint32_t)flags & (FS_IMMUTABLE_FL | FS_APPEND_FL);
	ret->accessed = st.st_atim;
	ret->modified = st.st_mtim;
	buf_clear(&ret->extended);
	return read_extended(file, &ret->extended);
}

/* ---- applying ---- */

static bool next_extended(struct ipc_reader *r, const char **ret_name, const void **ret_value, size_t *ret_n)
{
	size_t name_n;
	if (!r->n)
		return false;
	*ret_name = ipc_get_bytes(r, XATTR_NAME_MAX + 1, &name_n);
	*ret_value = ipc_get_bytes(r, XATTR_SIZE_MAX, ret_n);
	return !r->error && name_n && !(*ret_name)[name_n - 1] && strlen(*ret_name) == name_n - 1;
}

static struct ipc_reader reader_of(const struct buf *b)
{
	return (struct ipc_reader){.p = (const unsigned char *)b->p, .n = b->n};
}

static bool has_extended(const struct attributes *a, const char *wanted)
{
	struct ipc_reader r = reader_of(&a->extended);
	const char *name;
	const void *value;
	size_t n;
	while (next_extended(&r, &name, &value, &n))
		if (strcmp(name, wanted) == 0)
			return true;
	return false;
}

/* A folder's default ACL has been given to the new file. Labels of security modules are theirs to give. */
static int remove_inherited(int file, const struct attributes *a)
{
	struct buf names = BUF_INIT(XATTR_LIST_MAX);
	int r = list_names(file, &names);
	for (size_t at = 0; !r && at < names.n; at += strlen(names.p + at) + 1) {
		const char *name = names.p + at;
		if (strncmp(name, "security.", 9) == 0 || has_extended(a, name))
			continue;
		if (fremovexattr(file, name) < 0 && errno != ENODATA)
			r = -errno;
	}
	buf_release(&names);
	return r;
}

static bool is_missing_here(int code)
{
	return code == -ENOTSUP || code == -EPERM || code == -EINVAL || code == -ENOSPC || code == -E2BIG;
}

static int set_extended(int file, const struct attributes *a, bool may_leave_out, const char **ret_missing)
{
	struct ipc_reader r = reader_of(&a->extended);
	const char *name;
	const void *value;
	size_t n;
	while (next_extended(&r, &name, &value, &n)) {
		if (fsetxattr(file, name, value, n, 0) == 0)
			continue;
		int k = -errno;
		*ret_missing = name;
		if (!may_leave_out || !is_missing_here(k))
			return k;
	}
	return 0;
}

/* The order counts: a new owner takes the set-id bits and capabilities away, a mode changes an ACL's mask as the ACL
 * changes the mode, and everything changes the times. */
int attributes_apply(int file, const struct attributes *a, bool may_leave_out, const char **ret_missing)
{
	const struct timespec times[2] = {a->accessed, a->modified};
	int r = 0;
	if (fchown(file, a->uid, a->gid) < 0) {
		r = -errno;
		*ret_missing = "owner";
		if (may_leave_out && is_missing_here(r))
			r = 0;
	}
	if (!r)
		r = remove_inherited(file, a);
	if (!r)
		r = set_extended(file, a, may_leave_out, ret_missing);
	if (!r && fchmod(file, a->mode) < 0) {
		r = -errno;
		*ret_missing = "mode";
		if (may_leave_out && is_missing_here(r))
			r = 0;
	}
	return !r && futimens(file, times) < 0 ? -errno : r;
}

/* ---- as fields ---- */

static void put_time(struct buf *m, struct timespec t)
{
	ipc_put_i64(m, t.tv_sec);
	ipc_put_u32(m, (uint32_t)t.tv_nsec);
}

static struct timespec get_time(struct ipc_reader *r)
{
	struct timespec t = {.tv_sec = ipc_get_i64(r)};
	uint32_t ns = ipc_get_u32(r);
	if (ns > 999999999)
		r->error = -EBADMSG;
	t.tv_nsec = r->error ? 0 : (long)ns;
	return t;
}

void attributes_put(struct buf *m, const struct attributes *a)
{
	ipc_put_u32(m, a->mode);
	ipc_put_u32(m, a->uid);
	ipc_put_u32(m, a->gid);
	ipc_put_u32(m, a->flags);
	put_time(m, a->accessed);
	put_time(m, a->modified);
	ipc_put_bytes(m, a->extended.p, a->extended.n);
}

void attributes_get(struct ipc_reader *r, struct attributes *ret)
{
	size_t n, value_n;
	const char *name;
	const void *value;
	ret->mode = ipc_get_u32(r);
	ret->uid = ipc_get_u32(r);
	ret->gid = ipc_get_u32(r);
	ret->flags = ipc_get_u32(r);
	ret->accessed = get_time(r);
	ret->modified = get_time(r);
	const void *extended = ipc_get_bytes(r, MAX_ATTRIBUTE_BYTES, &n);
	buf_clear(&ret->extended);
	if (ret->mode > 07777 || ret->flags & ~(uint32_t)(FS_IMMUTABLE_FL | FS_APPEND_FL) ||
	    buf_add(&ret->extended, extended, n))
		r->error = -EBADMSG;
	struct ipc_reader all = reader_of(&ret->extended);
	while (next_extended(&all, &name, &value, &value_n))
		;
	if (all.error || all.n)
		r->error = -EBADMSG;
}
