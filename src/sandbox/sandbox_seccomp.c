#include "sandbox_int.h"

#include <errno.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <unistd.h>

/* Names, not numbers: which of them exist differs by processor, and the C library of next year uses other ones of the
 * same meaning. An unknown name is skipped. */
static const char *const base_calls[] = {"read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev",
    "close", "close_range", "lseek", "_llseek", "fstat", "fstat64", "poll", "ppoll", "ppoll_time64", "select",
    "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "pipe2",
    "timerfd_create", "timerfd_settime", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "brk", "futex",
    "futex_time64", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "clock_gettime", "clock_gettime64",
    "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom", "getpid", "gettid", "getppid",
    "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "exit", "exit_group", "restart_syscall",
    "sched_yield", "sched_getaffinity", "getrlimit", "getrusage", "sysinfo", "uname", "fcntl", "fcntl64", "dup", "dup2",
    "dup3", "set_robust_list", "rseq", "membarrier", "tgkill", "sendto", "sendmsg", "recvfrom", "recvmsg", "shutdown",
    "getsockopt", "setsockopt", "socketpair"};

static const char *const file_calls[] = {"open", "openat", "stat", "stat64", "lstat", "lstat64", "newfstatat",
    "fstatat64", "statx", "access", "faccessat", "faccessat2", "getdents", "getdents64", "readlink", "readlinkat",
    "mkdir", "mkdirat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "rmdir", "fsync", "fdatasync",
    "ftruncate", "ftruncate64", "fallocate", "memfd_create", "fchmod", "flock", "fstatfs", "statfs", "umask", "getcwd",
    "fadvise64", "sync_file_range"};

/* bind and recvmmsg are of the resolver (netlink); landlock refuses to bind TCP where the kernel knows how. */
static const char *const connect_calls[] = {
    "connect", "bind", "getsockname", "getpeername", "sendmmsg", "recvmmsg", "recvmmsg_time64"};

static const char *const serve_calls[] = {"bind", "listen", "accept", "accept4", "getsockname", "getpeername"};

static const char *const accept_calls[] = {"accept", "accept4"};

/* What no program of ours ever calls: the death of the process is louder than an error that is handled. */
static const char *const deadly_calls[] = {"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev",
    "mount", "umount2", "pivot_root", "chroot", "setuid", "setreuid", "setresuid", "setgid", "setregid", "setresgid",
    "setgroups", "capset", "bpf", "perf_event_open", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "open_by_handle_at", "userfaultfd", "unshare", "setns", "keyctl", "add_key", "io_uring_setup"};

static int allow(scmp_filter_ctx f, const char *const *names, size_t n, uint32_t action)
{
	for (size_t i = 0; i < n; i++) {
		int call = seccomp_syscall_resolve_name(names[i]);
		if (call == __NR_SCMP_ERROR)
			continue;
		int r = seccomp_rule_add(f, action, call, 0);
		if (r && r != -EEXIST && r != -EDOM)
			return r;
	}
	return 0;
}

static int allow_with(scmp_filter_ctx f, int call, unsigned arg, const uint64_t *values, size_t n)
{
	int r = 0;
	for (size_t i = 0; !r && i < n; i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1, SCMP_CMP(arg, SCMP_CMP_EQ, values[i]));
	return r;
}

static int allow_sockets(scmp_filter_ctx f)
{
	static const uint64_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	return allow_with(f, SCMP_SYS(socket), 0, families, sizeof families / sizeof *families);
}

static int allow_narrow(scmp_filter_ctx f)
{
	static const uint64_t prctls[] = {PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS, PR_GET_DUMPABLE, PR_SET_NAME,
	    PR_GET_NAME, PR_SET_PDEATHSIG, 0x53564d41 /* PR_SET_VMA */};
	static const uint64_t ioctls[] = {FIONBIO, FIONREAD, TCGETS};
	int r = allow_with(f, SCMP_SYS(prctl), 0, prctls, sizeof prctls / sizeof *prctls);
	if (!r)
		r = allow_with(f, SCMP_SYS(ioctl), 1, ioctls, sizeof ioctls / sizeof *ioctls);
	/* reading a limit, not setting one */
	return r ? r : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_CMP(2, SCMP_CMP_EQ, 0));
}

/* A thread, never a process. clone3 hides its flags in memory, so the C library must believe that it does not exist and
 * fall back to clone. */
static int allow_threads(scmp_filter_ctx f, bool wanted)
{
	int r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r || !wanted)
		return r;
	return seccomp_rule_add(
	    f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

#define LIST(a) a, sizeof(a) / sizeof *(a)

static int fill(scmp_filter_ctx f, unsigned calls)
{
	int r = allow(f, LIST(base_calls), SCMP_ACT_ALLOW);
	if (!r)
		r = allow_narrow(f);
	if (!r)
		r = allow_threads(f, calls & SANDBOX_CALLS_THREADS);
	if (!r)
		r = allow(f, LIST(deadly_calls), SCMP_ACT_KILL_PROCESS);
	if (!r && calls & SANDBOX_CALLS_FILES)
		r = allow(f, LIST(file_calls), SCMP_ACT_ALLOW);
	if (!r && calls & (SANDBOX_CALLS_CONNECT | SANDBOX_CALLS_SERVE))
		r = allow_sockets(f);
	if (!r && calls & SANDBOX_CALLS_CONNECT)
		r = allow(f, LIST(connect_calls), SCMP_ACT_ALLOW);
	if (!r && calls & SANDBOX_CALLS_ACCEPT)
		r = allow(f, LIST(accept_calls), SCMP_ACT_ALLOW);
	if (!r && calls & SANDBOX_CALLS_SERVE)
		r = allow(f, LIST(serve_calls), SCMP_ACT_ALLOW);
	return r;
}

void sandbox_seccomp(unsigned calls, struct sandbox_report *report)
{
	report->outcome[SANDBOX_SECCOMP] = SANDBOX_MISSING;
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!f)
		return;
	int r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!r)
		r = fill(f, calls);
	if (!r)
		r = seccomp_load(f);
	seccomp_release(f);
	/* tried: a call that is harmless, always works, and is on no list */
	if (!r && personality(0xffffffff) == -1 && errno == EPERM)
		report->outcome[SANDBOX_SECCOMP] = SANDBOX_IN_FORCE;
}
