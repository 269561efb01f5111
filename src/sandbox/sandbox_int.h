/* One file a mechanism; sandbox.c puts them in order. */
#ifndef SANDBOX_INT_H
#define SANDBOX_INT_H

#include "sandbox.h"

int sandbox_limits(const struct sandbox_plan *plan);
int sandbox_become(const char *user); /* for good: tried afterwards */
void sandbox_no_core(struct sandbox_report *report);

/* The rules need what the user may no longer open, the enforcement needs no_new_privs: two steps. *ret_fd is -1 when
 * the kernel has no landlock. */
void sandbox_landlock_prepare(const struct sandbox_plan *plan, struct sandbox_report *report, int *ret_fd);
void sandbox_landlock_enforce(const struct sandbox_plan *plan, struct sandbox_report *report, int fd);

void sandbox_seccomp(unsigned calls, struct sandbox_report *report);

#endif
