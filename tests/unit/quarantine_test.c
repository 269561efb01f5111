#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_fixture.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

static int make(void **state)
{
	struct place *p = malloc(sizeof *p);
	place_make(p, "/tmp");
	place_open(p, &act_disk_system);
	*state = p;
	return 0;
}

static int unmake(void **state)
{
	place_remove(*state);
	free(*state);
	return 0;
}

/* user::rw-, user:1234:r-x, group::r--, mask::rwx, other::--- */
static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 5, 0, 0xd2, 4, 0, 0, 4, 0, 4, 0,
    255, 255, 255, 255, 16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255};
/* cap_net_raw=ep */
static const unsigned char capability[] = {1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static void dress(const char *path)
{
	const struct timespec times[2] = {{1600000000, 111111111}, {1500000000, 123456789}};
	char long_value[3000];
	memset(long_value, 'x', sizeof long_value);
	assert_int_equal(chown(path, 4321, 5432), 0);
	assert_int_equal(setxattr(path, "user.khien.long", long_value, sizeof long_value, 0), 0);
	assert_int_equal(setxattr(path, "user.empty", "", 0, 0), 0);
	assert_int_equal(setxattr(path, "trusted.test", "\0\1\2", 3, 0), 0);
	assert_int_equal(setxattr(path, "system.posix_acl_access", acl, sizeof acl, 0), 0);
	assert_int_equal(setxattr(path, "security.capability", capability, sizeof capability, 0), 0);
	assert_int_equal(chmod(path, 06751), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* Taken, gone, listed; given back as it was. */
static void goes_and_comes_back(struct place *p, const char *name)
{
	struct snapshot before, after;
	struct quarantine_item item;
	struct err e = {0};
	struct stat st;
	id16 ids[4];
	snapshot_take(&before, place_path(p, name));
	int r = place_take(p, name, &item, &e);
	if (r)
		fail_msg("%d %s", r, e.text);
	assert_false(place_has(p, name));
	assert_int_equal(item.size, before.st.st_size);
	assert_memory_equal(item.detection.sha256, before.digest, SHA256_BYTES);
	assert_int_equal(place_ids(p, ids, 4), 1);
	r = quarantine_restore(p->q, item.id, NULL, 0, &e);
	if (r)
		fail_msg("%d %s", r, e.text);
	snapshot_take(&after, place_path(p, name));
	snapshot_assert_same(&before, &after);
	assert_int_equal(stat(place_path(p, name), &st), 0);
	assert_true(st.st_blocks <= before.st.st_blocks + 16); /* a hole stays a hole */
	assert_int_equal(place_ids(p, ids, 4), 0);
	assert_int_equal(place_count(p->files, ""), 1);
	snapshot_release(&before);
	snapshot_release(&after);
}

static void a_file_comes_back_bit_for_bit(void **state)
{
	struct place *p = *state;
	if (geteuid())
		skip();
	place_write(p, "virus", "X5O!", 4);
	dress(place_path(p, "virus"));
	goes_and_comes_back(p, "virus");
}

static void an_empty_file_comes_back(void **state)
{
	place_write(*state, "empty", "", 0);
	goes_and_comes_back(*state, "empty");
}

static void sizes_around_the_pieces_come_back(void **state)
{
	static const size_t sizes[] = {1, CONTAINER_PIECE - 1, CONTAINER_PIECE, CONTAINER_PIECE + 1, 5000001};
	struct place *p = *state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char *bytes = malloc(sizes[i]);
		randombytes_buf(bytes, sizes[i]);
		place_write(p, "large", bytes, sizes[i]);
		free(bytes);
		goes_and_comes_back(p, "large");
	}
}

static void write_at(struct place *p, const char *name, int64_t at, const char *text, int64_t size)
{
	int fd = openat(p->files_fd, name, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static void a_sparse_file_comes_back_sparse(void **state)
{
	struct place *p = *state;
	write_at(p, "sparse", 20 << 20, "middle", 50 << 20);
	write_at(p, "sparse", 0, "beginning", 50 << 20);
	goes_and_comes_back(p, "sparse");
	assert_int_equal(place_count(p->quarantine, ".taken-restored"), 1);
	write_at(p, "hole", 0, "", 3 << 20);
	unlink(place_path(p, "sparse"));
	goes_and_comes_back(p, "hole");
}

static void an_immutable_file_comes_back_immutable(void **state)
{
	struct place *p = *state;
	int flags = 0, immutable = FS_IMMUTABLE_FL;
	place_write(p, "virus", "stubborn", 8);
	int fd = open(place_path(p, "virus"), O_RDONLY | O_CLOEXEC);
	if (ioctl(fd, FS_IOC_SETFLAGS, &immutable) < 0) {
		close(fd);
		skip();
	}
	close(fd);
	goes_and_comes_back(p, "virus");
	fd = open(place_path(p, "virus"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
	close(fd);
	assert_true(flags & FS_IMMUTABLE_FL);
}

/* A folder's default ACL is given to new files, but this one had none. */
static void a_folders_default_acl_does_not_stick(void **state)
{
	struct place *p = *state;
	place_write(p, "virus", "plain", 5);
	if (setxattr(p->files, "system.posix_acl_default", acl, sizeof acl, 0) < 0)
		skip();
	goes_and_comes_back(p, "virus");
}

static void names_that_are_no_text_come_back(void **state)
{
	place_write(*state, "\xff\n\x1b[2J", "x", 1);
	goes_and_comes_back(*state, "\xff\n\x1b[2J");
}

static struct quarantine_item taken(struct place *p, const char *name, const char *content)
{
	struct quarantine_item item;
	struct err e = {0};
	place_write(p, name, content, strlen(content));
	int r = place_take(p, name, &item, &e);
	if (r)
		fail_msg("%d %s", r, e.text);
	return item;
}

static void nothing_is_restored_over_another_file(void **state)
{
	struct place *p = *state;
	struct quarantine_item item = taken(p, "virus", "old");
	struct snapshot before, after;
	struct err e = {0};
	place_write(p, "virus", "new", 3);
	snapshot_take(&before, place_path(p, "virus"));
	assert_int_equal(quarantine_restore(p->q, item.id, NULL, 0, &e), -EEXIST);
	snapshot_take(&after, place_path(p, "virus"));
	snapshot_assert_same(&before, &after);
	assert_int_equal(before.st.st_ino, after.st.st_ino);
	e = (struct err){0};
	assert_int_equal(quarantine_restore(p->q, item.id, place_path(p, "elsewhere"), 0, &e), 0);
	assert_true(place_has(p, "elsewhere"));
	snapshot_release(&before);
	snapshot_release(&after);
}

static void a_restore_that_was_done_is_done(void **state)
{
	struct place *p = *state;
	struct quarantine_item item = taken(p, "virus", "the same");
	struct err e = {0};
	id16 ids[1];
	place_write(p, "virus", "the same", 8);
	assert_int_equal(quarantine_restore(p->q, item.id, NULL, 0, &e), 0);
	assert_int_equal(place_ids(p, ids, 1), 0);
}

static void targets_that_cannot_be_are_refused(void **state)
{
	struct place *p = *state;
	struct quarantine_item item = taken(p, "virus", "x");
	static const struct {
		const char *path;
		int code;
	} targets[] = {{"relative", -EINVAL}, {"/tmp/", -EINVAL}, {"/tmp/..", -EINVAL}, {"/tmp/.", -EINVAL},
	    {"", -EINVAL}, {"/no such folder/x", -ENOENT}, {"/proc/self/root/x", -ELOOP}};
	char link_path[256];
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		assert_int_equal(quarantine_restore(p->q, item.id, targets[i].path, 0, NULL), targets[i].code);
	assert_int_equal(symlinkat("/tmp", p->files_fd, "link"), 0);
	snprintf(link_path, sizeof link_path, "%s/link/x", p->files);
	assert_int_equal(quarantine_restore(p->q, item.id, link_path, 0, NULL), -ELOOP);
	snprintf(link_path, sizeof link_path, "%s/link", p->files);
	assert_int_equal(quarantine_restore(p->q, item.id, link_path, 0, NULL), -EEXIST);
	assert_int_equal(quarantine_restore(p->q, item.id, NULL, 0, NULL), 0);
}

/* ---- what is told ---- */

struct told {
	size_t n;
	struct {
		enum event_kind kind;
		enum detection_action what;
		enum quarantine_change change;
		uint8_t id[8];
		int64_t at_us, task_id;
		char path[512];
	} v[8];
};

static int note(void *arg, const struct event *e, id16 item, enum detection_action what)
{
	struct told *t = arg;
	bool leaves = e->kind == EVENT_QUARANTINE;
	const struct os_path *path = leaves ? &e->quarantine.path : &e->detection.path;
	assert_string_equal(leaves ? e->quarantine.name : e->detection.name, "Win.Test.EICAR");
	assert_memory_equal(leaves ? &e->quarantine.item : &e->detection.item, &item, sizeof item);
	assert_true(leaves || (e->detection.has_item && e->detection.action == ACTION_QUARANTINED));
	t->v[t->n].kind = e->kind;
	t->v[t->n].what = what;
	t->v[t->n].change = leaves ? e->quarantine.change : 0;
	t->v[t->n].at_us = e->at_us;
	t->v[t->n].task_id = leaves ? e->quarantine.task_id : 0;
	memcpy(t->v[t->n].path, path->raw, path->n);
	memcpy(t->v[t->n++].id, e->id, 8);
	return 0;
}

static struct told outstanding(struct place *p)
{
	struct told t = {0};
	assert_int_equal(quarantine_outstanding(p->q, note, &t, NULL), 0);
	return t;
}

static void everything_is_told_once(void **state)
{
	struct place *p = *state;
	struct quarantine_item item = taken(p, "virus", "x");
	struct told first = outstanding(p), again = outstanding(p);
	assert_int_equal(first.n, 1);
	assert_int_equal(first.v[0].what, ACTION_QUARANTINED);
	assert_int_equal(first.v[0].kind, EVENT_DETECTION);
	assert_int_equal(first.v[0].at_us, item.taken_us);
	assert_string_equal(first.v[0].path, place_path(p, "virus"));
	assert_memory_equal(&first, &again, sizeof first);
	/* given back before anybody was told that it had been taken: both are told, one after the other */
	assert_int_equal(quarantine_restore(p->q, item.id, place_path(p, "elsewhere"), 77, NULL), 0);
	again = outstanding(p);
	assert_int_equal(again.n, 1);
	assert_memory_equal(&first, &again, sizeof first);
	assert_int_equal(quarantine_told(p->q, item.id, ACTION_RESTORED, NULL), -ENOENT);
	assert_int_equal(quarantine_told(p->q, item.id, ACTION_QUARANTINED, NULL), 0);
	again = outstanding(p);
	assert_int_equal(again.n, 1);
	assert_int_equal(again.v[0].kind, EVENT_QUARANTINE);
	assert_int_equal(again.v[0].change, QUARANTINE_RESTORED);
	assert_int_equal(again.v[0].task_id, 77);
	assert_string_equal(again.v[0].path, place_path(p, "elsewhere"));
	assert_memory_not_equal(first.v[0].id, again.v[0].id, 8);
	assert_int_equal(quarantine_told(p->q, item.id, ACTION_RESTORED, NULL), 0);
	assert_int_equal(outstanding(p).n, 0);
	assert_true(place_has(p, "elsewhere"));
	assert_int_equal(place_count(p->quarantine, ""), 2); /* key, lock */
}

static void deleted_is_gone(void **state)
{
	struct place *p = *state;
	struct quarantine_item item = taken(p, "virus", "content that must go content that must go");
	char name[ITEM_NAME], path[256];
	struct stat st;
	id16 ids[1];
	int64_t before = 0;
	item_name(item.id, ITEM_TAKEN, name);
	snprintf(path, sizeof path, "%s/%s", p->quarantine, name);
	assert_int_equal(stat(path, &st), 0);
	before = st.st_size;
	assert_int_equal(quarantine_delete(p->q, item.id, 0, NULL), 0);
	assert_int_equal(place_ids(p, ids, 1), 0);
	assert_int_equal(quarantine_restore(p->q, item.id, NULL, 0, NULL), -ENOENT);
	assert_int_equal(quarantine_delete(p->q, item.id, 0, NULL), -ENOENT);
	item_name(item.id, ITEM_TAKEN_DELETED, name);
	snprintf(path, sizeof path, "%s/%s", p->quarantine, name);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < before - 40);
	assert_int_equal(quarantine_told(p->q, item.id, ACTION_QUARANTINED, NULL), 0);
	struct told t = outstanding(p);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.v[0].change, QUARANTINE_DELETED);
	assert_int_equal(quarantine_told(p->q, item.id, ACTION_DELETED, NULL), 0);
	assert_int_equal(quarantine_told(p->q, item.id, ACTION_DELETED, NULL), -ENOENT);
	assert_int_equal(place_count(p->quarantine, ""), 2); /* key, lock */
}

/* ---- what is refused ---- */

static void what_does_not_fit_stays(void **state)
{
	struct place *p = *state;
	struct quarantine_item item;
	place_write(p, "virus", "0123456789", 10);
	p->q->limits.file_bytes = 9;
	assert_int_equal(place_take(p, "virus", &item, NULL), -EFBIG);
	p->q->limits.file_bytes = 10;
	p->q->limits.total_bytes = 100;
	assert_int_equal(place_take(p, "virus", &item, NULL), -EDQUOT);
	p->q->limits.total_bytes = 1 << 20;
	p->q->limits.items = 0;
	assert_int_equal(place_take(p, "virus", &item, NULL), -EDQUOT);
	p->q->limits.items = 1;
	p->q->limits.keep_free_bytes = INT64_MAX / 2;
	assert_int_equal(place_take(p, "virus", &item, NULL), -ENOSPC);
	assert_true(place_has(p, "virus"));
	assert_int_equal(place_count(p->quarantine, ""), 2); /* key, lock */
	p->q->limits.keep_free_bytes = 0;
	assert_int_equal(place_take(p, "virus", &item, NULL), 0);
	place_write(p, "next", "x", 1);
	assert_int_equal(place_take(p, "next", &item, NULL), -EDQUOT);
	assert_true(place_has(p, "next"));
}

static void only_what_was_judged_is_taken(void **state)
{
	struct place *p = *state;
	struct quarantine_item item;
	struct detection d = place_detection();
	struct os_path at = {.form = PATH_BYTES, .n = 2, .raw = "/x", .display = "/x"};
	place_write(p, "virus", "judged", 6);
	int fd = openat(p->files_fd, "virus", O_RDONLY | O_CLOEXEC);
	d.has_sha256 = true; /* of something else */
	assert_int_equal(quarantine_take(p->q, p->files_fd, "virus", fd, &at, &d, &item, NULL), -ESTALE);
	content_digest(fd, d.sha256);
	/* another file has taken the name, the judged one has none */
	place_write(p, "innocent", "innocent", 8);
	assert_int_equal(renameat(p->files_fd, "innocent", p->files_fd, "virus"), 0);
	assert_int_equal(quarantine_take(p->q, p->files_fd, "virus", fd, &at, &d, &item, NULL), -ENOENT);
	assert_true(place_has(p, "virus"));
	close(fd);
	assert_int_equal(place_count(p->quarantine, ""), 2);
}

/* Somebody who has it open writes to it after it was copied. */
static int written_fd;

static int write_then_rename(void *context, int folder, const char *from, const char *to)
{
	if (strncmp(to, ".khien-", 7) == 0)
		assert_int_equal(pwrite(written_fd, "changed", 7, 0), 7);
	return act_disk_system.rename(context, folder, from, to);
}

static void what_is_written_to_meanwhile_stays(void **state)
{
	struct place *p = *state;
	struct act_disk disk = act_disk_system;
	const struct timespec long_ago[2] = {{1500000000, 0}, {1500000000, 0}};
	struct quarantine_item item;
	char got[16] = "";
	place_write(p, "virus", "judged", 6);
	assert_int_equal(utimensat(p->files_fd, "virus", long_ago, 0), 0);
	written_fd = openat(p->files_fd, "virus", O_RDWR | O_CLOEXEC);
	disk.rename = write_then_rename;
	p->q->disk = &disk;
	assert_int_equal(place_take(p, "virus", &item, NULL), -ESTALE);
	assert_true(place_has(p, "virus"));
	assert_int_equal(place_count(p->files, ""), 1);
	assert_int_equal(pread(written_fd, got, 15, 0), 7);
	assert_string_equal(got, "changed");
	assert_int_equal(place_count(p->quarantine, ""), 2); /* key, lock */
	close(written_fd);
}

static void a_file_that_was_renamed_is_followed(void **state)
{
	struct place *p = *state;
	struct quarantine_item item;
	struct detection d = place_detection();
	struct os_path at = {.form = PATH_BYTES, .n = 2, .raw = "/x", .display = "/x"};
	place_write(p, "virus", "on the run", 10);
	int fd = openat(p->files_fd, "virus", O_RDONLY | O_CLOEXEC);
	mkdirat(p->files_fd, "deep", 0700);
	assert_int_equal(renameat(p->files_fd, "virus", p->files_fd, "deep/fugitive"), 0);
	place_write(p, "virus", "innocent", 8);
	assert_int_equal(quarantine_take(p->q, p->files_fd, "virus", fd, &at, &d, &item, NULL), 0);
	assert_true(place_has(p, "virus"));
	assert_false(place_has(p, "deep/fugitive"));
	assert_int_equal(quarantine_restore(p->q, item.id, NULL, 0, NULL), 0);
	assert_true(place_has(p, "deep/fugitive"));
	close(fd);
}

static void hard_links_keep_their_content_and_are_told(void **state)
{
	struct place *p = *state;
	struct snapshot before, after;
	struct quarantine_item item;
	id16 ids[4];
	place_write(p, "virus", "linked", 6);
	assert_int_equal(linkat(p->files_fd, "virus", p->files_fd, "other", 0), 0);
	snapshot_take(&before, place_path(p, "other"));
	assert_int_equal(place_take(p, "virus", &item, NULL), 0);
	assert_int_equal(item.links, 2);
	assert_false(place_has(p, "virus"));
	snapshot_take(&after, place_path(p, "other"));
	snapshot_assert_same(&before, &after);
	assert_int_equal(after.st.st_nlink, 1);
	/* the scan comes to the other name as well */
	assert_int_equal(place_take(p, "other", &item, NULL), 0);
	assert_int_equal(item.links, 1);
	assert_int_equal(place_ids(p, ids, 4), 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(quarantine_restore(p->q, ids[i], NULL, 0, NULL), 0);
	assert_true(place_has(p, "virus") && place_has(p, "other"));
	snapshot_release(&before);
	snapshot_release(&after);
}

static void what_is_no_file_is_refused(void **state)
{
	struct place *p = *state;
	struct quarantine_item item;
	assert_int_equal(mkfifoat(p->files_fd, "fifo", 0600), 0);
	assert_int_equal(place_take(p, "fifo", &item, NULL), -EINVAL);
	assert_int_equal(mkdirat(p->files_fd, "folder", 0700), 0);
	assert_int_equal(place_take(p, "folder", &item, NULL), -EINVAL);
}

static void our_own_are_refused(void **state)
{
	struct place *p = *state;
	struct detection d = place_detection();
	struct os_path at = {.form = PATH_BYTES, .n = 2, .raw = "/x", .display = "/x"};
	struct quarantine_item item;
	const char *name;
	char self[512];
	int folder;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	assert_true(n > 0);
	self[n] = 0;
	assert_int_equal(act_open_folder(self, &folder, &name), 0);
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	assert_int_equal(quarantine_take(p->q, folder, name, fd, &at, &d, &item, NULL), -EPERM);
	close(fd);
	close(folder);
	fd = openat(p->q->folder, "key", O_RDONLY | O_CLOEXEC);
	assert_int_equal(quarantine_take(p->q, p->q->folder, "key", fd, &at, &d, &item, NULL), -EPERM);
	close(fd);
}

/* ---- the key ---- */

static void nothing_is_made_up_for_a_lost_key(void **state)
{
	struct place *p = *state;
	struct quarantine_item item = taken(p, "virus", "x");
	struct quarantine *other = NULL;
	char key[160], aside[160];
	snprintf(key, sizeof key, "%s/key", p->quarantine);
	snprintf(aside, sizeof aside, "%s/key.aside", p->quarantine);
	assert_int_equal(rename(key, aside), 0);
	assert_int_equal(quarantine_open(p->quarantine, &QUARANTINE_LIMITS_STANDARD, &other, NULL), -ENOKEY);
	assert_int_equal(rename(aside, key), 0);
	assert_int_equal(truncate(key, 31), 0);
	assert_int_equal(quarantine_open(p->quarantine, &QUARANTINE_LIMITS_STANDARD, &other, NULL), -ENOKEY);
	assert_int_equal(quarantine_restore(p->q, item.id, NULL, 0, NULL), 0); /* who has it open goes on */
}

static void a_folder_that_others_may_enter_is_refused(void **state)
{
	struct place *p = *state;
	struct quarantine *other = NULL;
	assert_int_equal(chmod(p->quarantine, 0750), 0);
	assert_int_equal(quarantine_open(p->quarantine, &QUARANTINE_LIMITS_STANDARD, &other, NULL), -EPERM);
}

static void a_folder_that_was_closed_behind_our_back_is_noticed(void **state)
{
	struct place *p = *state;
	struct quarantine_item item;
	place_write(p, "virus", "x", 1);
	int was = dup(p->q->folder);
	assert_int_equal(mkdirat(p->files_fd, "other", 0700), 0);
	int other = openat(p->files_fd, "other", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(dup2(other, p->q->folder), p->q->folder);
	assert_int_equal(place_take(p, "virus", &item, NULL), -EBADF);
	assert_true(place_has(p, "virus"));
	assert_int_equal(dup2(was, p->q->folder), p->q->folder);
	assert_int_equal(place_take(p, "virus", &item, NULL), 0);
	close(other);
	close(was);
}

static void the_content_is_not_readable_in_the_container(void **state)
{
	struct place *p = *state;
	struct quarantine_item item = taken(p, "virus", "the very words of the virus, the very words of the virus");
	char name[ITEM_NAME], bytes[4096];
	item_name(item.id, ITEM_TAKEN, name);
	int fd = openat(p->q->folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof bytes);
	close(fd);
	assert_true(n > 0 && n < (ssize_t)sizeof bytes);
	assert_null(memmem(bytes, (size_t)n, "very words", 10));
	assert_null(memmem(bytes, (size_t)n, "virus", 5)); /* nor its name or place */
	assert_null(memmem(bytes, (size_t)n, "EICAR", 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)
	    TEST(a_file_comes_back_bit_for_bit),
	    TEST(an_empty_file_comes_back),
	    TEST(sizes_around_the_pieces_come_back),
	    TEST(a_sparse_file_comes_back_sparse),
	    TEST(an_immutable_file_comes_back_immutable),
	    TEST(a_folders_default_acl_does_not_stick),
	    TEST(names_that_are_no_text_come_back),
	    TEST(nothing_is_restored_over_another_file),
	    TEST(a_restore_that_was_done_is_done),
	    TEST(targets_that_cannot_be_are_refused),
	    TEST(deleted_is_gone),
	    TEST(everything_is_told_once),
	    TEST(what_does_not_fit_stays),
	    TEST(only_what_was_judged_is_taken),
	    TEST(what_is_written_to_meanwhile_stays),
	    TEST(a_file_that_was_renamed_is_followed),
	    TEST(hard_links_keep_their_content_and_are_told),
	    TEST(what_is_no_file_is_refused),
	    TEST(our_own_are_refused),
	    TEST(nothing_is_made_up_for_a_lost_key),
	    TEST(a_folder_that_others_may_enter_is_refused),
	    TEST(a_folder_that_was_closed_behind_our_back_is_noticed),
	    TEST(the_content_is_not_readable_in_the_container),
#undef TEST
	};
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("quarantine", tests, NULL, NULL);
}
