#include "sandbox_int.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT           47
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

/* The bounding set matters only to an execve, which nobody is left to call; it is emptied where we may. */
void sandbox_capabilities(struct sandbox_report *report)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0}, left[2] = {0};
	for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	bool so = syscall(SYS_capset, &head, none) == 0;
	so = syscall(SYS_capget, &head, left) == 0 && so;
	for (int i = 0; i < 2; i++)
		so = so && !left[i].effective && !left[i].permitted && !left[i].inheritable;
	report->outcome[SANDBOX_CAPABILITIES] = so ? SANDBOX_IN_FORCE : SANDBOX_MISSING;
}
