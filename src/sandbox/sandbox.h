/* One way for a program to give up what it will not need. The program says what it keeps; each mechanism reports
 * whether it is in force. A mechanism that the kernel lacks is reported and not fatal: an old kernel must not cost the
 * machine its agent. Failing to become the user, or to lose root for good, is fatal: nothing may run on as root by
 * accident.
 *
 * Call once, when the program has opened what needs root, and before it starts threads. Order inside: limits, user,
 * no_new_privs, core dumps off, landlock, seccomp; then each is tried, so that the report says what is so. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sandbox_mechanism {
	SANDBOX_USER,         /* not root, no capability, no way back */
	SANDBOX_NO_NEW_PRIVS, /* no setuid program helps */
	SANDBOX_NO_CORE,      /* no core dump, not readable by a debugger of the same user: keys stay in memory */
	SANDBOX_LANDLOCK,     /* files: only those of `paths`, and no TCP beyond `ports` where the kernel knows that */
	SANDBOX_SECCOMP,      /* system calls: only those of `calls` */
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
};

struct sandbox_plan {
	const char *user; /* NULL: stay who we are (tests, developers) */
	bool no_core;
	uint64_t max_files;      /* open descriptors; 0: leave as it is */
	uint64_t max_file_bytes; /* size of one file; 0: leave */
	bool landlock;
	const struct sandbox_path *paths;
	size_t n_paths;
	bool seccomp;
	unsigned calls;
};

struct sandbox_report {
	enum sandbox_outcome outcome[SANDBOX_MECHANISM_COUNT];
	int landlock_abi; /* 0: the kernel has none */
};

/* 0, or a negative errno when the program must not go on. */
int sandbox_enter(const struct sandbox_plan *plan, struct sandbox_report *ret);

const char *sandbox_mechanism_name(enum sandbox_mechanism m); /* "landlock" */
const char *sandbox_outcome_name(enum sandbox_outcome o);     /* "in force" */

#endif
