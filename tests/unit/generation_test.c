/* Generations in a folder: made, tried, turned to; refused, and then nothing has changed. */
#include "generation.h"
#include "image_fixture.h"
#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MD5 "b1946ac92492d2347c6235b4d2611184"

static char top[64];
static int top_fd, signatures;
static int notes;

static int set_up(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/khien-generation-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	notes = 0;
	return mkdirat(top_fd, "signatures", 0755) || mkdirat(top_fd, "in", 0755) ||
	       (signatures = openat(top_fd, "signatures", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	char *const argv[] = {"rm", "-rf", top, NULL};
	int status;
	close(signatures);
	close(top_fd);
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) != pid || status;
}

static void put(const char *path, const char *text)
{
	int fd = openat(top_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void count_note(void *arg, const char *path, const char *why)
{
	(void)arg;
	(void)path;
	assert_non_null(why);
	notes++;
}

static int answer;
static int check(void *arg, int folder, const char *name, struct err *e)
{
	char path[64];
	(void)arg;
	snprintf(path, sizeof(path), "%s/image", name);
	assert_int_equal(faccessat(folder, path, R_OK, 0), 0);
	return answer ? err_set(e, answer, "not these") : 0;
}

static int load(const char *name, struct generation *g, struct err *e)
{
	char path[128];
	const char *paths[] = {path};
	struct generation_load l = {
	    .folder = signatures, .paths = paths, .n_paths = 1, .today = 40000, .note = count_note, .check = check};
	snprintf(path, sizeof(path), "%s/%s", top, name);
	*e = (struct err){0};
	return generation_load(&l, g, e);
}

static void check_current(int64_t number, uint64_t digests)
{
	struct manifest m = {0};
	struct image *i = NULL;
	struct err e = {0};
	assert_int_equal(generation_current(signatures), number);
	int folder = openat(signatures, "current", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(manifest_read(&m, folder, &e), 0);
	assert_int_equal(m.generation, number);
	assert_int_equal(manifest_check(&m, folder, &e), 0);
	int fd = openat(folder, "image", O_RDONLY | O_CLOEXEC);
	assert_int_equal(image_open(fd, &i), 0);
	assert_int_equal(image_generation(i), number);
	assert_int_equal(image_day(i), m.day);
	assert_int_equal(image_count(i, IMAGE_DENY, IMAGE_MD5), digests);
	image_close(i);
	close(fd);
	close(folder);
	manifest_release(&m);
}

static void fill(void)
{
	put("in/a.hdb", MD5 ":1:One\n" MD5 ":2:Two\n");
	put("in/a.ign2", "Two\n");
	put("in/a.ndb", "Three:0:*:61626364656667\n");
	put("in/r.yar", "rule r { condition: false }\n");
	put("in/COPYING", "words\n");
	put("in/x.cvd", "packed\n");
}

static void test_load(void **state)
{
	(void)state;
	struct generation g;
	struct err e;
	fill();
	answer = 0;
	assert_int_equal(generation_current(signatures), 0);
	assert_int_equal(load("in", &g, &e), 0);
	assert_int_equal(g.number, 1);
	assert_int_equal(g.entries, 1);
	assert_int_equal(g.body_files, 2); /* .ndb and .ign2 */
	assert_int_equal(g.yara_files, 1);
	assert_int_equal(notes, 2);
	check_current(1, 1);
	assert_int_equal(faccessat(signatures, "1/body/a.ndb", R_OK, 0), 0);
	assert_int_equal(faccessat(signatures, "1/body/a.hdb", R_OK, 0), -1);
	assert_int_equal(load("in", &g, &e), 0);
	assert_int_equal(load("in", &g, &e), 0);
	check_current(3, 1);
	assert_int_equal(faccessat(signatures, "1", F_OK, 0), -1);
	assert_int_equal(faccessat(signatures, "2", F_OK, 0), 0);
}

/* Each way to fail leaves what was, and nothing else. */
static void test_refused(void **state)
{
	(void)state;
	struct generation g;
	struct err e;
	fill();
	answer = 0;
	assert_int_equal(load("in", &g, &e), 0);
	answer = -EINVAL;
	assert_int_equal(load("in", &g, &e), -EINVAL);
	assert_string_equal(e.text, "not these");
	answer = 0;
	put("in/b.hsb", MD5 ":1:Fine\nnonsense\n");
	assert_int_equal(load("in", &g, &e), -EINVAL);
	assert_non_null(strstr(e.text, "in/b.hsb:2: "));
	assert_int_equal(load("in/x.cvd", &g, &e), -EINVAL); /* named, so refused and not left out */
	assert_int_equal(load("in/COPYING", &g, &e), -EINVAL);
	assert_int_equal(load("nothing", &g, &e), -ENOENT);
	int fd = openat(signatures, ".lock", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(load("in/a.hdb", &g, &e), -EBUSY);
	close(fd);
	check_current(1, 1);
	assert_int_equal(faccessat(signatures, ".new", F_OK, 0), -1);
	assert_int_equal(faccessat(signatures, "2", F_OK, 0), -1);
}

static void test_killed_before(void **state)
{
	(void)state;
	struct generation g;
	struct err e;
	fill();
	answer = 0;
	assert_int_equal(mkdirat(signatures, ".new", 0755), 0);
	put("signatures/.new/image", "half");
	assert_int_equal(symlinkat("9", signatures, ".current"), 0);
	assert_int_equal(load("in", &g, &e), 0);
	check_current(1, 1);
}

/* Any byte of any file altered, and a file that is gone: told. MANIFEST itself is whole or refused. */
static void test_altered(void **state)
{
	(void)state;
	struct generation g;
	struct manifest m = {0};
	struct err e = {0};
	fill();
	answer = 0;
	assert_int_equal(load("in", &g, &e), 0);
	int folder = openat(signatures, "current", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(manifest_read(&m, folder, &e), 0);
	assert_int_equal(m.n, 4);
	for (size_t i = 0; i < m.n; i++) {
		char byte;
		int fd = openat(folder, m.files[i].name, O_RDWR | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, m.files[i].size - 1), 1);
		byte = (char)(byte ^ 1);
		assert_int_equal(pwrite(fd, &byte, 1, m.files[i].size - 1), 1);
		e = (struct err){0};
		assert_int_equal(manifest_check(&m, folder, &e), -EBADMSG);
		assert_non_null(strstr(e.text, m.files[i].name));
		byte = (char)(byte ^ 1);
		assert_int_equal(pwrite(fd, &byte, 1, m.files[i].size - 1), 1);
		close(fd);
		assert_int_equal(manifest_check(&m, folder, &e), 0);
	}
	assert_int_equal(unlinkat(folder, "body/a.ndb", 0), 0);
	assert_int_equal(manifest_check(&m, folder, &e), -EBADMSG);
	manifest_release(&m);
	static const char *const bad[] = {"", "khien-signatures 2\ngeneration 1\n", "khien-signatures 1\n",
	    "khien-signatures 1\ngeneration 0\n", "khien-signatures 1\ngeneration 1\nday 2026-13-01\n",
	    "khien-signatures 1\ngeneration 1\nfile 00 1 image\n", "khien-signatures 1\ngeneration 1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put("signatures/1/MANIFEST", bad[i]);
		assert_true(manifest_read(&m, folder, &e) < 0);
	}
	close(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_load, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_killed_before, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_altered, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
