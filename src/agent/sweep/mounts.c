#include "mounts.h"
#include "array.h"
#include "buf.h"
#include "file.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_TABLE = 16 << 20, MAX_FIELD = 4096 };

struct mount {
	int64_t id;
	char device[24]; /* "8:1" */
	char *root;      /* which folder of the file system is shown */
	struct mount_facts facts;
};

struct mounts {
	size_t n, cap;
	struct mount *v;
};

static const char *const pseudo[] = {"autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs",
    "devpts", "devtmpfs", "efivarfs", "fusectl", "fuse.lxcfs", "fuse.portal", "hugetlbfs", "mqueue", "nsfs", "proc",
    "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "sysfs", "tracefs"};
static const char *const network[] = {
    "9p", "afs", "ceph", "cifs", "davfs", "glusterfs", "nfs", "nfs4", "smb3", "smbfs", "virtiofs"};
static const char *const optical[] = {"iso9660", "udf"};

static bool is_one_of(const char *type, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(type, list[i]) == 0)
			return true;
	return false;
}
#define ONE_OF(type, list) is_one_of(type, list, sizeof list / sizeof *list)

static bool says_one(const char *path)
{
	char c = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, &c, 1);
	if (fd >= 0)
		close(fd);
	return n == 1 && c == '1';
}

/* A partition's own folder has no "removable"; the disk above it has. A disk behind USB may say 0 and is one all the
 * same: people carry it about. */
static bool is_removable(const char *sys, const char *device)
{
	char path[512], target[512];
	snprintf(path, sizeof path, "%s/dev/block/%s/removable", sys, device);
	if (says_one(path))
		return true;
	snprintf(path, sizeof path, "%s/dev/block/%s/../removable", sys, device);
	if (says_one(path))
		return true;
	snprintf(path, sizeof path, "%s/dev/block/%s", sys, device);
	ssize_t n = readlink(path, target, sizeof target - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	return strstr(target, "/usb") != NULL;
}

static struct mount_facts facts_of(const char *type, const char *sys, const char *device)
{
	struct mount_facts f = {MOUNT_LOCAL, DEVICE_FIXED, false};
	if (ONE_OF(type, pseudo))
		return (struct mount_facts){MOUNT_PSEUDO, DEVICE_UNKNOWN, false};
	if (ONE_OF(type, network) || (strncmp(type, "fuse", 4) == 0 && strcmp(type, "fuseblk") != 0))
		return (struct mount_facts){MOUNT_NETWORK, DEVICE_NETWORK, false};
	if (ONE_OF(type, optical))
		f.device = DEVICE_OPTICAL;
	else if (strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0)
		f.device = DEVICE_MEMORY;
	else if (is_removable(sys, device))
		f.device = DEVICE_REMOVABLE;
	return f;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": fields may hold \040 for a space, which matters to
 * nobody here: roots are compared as they are written. */
static int add_line(struct mounts *m, const char *sys, char *line)
{
	char *rest = line, *field[5];
	char *dash = strstr(line, " - ");
	struct mount v = {0};
	if (!dash)
		return -EBADMSG;
	char *type = dash + 3, *end = strchr(type, ' ');
	if (end)
		*end = 0;
	*dash = 0;
	for (size_t i = 0; i < 5; i++) {
		field[i] = strsep(&rest, " ");
		if (!field[i] || strlen(field[i]) >= MAX_FIELD)
			return -EBADMSG;
	}
	if (str_i64(field[0], 0, INT64_MAX, &v.id) || str_copy(v.device, sizeof v.device, field[2]))
		return -EBADMSG;
	int r = array_room(&m->v, &m->cap, m->n, sizeof *m->v);
	if (r)
		return r;
	v.root = strdup(field[3]);
	if (!v.root)
		return -ENOMEM;
	v.facts = facts_of(type, sys, v.device);
	m->v[m->n++] = v;
	return 0;
}

static bool is_within(const char *inner, const char *outer)
{
	size_t n = strlen(outer);
	if (strcmp(outer, "/") == 0)
		return true;
	return strncmp(inner, outer, n) == 0 && (inner[n] == 0 || inner[n] == '/');
}

/* Of two mounts that show the same, the elder one counts. */
static void mark_repeats(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->n && !m->v[i].facts.repeats; k++) {
			const struct mount *a = &m->v[i], *b = &m->v[k];
			if (i == k || strcmp(a->device, b->device) != 0 || !is_within(a->root, b->root))
				continue;
			m->v[i].facts.repeats = strcmp(a->root, b->root) != 0 || b->id < a->id;
		}
}

int mounts_read(const char *mountinfo, const char *sys, struct mounts **ret)
{
	struct buf b = BUF_INIT(MAX_TABLE);
	struct mounts *m = calloc(1, sizeof *m);
	int r = m ? file_read(AT_FDCWD, mountinfo, &b) : -ENOMEM;
	char *rest = b.p, *line;
	while (!r && rest && (line = strsep(&rest, "\n")))
		if (*line)
			r = add_line(m, sys, line);
	buf_release(&b);
	if (r) {
		mounts_free(m);
		return r;
	}
	mark_repeats(m);
	*ret = m;
	return 0;
}

void mounts_free(struct mounts *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].root);
	free(m->v);
	free(m);
}

int mounts_find(const struct mounts *m, uint64_t id, struct mount_facts *ret)
{
	for (size_t i = 0; i < m->n; i++)
		if ((uint64_t)m->v[i].id == id) {
			*ret = m->v[i].facts;
			return 0;
		}
	return -ENOENT;
}
