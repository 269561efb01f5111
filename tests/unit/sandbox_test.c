#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each trial runs in a child that has entered the sandbox; its exit code is the number of the line that was not so. */
#define SO(cond)                                                                                                       \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			dprintf(2, "# line %d: not so: %s (errno %d)\n", __LINE__, #cond, errno);                      \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static char dir[] = "/tmp/khien-sandbox-XXXXXX";

static int in_child(void (*trial)(void))
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		trial();
		_exit(0);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	return status;
}

static struct sandbox_plan whole_plan(void)
{
	static struct sandbox_path paths[1];
	paths[0] = (struct sandbox_path){.path = dir, .fd = -1, .access = SANDBOX_WRITE};
	return (struct sandbox_plan){.user = getuid() == 0 ? "nobody" : NULL,
	    .no_core = true,
	    .max_files = 64,
	    .landlock = true,
	    .paths = paths,
	    .n_paths = 1,
	    .seccomp = true,
	    .calls = SANDBOX_CALLS_FILES | SANDBOX_CALLS_CONNECT | SANDBOX_CALLS_THREADS};
}

static void enter(struct sandbox_report *report)
{
	struct sandbox_plan plan = whole_plan();
	SO(sandbox_enter(&plan, report) == 0);
}

static void *thread(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static void files_and_threads(void)
{
	struct sandbox_report report;
	enter(&report);
	char inside[64];
	snprintf(inside, sizeof inside, "%s/f", dir);
	int fd = open(inside, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	SO(fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && ftruncate(fd, 0) == 0);
	SO(unlink(inside) == 0);
	SO(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 &&
	    errno == EACCES); /* landlock: the mode alone would let us */
	SO(open("/dev/null", O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES);
	SO(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
	SO(socket(AF_ALG, SOCK_SEQPACKET, 0) < 0 && errno == EPERM); /* seccomp: anybody else may */
	int s = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	SO(s >= 0);
	if (report.landlock_abi >= 4)
		SO(bind(s, (struct sockaddr *)&a, sizeof a) < 0 && errno == EACCES);
	SO(listen(s, 1) < 0 && errno == EPERM);
	SO(fork() < 0 && errno == EPERM);
	pthread_t t;
	int ran = 0;
	SO(pthread_create(&t, NULL, thread, &ran) == 0 && pthread_join(t, NULL) == 0 && ran);
	struct rlimit l;
	SO(getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_max <= 64);
	SO(setrlimit(RLIMIT_NOFILE, &l) < 0 && errno == EPERM);
	SO(getuid() != 0 && geteuid() != 0);
}

static void all_in_force(void)
{
	struct sandbox_report report;
	enter(&report);
	for (int m = 0; m <= SANDBOX_LIMITS; m++) { /* the others are of a jail: jail_test.c */
		if (m == SANDBOX_USER && getuid() != 0 && report.outcome[m] == SANDBOX_NOT_ASKED)
			continue;
		dprintf(2, "# %s: %s\n", sandbox_mechanism_name(m), sandbox_outcome_name(report.outcome[m]));
		SO(report.outcome[m] == SANDBOX_IN_FORCE ||
		    (m == SANDBOX_LANDLOCK && report.outcome[m] == SANDBOX_IN_PART && report.landlock_abi < 6));
	}
}

static void becomes_root(void)
{
	struct sandbox_report report;
	enter(&report);
	setresuid(0, 0, 0);
}

static void runs_a_program(void)
{
	struct sandbox_report report;
	enter(&report);
	execl("/bin/true", "true", (char *)NULL);
}

static void without_files(void)
{
	struct sandbox_report report;
	struct sandbox_plan plan = {.seccomp = true};
	SO(sandbox_enter(&plan, &report) == 0);
	SO(report.outcome[SANDBOX_LANDLOCK] == SANDBOX_NOT_ASKED);
	SO(report.outcome[SANDBOX_USER] == SANDBOX_NOT_ASKED);
	SO(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EPERM);
	SO(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
}

static void nobody_of_that_name(void)
{
	struct sandbox_report report = {.landlock_abi = 99};
	struct sandbox_plan plan = {.user = "khien-nobody-has-this-name"};
	SO(sandbox_enter(&plan, &report) == -ENOENT);
	plan.user = "root";
	SO(getuid() != 0 || sandbox_enter(&plan, &report) == -EPERM);
	SO(report.landlock_abi == 99);
}

static void what_is_kept_works_and_the_rest_does_not(void **state)
{
	(void)state;
	assert_int_equal(in_child(files_and_threads), 0);
	assert_int_equal(in_child(without_files), 0);
}

static void each_mechanism_is_in_force(void **state)
{
	(void)state;
	assert_int_equal(in_child(all_in_force), 0);
}

static void what_nobody_calls_kills(void **state)
{
	(void)state;
	int status = in_child(becomes_root);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = in_child(runs_a_program);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void no_user_no_going_on(void **state)
{
	(void)state;
	assert_int_equal(in_child(nobody_of_that_name), 0);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	return getuid() == 0 ? chown(dir, 65534, 65534) : 0;
}

static int drop_folder(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_kept_works_and_the_rest_does_not),
	    cmocka_unit_test(each_mechanism_is_in_force),
	    cmocka_unit_test(what_nobody_calls_kills),
	    cmocka_unit_test(no_user_no_going_on),
	};
	return cmocka_run_group_tests_name("sandbox", tests, make_folder, drop_folder);
}
