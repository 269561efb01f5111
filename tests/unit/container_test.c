#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static int make(void **state)
{
	struct place *p = malloc(sizeof *p);
	place_make(p, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
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

/* One item of a file with a hole and an attribute; its container as a descriptor and its bytes. */
static int small_container(struct place *p, id16 *ret_id, unsigned char *bytes, size_t cap, size_t *ret_n)
{
	struct quarantine_item item;
	char name[ITEM_NAME];
	place_write(p, "virus", "begin", 5);
	assert_int_equal(setxattr(place_path(p, "virus"), "user.test", "value", 5, 0), 0);
	assert_int_equal(truncate(place_path(p, "virus"), 200000), 0);
	assert_int_equal(place_take(p, "virus", &item, NULL), 0);
	item_name(item.id, ITEM_TAKEN, name);
	int fd = openat(p->q->folder, name, O_RDWR | O_CLOEXEC);
	ssize_t n = pread(fd, bytes, cap, 0);
	assert_true(n > 0 && (size_t)n < cap);
	*ret_id = item.id;
	*ret_n = (size_t)n;
	return fd;
}

static int extract(struct place *p, int fd, id16 id)
{
	int out = open(p->root, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(out >= 0);
	int r = container_extract(&act_disk_system, fd, &p->q->keys, id, out);
	close(out);
	return r;
}

static void each_altered_byte_is_found(void **state)
{
	struct place *p = *state;
	unsigned char bytes[8192];
	size_t n;
	id16 id;
	int fd = small_container(p, &id, bytes, sizeof bytes, &n);
	assert_int_equal(extract(p, fd, id), 0);
	for (size_t i = 0; i < n; i++) {
		unsigned char other = bytes[i] ^ (unsigned char)(1 << i % 8);
		assert_int_equal(pwrite(fd, &other, 1, (off_t)i), 1);
		assert_int_equal(extract(p, fd, id), -EBADMSG);
		if (i % 16 == 0) /* the whole way as well: nothing appears in its place */
			assert_int_equal(quarantine_restore(p->q, id, NULL, 0, NULL), -EBADMSG);
		assert_int_equal(pwrite(fd, &bytes[i], 1, (off_t)i), 1);
	}
	assert_int_equal(place_count(p->files, ""), 0);
	assert_int_equal(quarantine_restore(p->q, id, NULL, 0, NULL), 0);
	close(fd);
}

static void each_cut_is_found(void **state)
{
	struct place *p = *state;
	unsigned char bytes[8192];
	size_t n;
	id16 id;
	int fd = small_container(p, &id, bytes, sizeof bytes, &n);
	for (size_t cut = 0; cut < n; cut++) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		assert_int_equal(extract(p, fd, id), -EBADMSG);
		assert_int_equal(pwrite(fd, bytes, n, 0), (ssize_t)n);
	}
	assert_int_equal(pwrite(fd, "", 1, (off_t)n), 1); /* a byte more */
	assert_int_equal(extract(p, fd, id), -EBADMSG);
	close(fd);
}

/* Pieces of another container, or of another installation, do not pass for its own. */
static void containers_are_not_mixed(void **state)
{
	struct place *p = *state;
	unsigned char bytes[2][8192];
	struct act_keys keys;
	size_t n[2];
	id16 id[2];
	int fd[2];
	for (int i = 0; i < 2; i++)
		fd[i] = small_container(p, &id[i], bytes[i], sizeof bytes[i], &n[i]);
	assert_int_equal(n[0], n[1]);
	assert_int_equal(extract(p, fd[0], id[1]), -EBADMSG);
	for (size_t at = 32; at < n[0]; at += 16) { /* the head of one, the rest of the other */
		assert_int_equal(pwrite(fd[0], bytes[0], at, 0), (ssize_t)at);
		assert_int_equal(pwrite(fd[0], bytes[1] + at, n[0] - at, (off_t)at), (ssize_t)(n[0] - at));
		assert_int_equal(extract(p, fd[0], id[0]), -EBADMSG);
		assert_int_equal(extract(p, fd[0], id[1]), -EBADMSG);
	}
	assert_int_equal(extract(p, fd[1], id[1]), 0);
	keys = p->q->keys;
	randombytes_buf(&p->q->keys, sizeof p->q->keys);
	assert_int_equal(extract(p, fd[1], id[1]), -EBADMSG);
	p->q->keys = keys;
	close(fd[0]);
	close(fd[1]);
}

/* ---- the index ---- */

static void assert_listed(struct place *p, const id16 *ids, size_t n)
{
	id16 now[8];
	assert_int_equal(place_ids(p, now, 8), n);
	assert_memory_equal(now, ids, n * sizeof *ids);
}

static void take_some(struct place *p, id16 *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct quarantine_item item;
		place_write(p, "virus", &i, sizeof i);
		assert_int_equal(place_take(p, "virus", &item, NULL), 0);
		ids[i] = item.id;
	}
}

static size_t read_index(struct place *p, unsigned char *bytes, size_t cap)
{
	int fd = openat(p->q->folder, "index", O_RDONLY | O_CLOEXEC);
	ssize_t n = pread(fd, bytes, cap, 0);
	close(fd);
	assert_true(n > 0 && (size_t)n < cap);
	return (size_t)n;
}

static void write_index(struct place *p, const unsigned char *bytes, size_t n)
{
	int fd = openat(p->q->folder, "index", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

static void an_index_cut_or_altered_anywhere_loses_nothing(void **state)
{
	struct place *p = *state;
	unsigned char bytes[8192];
	id16 ids[3];
	take_some(p, ids, 3);
	assert_listed(p, ids, 3);
	size_t n = read_index(p, bytes, sizeof bytes);
	for (size_t i = 0; i <= n; i++) {
		write_index(p, bytes, i);
		assert_listed(p, ids, 3);
	}
	for (size_t i = 0; i < n; i++) {
		bytes[i] ^= 0x40;
		write_index(p, bytes, n);
		assert_listed(p, ids, 3);
		bytes[i] ^= 0x40;
	}
	assert_int_equal(unlinkat(p->q->folder, "index", 0), 0);
	assert_listed(p, ids, 3);
}

/* An old index knows of items that are gone and not of new ones. */
static void an_old_index_is_not_believed(void **state)
{
	struct place *p = *state;
	unsigned char bytes[8192];
	id16 ids[4];
	take_some(p, ids, 2);
	assert_listed(p, ids, 2);
	size_t n = read_index(p, bytes, sizeof bytes);
	assert_int_equal(quarantine_delete(p->q, ids[0], 0, NULL), 0);
	take_some(p, ids + 2, 2);
	write_index(p, bytes, n);
	assert_listed(p, ids + 1, 3);
}

/* The index is read, not only written: with it a list opens no container. */
static int name_of(void *arg, const struct quarantine_item *item)
{
	memcpy(arg, item->detection.path.raw, item->detection.path.n);
	return item->damaged ? -EBADMSG : 0;
}

static void a_list_comes_from_the_index(void **state)
{
	struct place *p = *state;
	char path[512] = "";
	id16 id;
	take_some(p, &id, 1);
	assert_int_equal(quarantine_list(p->q, name_of, path, NULL), 0);
	struct item_list l;
	memset(path, 0, sizeof path);
	assert_int_equal(quarantine_list(p->q, name_of, path, NULL), 0);
	assert_string_equal(path, place_path(p, "virus"));
	assert_int_equal(item_list_load(p->q, &l), 0);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.n_read, 0);
	item_list_release(&l);
}

static int is_damaged(void *arg, const struct quarantine_item *item)
{
	*(bool *)arg = item->damaged && item->detection.path.n == 0 && item->stored_bytes > 0;
	return 0;
}

static void a_damaged_container_is_listed_and_can_be_deleted(void **state)
{
	struct place *p = *state;
	bool damaged = false;
	char name[ITEM_NAME];
	id16 id;
	take_some(p, &id, 1);
	item_name(id, ITEM_TAKEN, name);
	int fd = openat(p->q->folder, name, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 90), 1);
	close(fd);
	assert_int_equal(quarantine_list(p->q, is_damaged, &damaged, NULL), 0);
	assert_true(damaged);
	assert_int_equal(quarantine_restore(p->q, id, NULL, 0, NULL), -EBADMSG);
	assert_int_equal(quarantine_delete(p->q, id, 0, NULL), 0);
	assert_int_equal(place_ids(p, &id, 1), 0);
}

/* The index is right about the container that it saw; this is another one by now. */
static void a_container_that_changed_is_looked_at_again(void **state)
{
	struct place *p = *state;
	bool damaged = false;
	char name[ITEM_NAME];
	id16 id;
	take_some(p, &id, 1);
	assert_listed(p, &id, 1);
	item_name(id, ITEM_TAKEN, name);
	int fd = openat(p->q->folder, name, O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 90), 0);
	close(fd);
	assert_int_equal(quarantine_list(p->q, is_damaged, &damaged, NULL), 0);
	assert_true(damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)
	    TEST(each_altered_byte_is_found),
	    TEST(each_cut_is_found),
	    TEST(containers_are_not_mixed),
	    TEST(an_index_cut_or_altered_anywhere_loses_nothing),
	    TEST(an_old_index_is_not_believed),
	    TEST(a_list_comes_from_the_index),
	    TEST(a_damaged_container_is_listed_and_can_be_deleted),
	    TEST(a_container_that_changed_is_looked_at_again),
#undef TEST
	};
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("container", tests, NULL, NULL);
}
