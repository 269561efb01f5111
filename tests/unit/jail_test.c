/* The jail as khien-scan's workers have it, tried from inside: each trial is a process under the very same plan. Run as
 * root they become nobody first, as the template becomes khien-scan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "refuse_calls.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MEMORY = 256 << 20, ROOT = 16 << 20, NOBODY = 65534, KEPT_FILE = 3, REPORT_PIPE = 4 };

#define SO(cond)                                                                                                       \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			dprintf(2, "# line %d: not so: %s (errno %d)\n", __LINE__, #cond, errno);                      \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

struct trial {
	void (*run)(void);
	int landlock_abi; /* 0: the kernel's */
	const struct refused_call *refused;
	int n_refused;
	bool stay_root;
};

struct outcome {
	int status;
	bool reported;
	struct sandbox_report report;
};

static const int keep[] = {0, 1, 2, KEPT_FILE, REPORT_PIPE};

static void jailed(const struct trial *t, struct sandbox_plan *plan)
{
	struct sandbox_report report;
	SO(sandbox_enter(plan, &report) == 0);
	SO(write(REPORT_PIPE, &report, sizeof report) == sizeof report);
	t->run();
	_exit(0);
}

/* Between the test and the trial: takes away what is to be missing, becomes nobody, as the template does. */
static void template(const struct trial *t, int report_pipe)
{
	struct sandbox_plan plan;
	int status, file = open("/etc/hostname", O_RDONLY);
	SO(file >= 0 || (file = open("/etc/passwd", O_RDONLY)) >= 0);
	SO(dup2(report_pipe, 64) == 64 && dup2(file, KEPT_FILE) == KEPT_FILE && dup2(64, REPORT_PIPE) == REPORT_PIPE);
	SO(!t->n_refused || refuse_calls(t->refused, t->n_refused) == 0);
	if (getuid() == 0 && !t->stay_root)
		SO(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
	sandbox_jail_plan(&plan, keep, sizeof keep / sizeof *keep, MEMORY, ROOT);
	plan.max_landlock_abi = t->landlock_abi;
	pid_t pid = sandbox_fork(&plan);
	SO(pid >= 0);
	if (pid == 0)
		jailed(t, &plan);
	SO(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

static struct outcome run(const struct trial *t)
{
	struct outcome o = {0};
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		template(t, fds[1]);
	}
	close(fds[1]);
	o.reported = read(fds[0], &o.report, sizeof o.report) == sizeof o.report;
	close(fds[0]);
	assert_true(waitpid(pid, &o.status, 0) == pid);
	return o;
}

static bool was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* ---- what must work ---- */

static void works(void)
{
	char text[16] = "";
	struct stat st;
	SO(pread(KEPT_FILE, text, sizeof text, 0) > 0);
	SO(mkdir("/tmp", 0700) == 0);
	int fd = open("/tmp/unpacked", O_CREAT | O_RDWR | O_EXCL, 0600);
	SO(fd >= 0 && write(fd, "x", 1) == 1 && fstat(fd, &st) == 0 && st.st_size == 1 && close(fd) == 0);
	SO(rename("/tmp/unpacked", "/tmp/other") == 0 && unlink("/tmp/other") == 0 && rmdir("/tmp") == 0);
	void *p = malloc(8 << 20);
	SO(p);
	memset(p, 1, 8 << 20);
	free(p);
}

/* ---- what must not ---- */

static void opens(void)
{
	static const char *const paths[] = {"/etc/passwd", "/proc/self/mem", "/proc/1/environ", "/dev/null", "/sys",
	    "/bin/sh", "../../../etc/passwd", "/proc/self/fd/3"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		SO(open(paths[i], O_RDONLY) < 0 && (errno == ENOENT || errno == EACCES));
	SO(open("/", O_RDONLY | O_DIRECTORY) >= 0); /* our own: empty */
}

static void sends_signals_by_file(void)
{
	fcntl(KEPT_FILE, F_SETOWN, 1);
}

static void makes_a_link(void)
{
	symlink("/etc", "/e");
}

static void opens_by_openat2(void)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = {O_RDONLY, 0, 0};
	syscall(437 /* openat2 */, AT_FDCWD, "/etc/passwd", &how, sizeof how);
}

static void connects(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void connects_to_unix(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void makes_a_pair(void)
{
	int fds[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static void traces(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void reads_others_memory(void)
{
	struct iovec none = {0};
	process_vm_readv(getppid(), &none, 1, &none, 1, 0);
}

static void forks(void)
{
	fork();
}

static void makes_a_thread(void)
{
	syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, NULL, NULL, NULL, NULL);
}

static void executes(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

static void executes_the_kept_file(void)
{
	char *none[] = {NULL};
	fexecve(KEPT_FILE, none, none);
}

static void mounts(void)
{
	mount("x", "/", "tmpfs", 0, NULL);
}

static void unmounts(void)
{
	umount2("/", MNT_DETACH);
}

static void changes_root(void)
{
	if (chroot("/") == 0)
		_exit(1);
}

static void kills(void)
{
	kill(-1, SIGKILL);
}

static void kills_its_parent(void)
{
	kill(getppid(), SIGKILL);
}

static void kills_by_tgkill(void)
{
	syscall(SYS_tgkill, 77777, 77777, SIGKILL);
}

static void makes_a_namespace(void)
{
	unshare(CLONE_NEWUSER);
}

static void asks_for_a_pidfd(void)
{
	syscall(434 /* pidfd_open */, 1, 0);
}

static void becomes_somebody(void)
{
	if (setresuid(0, 0, 0) == 0)
		_exit(1);
}

static void asks_for_async_io(void)
{
	syscall(425 /* io_uring_setup */, 1, NULL);
}

static void raises_its_limits(void)
{
	struct rlimit l = {1, 1};
	setrlimit(RLIMIT_CPU, &l);
}

static void makes_a_device(void)
{
	mknod("/d", S_IFCHR | 0600, 0x103);
}

/* Refused, and the process lives on. */
static void runs_what_it_wrote(void)
{
	SO(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SO(p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 && errno == EPERM);
}

static void fills_its_folder(void)
{
	static char block[1 << 20];
	int fd = open("/big", O_CREAT | O_WRONLY, 0600), written = 0;
	SO(fd >= 0);
	while (written < 64 && write(fd, block, sizeof block) == sizeof block)
		written++;
	SO(written <= ROOT >> 20 && (errno == ENOSPC || errno == EFBIG));
}

static void takes_all_memory(void)
{
	void *p = mmap(NULL, MEMORY + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SO(p == MAP_FAILED && errno == ENOMEM);
	p = mmap(NULL, MEMORY / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SO(p != MAP_FAILED);
}

static void opens_too_many(void)
{
	int n = 0;
	while (n < 1000 && dup(KEPT_FILE) >= 0)
		n++;
	SO(n < 70 && errno == EMFILE);
}

static void sees_itself(void)
{
	SO(getpid() == 1);
	SO(getuid() != 0 && geteuid() != 0);
	SO(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	for (int fd = REPORT_PIPE + 1; fd < 300; fd++)
		SO(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
	SO(fcntl(0, F_GETFD) >= 0 && fcntl(KEPT_FILE, F_GETFD) >= 0);
}

static void (*const deadly[])(void) = {opens_by_openat2, makes_a_link, sends_signals_by_file, connects,
    connects_to_unix, makes_a_pair, traces, reads_others_memory, forks, makes_a_thread, executes,
    executes_the_kept_file, mounts, unmounts, changes_root, kills, kills_its_parent, kills_by_tgkill, makes_a_namespace,
    asks_for_a_pidfd, becomes_somebody, asks_for_async_io, makes_a_device, raises_its_limits};

static void (*const harmless[])(void) = {
    works, opens, runs_what_it_wrote, fills_its_folder, takes_all_memory, opens_too_many, sees_itself};

static void all_is_denied(int landlock_abi)
{
	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
		struct outcome o = run(&(struct trial){.run = harmless[i], .landlock_abi = landlock_abi});
		if (o.status)
			print_message("# harmless %zu: status %x\n", i, o.status);
		assert_int_equal(o.status, 0);
	}
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) {
		struct outcome o = run(&(struct trial){.run = deadly[i], .landlock_abi = landlock_abi});
		if (!was_killed(o.status))
			print_message("# deadly %zu: status %x\n", i, o.status);
		assert_true(o.reported && was_killed(o.status));
	}
}

static void a_worker_can_do_its_work_and_nothing_else(void **state)
{
	(void)state;
	all_is_denied(0);
}

static void also_with_an_old_landlock(void **state)
{
	(void)state;
	all_is_denied(2);
	struct outcome o = run(&(struct trial){.run = works, .landlock_abi = 2});
	assert_int_equal(o.report.landlock_abi, 2);
	assert_int_equal(o.report.outcome[SANDBOX_LANDLOCK], SANDBOX_IN_PART);
}

/* What landlock refuses by itself, where everything else is missing. */
static void opens_what_landlock_refuses(void)
{
	SO(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	SO(open("/tmp/khien-jail-test", O_CREAT | O_WRONLY, 0600) < 0 && errno == EACCES);
}

static void landlock_alone_keeps_files_shut(void **state)
{
	(void)state;
	static const struct refused_call none[] = {{"unshare", EPERM}, {"clone", EPERM, WHEN_HAS, 0, CLONE_NEWUSER}};
	if (getuid() != 0)
		skip();
	for (int abi = 0; abi <= 2; abi++) {
		struct outcome o = run(&(struct trial){
		    .run = opens_what_landlock_refuses, .landlock_abi = abi, .refused = none, .n_refused = 2});
		assert_int_equal(o.status, 0);
		assert_int_equal(o.report.outcome[SANDBOX_EMPTY_ROOT], SANDBOX_MISSING);
		assert_int_not_equal(o.report.outcome[SANDBOX_LANDLOCK], SANDBOX_MISSING);
	}
}

static void nothing(void)
{
}

static bool is_asked_of_a_jail(int m)
{
	return m != SANDBOX_USER; /* the template has become somebody before */
}

static void every_mechanism_is_there(void **state)
{
	(void)state;
	struct outcome o = run(&(struct trial){.run = nothing});
	assert_int_equal(o.status, 0);
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++) {
		bool so = o.report.outcome[m] == SANDBOX_IN_FORCE ||
		          (m == SANDBOX_LANDLOCK && o.report.outcome[m] == SANDBOX_IN_PART);
		if (is_asked_of_a_jail(m) && !so)
			print_message(
			    "# %s: %s\n", sandbox_mechanism_name(m), sandbox_outcome_name(o.report.outcome[m]));
		assert_true(so || !is_asked_of_a_jail(m));
	}
}

enum {
	NAMESPACES_BUT_USER = 1 << SANDBOX_PID_NS | 1 << SANDBOX_MOUNT_NS | 1 << SANDBOX_NET_NS | 1 << SANDBOX_IPC_NS |
	                      1 << SANDBOX_UTS_NS | 1 << SANDBOX_CGROUP_NS
};

/* What is taken away, what must be named as missing; all else must be in force. */
static const struct taken {
	struct refused_call refused[2];
	unsigned missing;
	bool stay_root;
} taken[] = {
    {{{"clone", EPERM, WHEN_HAS, 0, CLONE_NEWUSER}},
        1 << SANDBOX_USER_NS | NAMESPACES_BUT_USER | 1 << SANDBOX_EMPTY_ROOT},
    {{{"clone", ENOSPC, WHEN_HAS, 0, CLONE_NEWUSER}}, 1 << SANDBOX_USER_NS, true}, /* root needs none for the others */
    {{{"clone", EINVAL, WHEN_HAS, 0, CLONE_NEWPID}}, 1 << SANDBOX_PID_NS},
    {{{"unshare", ENOSPC, WHEN_IS, 0, CLONE_NEWNS}}, 1 << SANDBOX_MOUNT_NS | 1 << SANDBOX_EMPTY_ROOT},
    {{{"unshare", EINVAL, WHEN_IS, 0, CLONE_NEWNET}}, 1 << SANDBOX_NET_NS},
    {{{"unshare", EINVAL, WHEN_IS, 0, CLONE_NEWIPC}}, 1 << SANDBOX_IPC_NS},
    {{{"unshare", EINVAL, WHEN_IS, 0, CLONE_NEWUTS}}, 1 << SANDBOX_UTS_NS},
    {{{"unshare", EINVAL, WHEN_IS, 0, CLONE_NEWCGROUP}}, 1 << SANDBOX_CGROUP_NS},
    {{{"pivot_root", EPERM}}, 1 << SANDBOX_EMPTY_ROOT}, {{{"mount", EPERM}}, 1 << SANDBOX_EMPTY_ROOT},
    {{{"landlock_create_ruleset", ENOSYS}}, 1 << SANDBOX_LANDLOCK},
    {{{"landlock_restrict_self", EPERM}}, 1 << SANDBOX_LANDLOCK},
    {{{"seccomp", EINVAL}, {"prctl", EINVAL, WHEN_IS, 0, PR_SET_SECCOMP}}, 1 << SANDBOX_SECCOMP},
    {{{"prctl", EPERM, WHEN_IS, 0, PR_SET_NO_NEW_PRIVS}},
        1 << SANDBOX_NO_NEW_PRIVS | 1 << SANDBOX_SECCOMP | 1 << SANDBOX_LANDLOCK}, /* these two rest on it */
    {{{"prlimit64", EPERM, WHEN_IS, 1, RLIMIT_CORE}}, 1 << SANDBOX_NO_CORE},
    {{{"prlimit64", EPERM, WHEN_IS, 1, RLIMIT_AS}}, 1 << SANDBOX_LIMITS},
    {{{"prlimit64", EPERM, WHEN_IS, 1, RLIMIT_NPROC}}, 1 << SANDBOX_LIMITS},
    {{{"capset", EPERM}}, 1 << SANDBOX_CAPABILITIES},
    {{{"close_range", ENOSYS}, {"close", EIO, WHEN_IS, 0, 64}}, 1 << SANDBOX_DESCRIPTORS},
    {{{"close_range", ENOSYS}}, 0}, /* an older kernel has another way */
};

static void check_named(size_t i, const struct outcome *o, bool root)
{
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++) {
		bool missing = taken[i].missing & 1U << m;
		enum sandbox_outcome is = o->report.outcome[m];
		bool so = missing ? is == SANDBOX_MISSING : is == SANDBOX_IN_FORCE || is == SANDBOX_IN_PART;
		if (!so && is_asked_of_a_jail(m))
			print_message("# row %zu%s, %s: %s\n", i, root ? " as root" : "", sandbox_mechanism_name(m),
			    sandbox_outcome_name(is));
		assert_true(so || !is_asked_of_a_jail(m));
	}
}

static void what_is_taken_away_is_named_and_the_rest_holds(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip(); /* the kernel can be made to refuse by root only */
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		struct outcome o = run(&(struct trial){.run = nothing,
		    .refused = taken[i].refused,
		    .n_refused = taken[i].refused[1].name ? 2 : 1,
		    .stay_root = taken[i].stay_root});
		assert_int_equal(o.status, 0);
		assert_true(o.reported);
		check_named(i, &o, taken[i].stay_root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_mechanism_is_there),
	    cmocka_unit_test(a_worker_can_do_its_work_and_nothing_else),
	    cmocka_unit_test(also_with_an_old_landlock),
	    cmocka_unit_test(landlock_alone_keeps_files_shut),
	    cmocka_unit_test(what_is_taken_away_is_named_and_the_rest_holds),
	};
	return cmocka_run_group_tests_name("jail", tests, NULL, NULL);
}
