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

int sandbox_enter(const struct sandbox_plan *plan, struct sandbox_report *ret)
{
	struct sandbox_report report = {0};
	int landlock_fd = -1;
	int r = sandbox_limits(plan);
	if (r)
		return r;
	if (plan->landlock)
		sandbox_landlock_prepare(plan, &report, &landlock_fd);
	if (plan->user) {
		r = sandbox_become(plan->user);
		if (r)
			goto out;
		report.outcome[SANDBOX_USER] = SANDBOX_IN_FORCE;
	}
	no_new_privs(&report);
	if (plan->no_core)
		sandbox_no_core(&report);
	if (landlock_fd >= 0)
		sandbox_landlock_enforce(plan, &report, landlock_fd);
	if (plan->seccomp)
		sandbox_seccomp(plan->calls, &report);
	*ret = report;
out:
	if (landlock_fd >= 0)
		close(landlock_fd);
	return r;
}

const char *sandbox_mechanism_name(enum sandbox_mechanism m)
{
	static const char *const names[SANDBOX_MECHANISM_COUNT] = {
	    [SANDBOX_USER] = "user",
	    [SANDBOX_NO_NEW_PRIVS] = "no-new-privs",
	    [SANDBOX_NO_CORE] = "no-core",
	    [SANDBOX_LANDLOCK] = "landlock",
	    [SANDBOX_SECCOMP] = "seccomp",
	};
	return (unsigned)m < SANDBOX_MECHANISM_COUNT ? names[m] : "none";
}

const char *sandbox_outcome_name(enum sandbox_outcome o)
{
	static const char *const names[] = {"not asked", "in force", "in part", "missing"};
	return (unsigned)o <= SANDBOX_MISSING ? names[o] : "none";
}
