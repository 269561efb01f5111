#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_fixture.h"
#include "allow.h"
#include "clock.h"
#include "file.h"
#include "path_display.h"
#include "rnd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int make(void **state)
{
	struct place *p = malloc(sizeof *p);
	place_make(p, "/tmp");
	*state = p;
	return 0;
}

static int unmake(void **state)
{
	place_remove(*state);
	free(*state);
	return 0;
}

static struct allow_item entry(unsigned char first, int64_t until_us)
{
	return (struct allow_item){
	    .sha256 = {first, 7}, .until_us = until_us, .added_us = 5, .who = "root", .reason = "our own tool"};
}

static bool allowed(struct place *p, unsigned char first, int64_t now)
{
	struct buf b = BUF_INIT(MAX_ALLOW_FILE);
	uint8_t sha256[SHA256_BYTES] = {first, 7};
	struct allow_set set;
	assert_int_equal(allow_publish(p->files_fd, NULL, 0, NULL), 0);
	int r = file_read(p->files_fd, ALLOW_FILE_NAME, &b);
	assert_int_equal(r, 0);
	assert_int_equal(allow_set_read(&set, b.p, b.n), 0);
	bool so = allow_set_has(&set, sha256, now);
	buf_release(&b);
	return so;
}

static int check_entry(void *arg, const struct allow_item *item)
{
	int *n = arg;
	assert_string_equal(item->who, "root");
	assert_string_equal(item->reason, "our own tool");
	assert_int_equal(item->added_us, 5);
	++*n;
	return 0;
}

static int count(struct place *p)
{
	int n = 0;
	assert_int_equal(allow_list(p->files_fd, check_entry, &n, NULL), 0);
	return n;
}

static void what_was_added_is_allowed_until_its_end(void **state)
{
	struct place *p = *state;
	int64_t soon = clock_real_us() + 3600 * US_PER_S;
	assert_int_equal(count(p), 0);
	assert_int_equal(allow_open(p->files_fd), -ENOENT);
	for (int i = 200; i > 0; i -= 3) {
		struct allow_item item = entry((unsigned char)i, i % 2 ? TIME_END : soon);
		assert_int_equal(allow_add(p->files_fd, &item, NULL), 0);
	}
	assert_int_equal(count(p), 67);
	for (int i = 0; i < 256; i++) {
		bool there = i <= 200 && i % 3 == 2;
		assert_int_equal(allowed(p, (unsigned char)i, soon - 1), there);
		assert_int_equal(allowed(p, (unsigned char)i, soon), there && i % 2);
	}
	struct allow_item again = entry(200, TIME_END);
	assert_int_equal(allow_add(p->files_fd, &again, NULL), 0);
	assert_int_equal(count(p), 67);
	assert_true(allowed(p, 200, soon));
	assert_int_equal(allow_remove(p->files_fd, again.sha256, NULL), 0);
	assert_int_equal(allow_remove(p->files_fd, again.sha256, NULL), -ENOENT);
	assert_false(allowed(p, 200, 1));
	assert_int_equal(count(p), 66);
}

static void what_has_expired_is_dropped(void **state)
{
	struct place *p = *state;
	struct allow_item item = entry(1, clock_real_us() + 20000), other = entry(2, TIME_END);
	assert_int_equal(allow_add(p->files_fd, &item, NULL), 0);
	while (clock_real_us() < item.until_us)
		usleep(1000);
	assert_int_equal(count(p), 1);
	assert_int_equal(allow_add(p->files_fd, &other, NULL), 0);
	assert_int_equal(count(p), 1);
	assert_int_equal(allow_add(p->files_fd, &item, NULL), -EINVAL); /* its end is over */
}

static void an_entry_needs_a_reason(void **state)
{
	struct place *p = *state;
	char long_text[MAX_TEXT + 2];
	struct allow_item item = entry(1, TIME_END);
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = 0;
	item.reason = "";
	assert_int_equal(allow_add(p->files_fd, &item, NULL), -EINVAL);
	item.reason = long_text;
	assert_int_equal(allow_add(p->files_fd, &item, NULL), -EINVAL);
	item.reason = "\xff";
	assert_int_equal(allow_add(p->files_fd, &item, NULL), -EINVAL);
	item.reason = long_text + 1;
	assert_int_equal(allow_add(p->files_fd, &item, NULL), 0);
}

static void an_open_list_stays_what_it_was(void **state)
{
	struct place *p = *state;
	struct allow_item item = entry(1, TIME_END), other = entry(2, TIME_END);
	struct stat before, after;
	assert_int_equal(allow_add(p->files_fd, &item, NULL), 0);
	assert_int_equal(allow_publish(p->files_fd, NULL, 0, NULL), 0);
	int fd = allow_open(p->files_fd);
	assert_true(fd >= 0);
	fstat(fd, &before);
	assert_int_equal(allow_add(p->files_fd, &other, NULL), 0);
	assert_int_equal(allow_publish(p->files_fd, NULL, 0, NULL), 0);
	fstat(fd, &after);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	close(fd);
}

static void a_cut_file_allows_nothing(void **state)
{
	struct place *p = *state;
	struct buf b = BUF_INIT(MAX_ALLOW_FILE);
	struct allow_set set;
	for (int i = 1; i < 4; i++) {
		struct allow_item item = entry((unsigned char)i, TIME_END);
		assert_int_equal(allow_add(p->files_fd, &item, NULL), 0);
	}
	assert_int_equal(file_read(p->files_fd, ALLOW_OWN_NAME, &b), 0);
	for (size_t n = 0; n < b.n; n++) {
		char *part = malloc(n + 1); /* so that reading behind it is found */
		memcpy(part, b.p, n);
		part = realloc(part, n ? n : 1);
		assert_int_equal(allow_set_read(&set, part, n), -EBADMSG);
		assert_int_equal(set.n, 0);
		free(part);
	}
	char swapped[ALLOW_ENTRY];
	memcpy(swapped, b.p + ALLOW_HEADER, ALLOW_ENTRY);
	memcpy(b.p + ALLOW_HEADER, b.p + ALLOW_HEADER + ALLOW_ENTRY, ALLOW_ENTRY);
	memcpy(b.p + ALLOW_HEADER + ALLOW_ENTRY, swapped, ALLOW_ENTRY);
	assert_int_equal(allow_set_read(&set, b.p, b.n), -EBADMSG); /* not in order */
	assert_int_equal(truncate(place_path(p, ALLOW_OWN_NAME), (off_t)b.n - 1), 0);
	struct allow_item item = entry(9, TIME_END);
	assert_int_equal(allow_add(p->files_fd, &item, NULL), -EBADMSG); /* and nothing is lost by writing over it */
	buf_release(&b);
}

static int64_t inode(struct place *p)
{
	struct stat st;
	assert_int_equal(fstatat(p->files_fd, ALLOW_FILE_NAME, &st, 0), 0);
	return (int64_t)st.st_ino;
}

static bool in_file(struct place *p, unsigned char first, int64_t now)
{
	struct buf b = BUF_INIT(MAX_ALLOW_FILE);
	uint8_t sha256[SHA256_BYTES] = {first, 7};
	struct allow_set set;
	assert_int_equal(file_read(p->files_fd, ALLOW_FILE_NAME, &b), 0);
	assert_int_equal(allow_set_read(&set, b.p, b.n), 0);
	bool so = allow_set_has(&set, sha256, now);
	buf_release(&b);
	return so;
}

static void both_lists_count_and_the_later_end_wins(void **state)
{
	struct place *p = *state;
	int64_t soon = clock_real_us() + 3600 * US_PER_S;
	struct allow_item own[2] = {entry(1, soon), entry(5, TIME_END)};
	struct allow_item centre[3] = {entry(9, soon), entry(5, soon), entry(1, TIME_END)};
	for (int i = 0; i < 2; i++)
		assert_int_equal(allow_add(p->files_fd, &own[i], NULL), 0);
	assert_int_equal(allow_publish(p->files_fd, centre, 3, NULL), 0);
	assert_true(in_file(p, 1, soon) && in_file(p, 5, soon) && in_file(p, 9, soon - 1) && !in_file(p, 9, soon));
	int64_t was = inode(p);
	assert_int_equal(allow_publish(p->files_fd, centre, 3, NULL), 0);
	assert_int_equal(inode(p), was);
	assert_int_equal(allow_publish(p->files_fd, NULL, 0, NULL), 0); /* the centre allows nothing any more */
	assert_true(in_file(p, 1, soon - 1) && !in_file(p, 1, soon) && in_file(p, 5, soon) && !in_file(p, 9, 1));
	assert_int_equal(truncate(place_path(p, ALLOW_OWN_NAME), 20), 0);
	assert_int_equal(allow_publish(p->files_fd, centre, 1, NULL), -EBADMSG);
	assert_true(in_file(p, 9, 1) && !in_file(p, 5, 1));
}

static void two_at_once_lose_nothing(void **state)
{
	struct place *p = *state;
	pid_t pids[2];
	int status;
	for (int who = 0; who < 2; who++) {
		pids[who] = fork();
		assert_true(pids[who] >= 0);
		for (int i = 0; pids[who] == 0 && i < 20; i++) {
			struct allow_item item = entry((unsigned char)(2 * i + who), TIME_END);
			if (allow_add(p->files_fd, &item, NULL))
				_exit(1);
		}
		if (pids[who] == 0)
			_exit(0);
	}
	for (int who = 0; who < 2; who++) {
		assert_int_equal(waitpid(pids[who], &status, 0), pids[who]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count(p), 40);
}

/* ---- a path's form for people ---- */

static void a_path_cannot_play_tricks(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *display;
	} paths[] = {
	    {"/tmp/tệp thường.txt", "/tmp/tệp thường.txt"},
	    {"/a\nb\x1b[2J\x7f", "/a\\x0ab\\x1b[2J\\x7f"},
	    {"/\xff/é", "/\\xff/\\xc3\\xa9"},
	    {"/exe.\u202etxt", "/exe.\\xe2\\x80\\xaetxt"},
	    {"/\u200f\u2066x\u2028", "/\\xe2\\x80\\x8f\\xe2\\x81\\xa6x\\xe2\\x80\\xa8"},
	    {"/\xc2\x9b"
	     "31m",
	        "/\\xc2\\x9b31m"},
	};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct buf b = BUF_INIT(MAX_DISPLAY);
		assert_int_equal(path_display(&b, paths[i].raw, strlen(paths[i].raw)), 0);
		assert_string_equal(buf_str(&b), paths[i].display);
		buf_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)
	    TEST(what_was_added_is_allowed_until_its_end),
	    TEST(what_has_expired_is_dropped),
	    TEST(an_entry_needs_a_reason),
	    TEST(an_open_list_stays_what_it_was),
	    TEST(a_cut_file_allows_nothing),
	    TEST(both_lists_count_and_the_later_end_wins),
	    TEST(two_at_once_lose_nothing),
	    cmocka_unit_test(a_path_cannot_play_tricks),
#undef TEST
	};
	return cmocka_run_group_tests_name("allow", tests, NULL, NULL);
}
