#include "sandbox_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What a process does that has its descriptors handed to it and unpacks into a folder of its own. Nothing makes a
 * socket, a process or executable memory; nothing signals anybody else. */
static const char *const jail_calls[] = {"read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "close",
    "lseek", "_llseek", "open", "openat", "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64", "newfstatat",
    "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2", "mkdir",
    "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "chmod", "fchmod", "fchmodat",
    "ftruncate", "ftruncate64", "fallocate", "getdents", "getdents64", "fadvise64", "umask", "getcwd", "dup", "dup2",
    "dup3", "munmap", "mremap", "madvise", "brk", "futex", "futex_time64", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "sigaltstack", "clock_gettime", "clock_gettime64", "clock_getres", "gettimeofday", "time",
    "getrandom", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "exit", "exit_group",
    "restart_syscall", "sched_yield", "sched_getaffinity", "getrlimit", "getrusage", "times", "sysinfo", "uname",
    "set_robust_list", "rseq", "poll", "ppoll", "ppoll_time64", "sendto", "sendmsg", "recvfrom", "recvmsg", "shutdown"};

/* Tried by libraries that live well without; an error costs less than the process. */
static const struct {
	const char *name;
	int error;
} refused[] = {
    {"personality", EPERM}, /* our own trial */
    {"clone3", ENOSYS},
    {"readlink", ENOENT},
    {"readlinkat", ENOENT},
    {"ioctl", ENOTTY},
    {"utimensat", EPERM},
    {"utime", EPERM},
    {"fchown", EPERM},
    {"chown", EPERM},
    {"membarrier", ENOSYS},
    {"sched_setaffinity", EPERM},
};

static int add(scmp_filter_ctx f, const char *name, uint32_t action)
{
	int call = seccomp_syscall_resolve_name(name);
	if (call == __NR_SCMP_ERROR)
		return 0; /* this processor does not have it */
	int r = seccomp_rule_add(f, action, call, 0);
	return r == -EEXIST || r == -EDOM ? 0 : r;
}

static int add_lists(scmp_filter_ctx f)
{
	int r = 0;
	for (size_t i = 0; !r && i < sizeof jail_calls / sizeof *jail_calls; i++)
		r = add(f, jail_calls[i], SCMP_ACT_ALLOW);
	for (size_t i = 0; !r && i < sizeof refused / sizeof *refused; i++)
		r = add(f, refused[i].name, SCMP_ACT_ERRNO((uint32_t)refused[i].error));
	return r;
}

/* Both ways of the condition, so that executable memory is refused and not deadly: a library that would like to
 * compile patterns goes on without. */
static int add_memory(scmp_filter_ctx f)
{
	static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};
	int r = 0;
	for (size_t i = 0; !r && i < sizeof calls / sizeof *calls; i++) {
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 1, SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		if (!r)
			r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), calls[i], 1,
			    SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
		if (r == -EDOM)
			r = 0;
	}
	return r;
}

static int add_narrow(scmp_filter_ctx f)
{
	static const int fcntls[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK};
	static const int prctls[] = {PR_GET_SECCOMP, PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, 0x53564d41};
	int r = 0;
	for (size_t i = 0; !r && i < sizeof fcntls / sizeof *fcntls; i++)
		r = seccomp_rule_add(
		    f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_CMP(1, SCMP_CMP_EQ, (scmp_datum_t)fcntls[i]));
	for (size_t i = 0; !r && i < sizeof prctls / sizeof *prctls; i++)
		r = seccomp_rule_add(
		    f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)prctls[i]));
	if (!r) /* reading a limit, not setting one */
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_CMP(2, SCMP_CMP_EQ, 0));
	if (!r) /* abort */
		r = seccomp_rule_add(
		    f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return r;
}

static int load(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!f)
		return -ENOMEM;
	int r = add_lists(f);
	if (!r)
		r = add_memory(f);
	if (!r)
		r = add_narrow(f);
	if (!r)
		r = seccomp_load(f);
	seccomp_release(f);
	return r;
}

void sandbox_seccomp_jail(struct sandbox_report *report)
{
	bool so = load() == 0 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2;
	so = so && personality(0xffffffff) == -1 && errno == EPERM;
	report->outcome[SANDBOX_SECCOMP] = so ? SANDBOX_IN_FORCE : SANDBOX_MISSING;
}
