/* A sandbox around the one under test: makes the kernel refuse what is named, as an older kernel or a container would.
 */
#ifndef REFUSE_CALLS_H
#define REFUSE_CALLS_H

#include <stdint.h>

/* One refusal: a system call, by one of its arguments too when `when` says so. */
struct refused_call {
	const char *name;
	int error;
	enum { ALWAYS, WHEN_IS, WHEN_HAS } when;
	unsigned argument;
	uint64_t value;
};

/* For this process and all that come of it; needs CAP_SYS_ADMIN, and so leaves no_new_privs unset. 0 or negative errno.
 */
int refuse_calls(const struct refused_call *calls, int n);

#endif
