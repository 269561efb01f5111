#include "sandbox_int.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By number, for kernels before 5.9 and for a sandbox around us that does not know the call. */
static bool close_one_by_one(unsigned from, unsigned to)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur > 1 << 20)
		return false;
	for (unsigned fd = from; fd <= to && fd < l.rlim_cur; fd++)
		if (close((int)fd) < 0 && errno != EBADF)
			return false;
	return true;
}

static bool close_between(unsigned from, unsigned to)
{
	if (from > to)
		return true;
	return syscall(SYS_close_range, from, to, 0) == 0 || close_one_by_one(from, to);
}

void sandbox_descriptors(const struct sandbox_plan *plan, struct sandbox_report *report)
{
	unsigned from = 0;
	bool so = true;
	for (size_t i = 0; i < plan->n_keep; i++) {
		unsigned kept = (unsigned)plan->keep[i];
		if (kept > from)
			so = close_between(from, kept - 1) && so;
		from = kept + 1;
	}
	so = close_between(from, ~0U) && so;
	report->outcome[SANDBOX_DESCRIPTORS] = so ? SANDBOX_IN_FORCE : SANDBOX_MISSING;
}
