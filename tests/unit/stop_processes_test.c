#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_fixture.h"
#include "stop_processes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
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

static void copy_program(struct place *p, const char *from, const char *name)
{
	struct stat st;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = openat(p->files_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_int_equal(fstat(in, &st), 0);
	assert_int_equal(sendfile(out, in, NULL, (size_t)st.st_size), st.st_size);
	close(in);
	close(out);
}

/* Runs until it is stopped; comes back when it runs from its own file. */
static pid_t start(const char *program)
{
	int alive[2];
	char byte;
	assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execl(program, program, "1000", NULL);
		_exit(127);
	}
	close(alive[1]); /* the child's end closes by its exec */
	assert_int_equal(read(alive[0], &byte, 1), 0);
	close(alive[0]);
	return pid;
}

static int signal_of(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void all_that_run_from_it_are_stopped_and_no_others(void **state)
{
	struct place *p = *state;
	struct stop_result r;
	struct stat st;
	copy_program(p, "/bin/sleep", "malware");
	copy_program(p, "/bin/sleep", "innocent");
	assert_int_equal(linkat(p->files_fd, "malware", p->files_fd, "other-name", 0), 0);
	assert_int_equal(stat(place_path(p, "malware"), &st), 0);
	pid_t bad[3] = {
	    start(place_path(p, "malware")), start(place_path(p, "malware")), start(place_path(p, "other-name"))};
	pid_t good = start(place_path(p, "innocent"));
	unlink(place_path(p, "malware")); /* it is in quarantine by now */
	assert_int_equal(stop_processes(&st, &r), 0);
	assert_int_equal(r.stopped, 3);
	assert_int_equal(r.spared, 0);
	assert_int_equal(r.failed, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(signal_of(bad[i]), SIGKILL);
	assert_int_equal(waitpid(good, NULL, WNOHANG), 0);
	assert_int_equal(stop_processes(&st, &r), 0);
	assert_int_equal(r.stopped, 0);
	kill(good, SIGTERM);
	assert_int_equal(signal_of(good), SIGTERM);
}

static void we_do_not_stop_ourselves(void **state)
{
	(void)state;
	struct stop_result r;
	struct stat st;
	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_true(act_is_own_program(&st));
	assert_int_equal(stop_processes(&st, &r), 0);
	assert_int_equal(r.stopped, 0);
	assert_true(r.spared >= 1);
}

/* Another program of ours stands beside the one that runs: this test, copied with a "khien-…" beside it. */
static void nor_our_siblings(void **state)
{
	struct place *p = *state;
	char self[512];
	int status;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	self[n] = 0;
	copy_program(p, self, "khien-test");
	copy_program(p, "/bin/sleep", "khien-link");
	copy_program(p, "/bin/sleep", "other");
	pid_t sibling = start(place_path(p, "khien-link"));
	pid_t pid = fork();
	if (pid == 0) {
		execl(place_path(p, "khien-test"), "khien-test", "--spares", place_path(p, "khien-link"),
		    place_path(p, "other"), NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(waitpid(sibling, NULL, WNOHANG), 0);
	kill(sibling, SIGTERM);
	assert_int_equal(signal_of(sibling), SIGTERM);
}

static int spares(const char *sibling, const char *other)
{
	struct stop_result r = {0};
	struct stat a, b;
	if (stat(sibling, &a) || stat(other, &b) || stop_processes(&a, &r))
		return 1;
	return r.stopped == 0 && r.spared == 1 && act_is_own_program(&a) && !act_is_own_program(&b) ? 0 : 2;
}

/* Process 1 of a pid namespace of its own runs from the file. A child of it looks, and says on the pipe what it saw. */
static void process_1_is_spared(void **state)
{
	struct place *p = *state;
	char self[512], number[16], verdict = 0;
	int said[2];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	self[n] = 0;
	copy_program(p, "/bin/sleep", "init");
	copy_program(p, self, "tester");
	assert_int_equal(pipe(said), 0);
	snprintf(number, sizeof number, "%d", said[1]);
	pid_t pid = fork();
	if (pid == 0) {
		close(said[0]);
		execlp("unshare", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", place_path(p, "tester"),
		    "--be-init", place_path(p, "init"), number, NULL);
		_exit(127);
	}
	close(said[1]);
	n = read(said[0], &verdict, 1);
	close(said[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (n != 1)
		skip(); /* the machine does not let us have a namespace */
	assert_int_equal(verdict, 'y');
}

static char judge(const char *init)
{
	struct stop_result r = {0};
	struct stat wanted, now;
	if (stat(init, &wanted))
		return 's';
	do /* until process 1 has become it */
		if (stat("/proc/1/exe", &now))
			return 'e';
	while (now.st_ino != wanted.st_ino);
	pid_t victim = start(init);
	if (stop_processes(&wanted, &r) || r.stopped != 1 || r.spared != 1)
		return 'n';
	return signal_of(victim) == SIGKILL ? 'y' : 'k';
}

static int be_init(const char *init, const char *number)
{
	int said = (int)strtol(number, NULL, 10);
	if (getpid() != 1)
		return 2;
	pid_t pid = fork();
	if (pid == 0) {
		char verdict = judge(init);
		_exit(write(said, &verdict, 1) == 1 ? 0 : 1);
	}
	close(said);
	execl(init, init, "1000", NULL);
	return 3;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)
	    TEST(all_that_run_from_it_are_stopped_and_no_others),
	    TEST(we_do_not_stop_ourselves),
	    TEST(nor_our_siblings),
	    TEST(process_1_is_spared),
#undef TEST
	};
	if (argc == 4 && strcmp(argv[1], "--spares") == 0)
		return spares(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "--be-init") == 0)
		return be_init(argv[2], argv[3]);
	return cmocka_run_group_tests_name("stop-processes", tests, NULL, NULL);
}
