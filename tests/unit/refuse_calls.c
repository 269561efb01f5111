#include "refuse_calls.h"

#include <errno.h>
#include <seccomp.h>

static int add(scmp_filter_ctx f, const struct refused_call *c)
{
	int call = seccomp_syscall_resolve_name(c->name);
	uint32_t action = SCMP_ACT_ERRNO((uint32_t)c->error);
	if (c->when == ALWAYS)
		return seccomp_rule_add(f, action, call, 0);
	if (c->when == WHEN_IS)
		return seccomp_rule_add(f, action, call, 1, SCMP_CMP(c->argument, SCMP_CMP_EQ, c->value));
	return seccomp_rule_add(f, action, call, 1, SCMP_CMP(c->argument, SCMP_CMP_MASKED_EQ, c->value, c->value));
}

int refuse_calls(const struct refused_call *calls, int n)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	if (!f)
		return -ENOMEM;
	int r = seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0);
	for (int i = 0; !r && i < n; i++)
		r = add(f, &calls[i]);
	if (!r)
		r = seccomp_load(f);
	seccomp_release(f);
	return r;
}
