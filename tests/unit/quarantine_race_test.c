/* Somebody who may write to the folders swaps names and links as fast as he can, while files are taken and given back.
 * What lies outside his folders, and what was not judged inside, is never touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_fixture.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 1000 };

static const char virus[] = "the virus", innocent[] = "innocent", outside[] = "outside";

struct stage {
	struct place place;
	char far[128]; /* outside the attacker's folder: what the links lead to */
	int far_fd;
	atomic_bool stop;
	atomic_int swaps;
};

/* a/ is a folder with the victim, b a link to the folder outside, in which files of the same names stand. */
static void *swap_folders(void *arg)
{
	struct stage *s = arg;
	while (!atomic_load(&s->stop))
		if (renameat2(s->place.files_fd, "a", s->place.files_fd, "b", RENAME_EXCHANGE) == 0)
			atomic_fetch_add(&s->swaps, 1);
	return NULL;
}

/* The file itself against a link to one outside, a hard link's name, and another file. */
static void *swap_files(void *arg)
{
	struct stage *s = arg;
	int fd = openat(s->place.files_fd, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; !atomic_load(&s->stop); i++) {
		static const char *const others[] = {"link", "innocent", "elsewhere"};
		if (renameat2(fd, "victim", fd, others[i % 3], RENAME_EXCHANGE) == 0)
			atomic_fetch_add(&s->swaps, 1);
	}
	close(fd);
	return NULL;
}

static void write_in(int folder, const char *name, const char *text)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void stage_make(struct stage *s)
{
	place_make(&s->place, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	place_open(&s->place, &act_disk_system);
	s->place.q->limits.items = 100000;
	snprintf(s->far, sizeof s->far, "%s/far", s->place.root);
	assert_int_equal(mkdir(s->far, 0755), 0);
	s->far_fd = open(s->far, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	write_in(s->far_fd, "victim", outside);
	write_in(s->far_fd, "innocent", outside);
	assert_int_equal(mkdirat(s->place.files_fd, "a", 0755), 0);
	assert_int_equal(symlinkat(s->far, s->place.files_fd, "b"), 0);
	atomic_store(&s->stop, false);
	atomic_store(&s->swaps, 0);
}

static void stage_remove(struct stage *s)
{
	close(s->far_fd);
	place_remove(&s->place);
}

static void assert_reads(int folder, const char *name, const char *text)
{
	char got[64] = "";
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof got - 1), (ssize_t)strlen(text));
	close(fd);
	assert_string_equal(got, text);
}

static void assert_outside_is_untouched(struct stage *s)
{
	assert_reads(s->far_fd, "victim", outside);
	assert_reads(s->far_fd, "innocent", outside);
	assert_int_equal(place_count(s->far, ""), 2);
}

static int take_open(struct place *p, int folder, const char *name, int fd, struct quarantine_item *ret)
{
	struct os_path at = {.form = PATH_BYTES, .n = 2, .raw = "/x", .display = "/x"};
	struct detection d = place_detection();
	return quarantine_take(p->q, folder, name, fd, &at, &d, ret, NULL);
}

/* Which of the two, "a" or "b", is the folder changes all the time; what is taken is what was opened. */
static void folders_are_swapped(void **state)
{
	(void)state;
	struct stage s;
	char path[160];
	pthread_t thread;
	int taken = 0, back = 0;
	stage_make(&s);
	snprintf(path, sizeof path, "%s/a/victim", s.place.files);
	int home = openat(s.place.files_fd, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(pthread_create(&thread, NULL, swap_folders, &s), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct quarantine_item item;
		const char *name;
		int folder;
		write_in(home, "victim", virus);
		int r = act_open_folder(path, &folder, &name);
		assert_true(r == 0 || r == -ELOOP);
		if (r)
			folder = dup(home);
		int fd = openat(folder, "victim", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		r = take_open(&s.place, folder, "victim", fd, &item);
		close(fd);
		close(folder);
		assert_int_equal(r, 0);
		assert_int_equal(faccessat(home, "victim", F_OK, AT_SYMLINK_NOFOLLOW), -1);
		taken++;
		r = quarantine_restore(s.place.q, item.id, path, 0, NULL);
		assert_true(r == 0 || r == -ELOOP || r == -EEXIST);
		back += r == 0;
		if (r == 0)
			assert_reads(home, "victim", virus);
		quarantine_delete(s.place.q, item.id, 0, NULL);
		unlinkat(home, "victim", 0);
		assert_outside_is_untouched(&s);
	}
	atomic_store(&s.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(taken, ROUNDS);
	assert_true(back > 0 && back < ROUNDS && atomic_load(&s.swaps) > ROUNDS); /* both outcomes were met */
	close(home);
	stage_remove(&s);
}

/* Each of the files that are not the victim is there after every round, under one of the names, with its content. */
static void assert_the_others_are_there(int home, bool with_victim)
{
	static const char *const names[] = {"victim", "innocent", "link", "elsewhere"};
	int innocents = 0, viruses = 0, links = 0, second = 0;
	for (size_t i = 0; i < 4; i++) {
		struct stat st;
		char got[64] = "";
		if (fstatat(home, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		links += S_ISLNK(st.st_mode);
		if (!S_ISREG(st.st_mode))
			continue;
		int fd = openat(home, names[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		ssize_t n = read(fd, got, sizeof got - 1);
		close(fd);
		innocents += n > 0 && strcmp(got, innocent) == 0;
		second += n > 0 && strcmp(got, "a second one") == 0;
		viruses += n > 0 && strcmp(got, virus) == 0;
	}
	assert_int_equal(innocents, 1);
	assert_int_equal(second, 1);
	assert_int_equal(links, 1);
	assert_int_equal(viruses, with_victim);
}

static void files_are_swapped(void **state)
{
	(void)state;
	struct stage s;
	int taken = 0, caught_not = 0;
	stage_make(&s);
	for (int i = 0; i < ROUNDS; i++) {
		struct quarantine_item item;
		pthread_t thread;
		int home = openat(s.place.files_fd, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		char target[160];
		snprintf(target, sizeof target, "%s/victim", s.far);
		write_in(home, "victim", virus);
		write_in(home, "innocent", innocent);
		write_in(home, "elsewhere", "a second one");
		assert_int_equal(symlinkat(target, home, "link"), 0);
		int fd = openat(home, "victim", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		atomic_store(&s.stop, false);
		assert_int_equal(pthread_create(&thread, NULL, swap_files, &s), 0);
		int r = take_open(&s.place, home, "victim", fd, &item);
		atomic_store(&s.stop, true);
		pthread_join(thread, NULL);
		close(fd);
		assert_true(r == 0 || r == -EAGAIN);
		taken += r == 0;
		caught_not += r != 0;
		assert_outside_is_untouched(&s);
		assert_the_others_are_there(home, r != 0);
		if (!r)
			assert_int_equal(quarantine_delete(s.place.q, item.id, 0, NULL), 0);
		static const char *const names[] = {"victim", "innocent", "link", "elsewhere"};
		for (size_t k = 0; k < 4; k++)
			unlinkat(home, names[k], 0);
		assert_int_equal(unlinkat(s.place.files_fd, "a", AT_REMOVEDIR), 0); /* nothing else was left in it */
		assert_int_equal(mkdirat(s.place.files_fd, "a", 0755), 0);
		close(home);
	}
	assert_true(taken > ROUNDS / 2);
	assert_true(atomic_load(&s.swaps) > ROUNDS);
	(void)caught_not;
	stage_remove(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(folders_are_swapped),
	    cmocka_unit_test(files_are_swapped),
	};
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("quarantine-race", tests, NULL, NULL);
}
