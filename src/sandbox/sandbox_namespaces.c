#include "sandbox_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In the order of the bits of enum sandbox_namespaces and of the mechanisms from SANDBOX_USER_NS on. */
static const struct {
	int flag;
	const char *name; /* in /proc/self/ns */
} namespaces[] = {
    {CLONE_NEWUSER, "user"},
    {CLONE_NEWPID, "pid"},
    {CLONE_NEWNS, "mnt"},
    {CLONE_NEWNET, "net"},
    {CLONE_NEWIPC, "ipc"},
    {CLONE_NEWUTS, "uts"},
    {CLONE_NEWCGROUP, "cgroup"},
};

enum { COUNT = sizeof namespaces / sizeof *namespaces };

static bool is_refusal(int e)
{
	return e == EPERM || e == EACCES || e == EINVAL || e == ENOSPC || e == EUSERS || e == ENOSYS;
}

/* A pid namespace begins with a process that is born in it, and the user namespace that gives the right to make one
 * must be there before: so these two are the fork's. */
pid_t sandbox_fork(struct sandbox_plan *plan)
{
	static const unsigned tries[] = {
	    SANDBOX_NAMESPACE_USER | SANDBOX_NAMESPACE_PID, SANDBOX_NAMESPACE_USER, SANDBOX_NAMESPACE_PID, 0};
	pid_t pid = -1;
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		unsigned made = tries[i] & plan->namespaces;
		unsigned long flags = SIGCHLD;
		flags |= made & SANDBOX_NAMESPACE_USER ? CLONE_NEWUSER : 0;
		flags |= made & SANDBOX_NAMESPACE_PID ? CLONE_NEWPID : 0;
		plan->birth = (struct sandbox_birth){made, geteuid(), getegid()};
		pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
		if (pid >= 0 || !is_refusal(errno))
			return pid;
	}
	return pid;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT; /* setgroups: kernels before 3.19 */
	bool so = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return so;
}

/* We stay who we are, inside as outside: files that we make have an owner, and nobody is root. The files in /proc are
 * ours only while we may be debugged. */
static bool map_ourselves(const struct sandbox_birth *birth)
{
	char uid[64], gid[64];
	snprintf(uid, sizeof uid, "%u %u 1", birth->uid, birth->uid);
	snprintf(gid, sizeof gid, "%u %u 1", birth->gid, birth->gid);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", uid) &&
	       write_file("/proc/self/gid_map", gid);
}

static ino_t namespace_now(size_t i)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof path, "/proc/self/ns/%s", namespaces[i].name);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static bool leave(size_t i)
{
	ino_t before = namespace_now(i);
	if (unshare(namespaces[i].flag) < 0)
		return false;
	return before && namespace_now(i) != before;
}

void sandbox_namespaces(const struct sandbox_plan *plan, struct sandbox_report *report)
{
	for (size_t i = 0; i < COUNT; i++) {
		bool so = plan->birth.namespaces & 1U << i;
		if (!(plan->namespaces & 1U << i))
			continue;
		if (so && namespaces[i].flag == CLONE_NEWUSER)
			so = map_ourselves(&plan->birth);
		else if (so)
			so = getpid() == 1;
		else if (namespaces[i].flag != CLONE_NEWUSER && namespaces[i].flag != CLONE_NEWPID)
			so = leave(i);
		report->outcome[SANDBOX_USER_NS + i] = so ? SANDBOX_IN_FORCE : SANDBOX_MISSING;
	}
}
