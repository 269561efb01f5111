#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_fixture.h"
#include "file.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct quarantine_limits limits = {
    .file_bytes = 64 << 20, .total_bytes = 256 << 20, .keep_free_bytes = 0, .items = 1000};

void place_make(struct place *p, const char *below)
{
	*p = (struct place){.files_fd = -1};
	snprintf(p->root, sizeof p->root, "%s/khien-act-XXXXXX", below);
	assert_non_null(mkdtemp(p->root));
	snprintf(p->quarantine, sizeof p->quarantine, "%s/quarantine", p->root);
	snprintf(p->files, sizeof p->files, "%s/files", p->root);
	assert_int_equal(mkdir(p->files, 0755), 0);
	p->files_fd = open(p->files, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->files_fd >= 0);
}

void place_open(struct place *p, const struct act_disk *disk)
{
	struct err e = {0};
	int r = quarantine_open_on(disk, p->quarantine, &limits, &p->q, &e);
	if (r)
		fail_msg("%s", e.text);
}

void place_close(struct place *p)
{
	quarantine_close(p->q);
	p->q = NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)kind;
	(void)at;
	if (S_ISREG(st->st_mode)) {
		int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW), none = 0;
		if (fd >= 0) {
			ioctl(fd, FS_IOC_SETFLAGS, &none);
			close(fd);
		}
	}
	return remove(path);
}

void place_remove(struct place *p)
{
	place_close(p);
	close(p->files_fd);
	nftw(p->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *place_path(const struct place *p, const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", p->files, name);
	return path;
}

void place_write(const struct place *p, const char *name, const void *bytes, size_t n)
{
	int fd = openat(p->files_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, bytes, n), 0);
	close(fd);
}

bool place_has(const struct place *p, const char *name)
{
	struct stat st;
	return fstatat(p->files_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

size_t place_count(const char *folder, const char *ending)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	size_t n = 0;
	assert_non_null(d);
	while ((entry = readdir(d))) {
		size_t all = strlen(entry->d_name), end = strlen(ending);
		n += all >= end && strcmp(entry->d_name + all - end, ending) == 0 && entry->d_name[all - 1] != '.';
	}
	closedir(d);
	return n;
}

struct detection place_detection(void)
{
	return (struct detection){.engine = "clamav", .name = "Win.Test.EICAR", .type = "test", .device = DEVICE_FIXED};
}

int place_take(struct place *p, const char *name, struct quarantine_item *ret, struct err *e)
{
	const char *path = place_path(p, name);
	struct os_path at = {.form = PATH_BYTES, .n = strlen(path), .raw = path, .display = path};
	struct detection d = place_detection();
	int fd = openat(p->files_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = quarantine_take(p->q, p->files_fd, name, fd, &at, &d, ret, e);
	close(fd);
	return r;
}

void snapshot_take(struct snapshot *s, const char *path)
{
	struct attributes a = ATTRIBUTES_INIT;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &s->st), 0);
	assert_int_equal(attributes_read(fd, &a), 0);
	assert_int_equal(content_digest(fd, s->digest), 0);
	s->extended = a.extended;
	close(fd);
}

void snapshot_assert_same(const struct snapshot *a, const struct snapshot *b)
{
	assert_int_equal(a->st.st_size, b->st.st_size);
	assert_int_equal(a->st.st_mode, b->st.st_mode);
	assert_int_equal(a->st.st_uid, b->st.st_uid);
	assert_int_equal(a->st.st_gid, b->st.st_gid);
	assert_int_equal(a->st.st_mtim.tv_sec, b->st.st_mtim.tv_sec);
	assert_int_equal(a->st.st_mtim.tv_nsec, b->st.st_mtim.tv_nsec);
	assert_memory_equal(a->digest, b->digest, sizeof a->digest);
	assert_int_equal(a->extended.n, b->extended.n);
	if (a->extended.n)
		assert_memory_equal(a->extended.p, b->extended.p, a->extended.n);
}

void snapshot_release(struct snapshot *s)
{
	buf_release(&s->extended);
}

struct ids {
	id16 *ids;
	size_t n, max;
};

static int add_id(void *arg, const struct quarantine_item *item)
{
	struct ids *l = arg;
	if (l->n < l->max)
		l->ids[l->n] = item->id;
	l->n++;
	return 0;
}

size_t place_ids(struct place *p, id16 *ids, size_t max)
{
	struct ids l = {.ids = ids, .max = max};
	struct err e = {0};
	assert_int_equal(quarantine_list(p->q, add_id, &l, &e), 0);
	return l.n;
}
