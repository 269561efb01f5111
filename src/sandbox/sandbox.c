#include "sandbox_int.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

static void no_new_privs(struct sandbox_report *report)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	bool so = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	report->outcome[SANDBOX_NO_NEW_PRIVS] = so ? SANDBOX_IN_FORCE : SANDBOX_MISSING;
}

/* What changes where we are: before the rules that are about paths, and before we may not any more. */
static void move_in(const struct sandbox_plan *plan, struct sandbox_report *report)
{
	if (plan->close_others)
		sandbox_descriptors(plan, report);
	if (plan->namespaces)
		sandbox_namespaces(plan, report);
	if (plan->root_bytes)
		sandbox_empty_root(plan, report);
}

static void lock_down(const struct sandbox_plan *plan, struct sandbox_report *report, int landlock_fd)
{
	if (plan->no_capabilities)
		sandbox_capabilities(report);
	no_new_privs(report);
	if (plan->no_core)
		sandbox_no_core(report);
	if (landlock_fd >= 0)
		sandbox_landlock_enforce(plan, report, landlock_fd);
	if (landlock_fd >= 0)
		close(landlock_fd);
	if (plan->seccomp && plan->calls == SANDBOX_CALLS_JAIL)
		sandbox_seccomp_jail(report);
	else if (plan->seccomp)
		sandbox_seccomp(plan->calls, report);
}

int sandbox_enter(const struct sandbox_plan *plan, struct sandbox_report *ret)
{
	struct sandbox_report report = {0};
	int landlock_fd = -1;
	uint64_t mapped = plan->max_memory ? sandbox_mapped() : 0;
	move_in(plan, &report);
	sandbox_limits(plan, mapped, &report);
	if (plan->landlock)
		sandbox_landlock_prepare(plan, &report, &landlock_fd);
	if (plan->user) {
		int r = sandbox_become(plan->user);
		if (r && landlock_fd >= 0)
			close(landlock_fd);
		if (r)
			return r;
		report.outcome[SANDBOX_USER] = SANDBOX_IN_FORCE;
	}
	lock_down(plan, &report, landlock_fd);
	*ret = report;
	return 0;
}

const char *sandbox_mechanism_name(enum sandbox_mechanism m)
{
	static const char *const names[SANDBOX_MECHANISM_COUNT] = {
	    [SANDBOX_USER] = "user",
	    [SANDBOX_NO_NEW_PRIVS] = "no-new-privs",
	    [SANDBOX_NO_CORE] = "no-core",
	    [SANDBOX_LANDLOCK] = "landlock",
	    [SANDBOX_SECCOMP] = "seccomp",
	    [SANDBOX_LIMITS] = "limits",
	    [SANDBOX_CAPABILITIES] = "no-capabilities",
	    [SANDBOX_DESCRIPTORS] = "closed-descriptors",
	    [SANDBOX_EMPTY_ROOT] = "empty-root",
	    [SANDBOX_USER_NS] = "user-namespace",
	    [SANDBOX_PID_NS] = "pid-namespace",
	    [SANDBOX_MOUNT_NS] = "mount-namespace",
	    [SANDBOX_NET_NS] = "net-namespace",
	    [SANDBOX_IPC_NS] = "ipc-namespace",
	    [SANDBOX_UTS_NS] = "uts-namespace",
	    [SANDBOX_CGROUP_NS] = "cgroup-namespace",
	};
	return (unsigned)m < SANDBOX_MECHANISM_COUNT ? names[m] : "none";
}

const char *sandbox_outcome_name(enum sandbox_outcome o)
{
	static const char *const names[] = {"not asked", "in force", "in part", "missing"};
	return (unsigned)o <= SANDBOX_MISSING ? names[o] : "none";
}
