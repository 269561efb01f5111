#include "sandbox_int.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static bool limit(int resource, uint64_t value)
{
	struct rlimit l;
	if (getrlimit(resource, &l) < 0)
		return false;
	if (l.rlim_max == RLIM_INFINITY || value < l.rlim_max)
		l.rlim_max = value;
	l.rlim_cur = l.rlim_max;
	return setrlimit(resource, &l) == 0 && getrlimit(resource, &l) == 0 && l.rlim_cur <= value;
}

uint64_t sandbox_mapped(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f)
		return 0;
	int n = fscanf(f, "%lu", &pages);
	fclose(f);
	return n == 1 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void sandbox_limits(const struct sandbox_plan *plan, uint64_t mapped, struct sandbox_report *report)
{
	bool so = true, asked = plan->max_files || plan->max_file_bytes || plan->max_memory || plan->no_processes;
	if (plan->max_files)
		so = limit(RLIMIT_NOFILE, plan->max_files) && so;
	if (plan->max_file_bytes)
		so = limit(RLIMIT_FSIZE, plan->max_file_bytes) && so;
	if (plan->no_processes)
		so = limit(RLIMIT_NPROC, 0) && so;
	if (plan->max_memory)
		so = mapped && limit(RLIMIT_AS, mapped + plan->max_memory) && so;
	if (asked)
		report->outcome[SANDBOX_LIMITS] = so ? SANDBOX_IN_FORCE : SANDBOX_MISSING;
}
