/* One way for a program to give up what it will not need. The program says what it keeps; each mechanism reports
 * whether it is in force. A mechanism that the kernel lacks is reported and not fatal: an old kernel must not cost the
 * machine its agent. Failing to become the user, or to lose root for good, is fatal: nothing may run on as root by
 * accident.
 *
 * Call once, when the program has opened what needs root, and before it starts threads. Order inside: descriptors,
 * namespaces, root folder, limits, user, capabilities, no_new_privs, core dumps off, landlock, seccomp; each is tried,
 * so that the report says what is so.
 *
 * A jail is the narrowest plan (sandbox_jail.c has the one of khien-scan's workers): a process without privileges makes
 * namespaces of its own, so that it needs no root anywhere near it, and ends in an empty root folder. Its process is
 * begun by sandbox_fork. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_mechanism {
	SANDBOX_USER,         /* not root, no capability, no way back */
	SANDBOX_NO_NEW_PRIVS, /* no setuid program helps */
	SANDBOX_NO_CORE,      /* no core dump, not readable by a debugger of the same user: keys stay in memory */
	SANDBOX_LANDLOCK,     /* files: only those of `paths`, and no TCP beyond `ports` where the kernel knows that */
	SANDBOX_SECCOMP,      /* system calls: only those of `calls` */
	SANDBOX_LIMITS,       /* memory, processes, open files, size of a file */
	SANDBOX_CAPABILITIES, /* none, not even in a namespace of our own */
	SANDBOX_DESCRIPTORS,  /* none but those of `keep` */
	SANDBOX_EMPTY_ROOT,   /* the root folder is an empty tmpfs of bounded size */
	SANDBOX_USER_NS,      /* the namespaces in the order of enum sandbox_namespaces */
	SANDBOX_PID_NS,
	SANDBOX_MOUNT_NS,
	SANDBOX_NET_NS,
	SANDBOX_IPC_NS,
	SANDBOX_UTS_NS,
	SANDBOX_CGROUP_NS,
	SANDBOX_MECHANISM_COUNT,
};

enum sandbox_outcome {
	SANDBOX_NOT_ASKED,
	SANDBOX_IN_FORCE,
	SANDBOX_IN_PART, /* an older kernel: some of it */
	SANDBOX_MISSING, /* the kernel has it not, or refused */
};

enum sandbox_access {
	SANDBOX_READ = 1,  /* files and folders below */
	SANDBOX_WRITE = 2, /* also make, remove and rename files and folders below */
};

struct sandbox_path {
	const char *path; /* used when fd is -1; one that does not exist is skipped */
	int fd;           /* or a folder that is open already */
	unsigned access;
};

/* Groups of system calls, or'ed. SANDBOX_CALLS_BASE is always there: memory, clocks, locks, signals, random, exit,
 * reading and writing what is open, poll and epoll. Nothing allows execve, ptrace, mount, setuid, bpf or modules. */
enum sandbox_calls {
	SANDBOX_CALLS_FILES = 1,   /* open, stat, rename, unlink, fsync, truncate */
	SANDBOX_CALLS_CONNECT = 2, /* internet and unix sockets that call others */
	SANDBOX_CALLS_SERVE = 4,   /* bind, listen, accept */
	SANDBOX_CALLS_THREADS = 8,
	SANDBOX_CALLS_ACCEPT = 16, /* accept on what listens already; no new socket */
	/* Alone: a list of its own (sandbox_seccomp_jail.c) in place of the base, and whatever is not on it kills.
	 * Files may be opened: landlock and the empty root say which. */
	SANDBOX_CALLS_JAIL = 32,
};

enum sandbox_namespaces {
	SANDBOX_NAMESPACE_USER = 1,
	SANDBOX_NAMESPACE_PID = 2,
	SANDBOX_NAMESPACE_MOUNT = 4,
	SANDBOX_NAMESPACE_NET = 8,
	SANDBOX_NAMESPACE_IPC = 16,
	SANDBOX_NAMESPACE_UTS = 32,
	SANDBOX_NAMESPACE_CGROUP = 64,
	SANDBOX_NAMESPACES = 127,
};

struct sandbox_plan {
	const char *user; /* NULL: stay who we are (tests, developers) */
	bool no_core;
	uint64_t max_files;      /* open descriptors; 0: leave as it is */
	uint64_t max_file_bytes; /* size of one file; 0: leave */
	uint64_t max_memory;     /* bytes of address space beyond what is mapped at entering; 0: leave */
	bool no_processes;       /* none can be made, whatever the system calls allowed */
	bool no_capabilities;
	bool close_others; /* all descriptors but `keep`, which rises */
	const int *keep;
	size_t n_keep;
	unsigned namespaces; /* or'ed; user and pid need sandbox_fork */
	struct sandbox_birth {
		unsigned namespaces;
		uid_t uid; /* outside: inside, there is no telling */
		gid_t gid;
	} birth;                  /* filled by sandbox_fork */
	uint64_t root_bytes;      /* an empty root of that size; 0: the root folder stays */
	const char *without_root; /* folder that may be written in when the empty root cannot be had; NULL: none */
	bool landlock;
	int max_landlock_abi; /* asks for no more than this one knows; 0: all that the kernel has */
	const struct sandbox_path *paths;
	size_t n_paths;
	bool seccomp;
	unsigned calls;
};

struct sandbox_report {
	enum sandbox_outcome outcome[SANDBOX_MECHANISM_COUNT];
	int landlock_abi; /* 0: the kernel has none */
};

/* As fork(2), into the user and pid namespaces of the plan where the kernel allows them; the child goes on to
 * sandbox_enter with the same plan. Only for processes with one thread; what the C library does at a fork
 * (pthread_atfork) is not done. -1 and errno. */
pid_t sandbox_fork(struct sandbox_plan *plan);

/* 0, or a negative errno when the program must not go on. */
int sandbox_enter(const struct sandbox_plan *plan, struct sandbox_report *ret);

/* The plan of a process that looks at bytes of anybody: all of the above, and a tmpfs of root_bytes. `keep` must live
 * as long as the plan. */
void sandbox_jail_plan(
    struct sandbox_plan *ret, const int *keep, size_t n_keep, uint64_t max_memory, uint64_t root_bytes);

const char *sandbox_mechanism_name(enum sandbox_mechanism m); /* "landlock" */
const char *sandbox_outcome_name(enum sandbox_outcome o);     /* "in force" */

#endif
