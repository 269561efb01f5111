/* One file a mechanism; sandbox.c puts them in order. */
#ifndef SANDBOX_INT_H
#define SANDBOX_INT_H

#include "sandbox.h"

void sandbox_descriptors(const struct sandbox_plan *plan, struct sandbox_report *report);
/* Each by itself: one that is refused does not cost the others. */
void sandbox_namespaces(const struct sandbox_plan *plan, struct sandbox_report *report);
/* Needs a mount namespace of our own. Anything that is looked up by name comes before. */
void sandbox_empty_root(const struct sandbox_plan *plan, struct sandbox_report *report);
void sandbox_capabilities(struct sandbox_report *report);
/* Bytes of address space now, 0 unknown; read while there is a /proc. What is shared with the process before us must
 * not count against us: engines map more than a file may cost. */
uint64_t sandbox_mapped(void);
void sandbox_limits(const struct sandbox_plan *plan, uint64_t mapped, struct sandbox_report *report);
int sandbox_become(const char *user); /* for good: tried afterwards */
void sandbox_no_core(struct sandbox_report *report);

/* The rules need what the user may no longer open, the enforcement needs no_new_privs: two steps. *ret_fd is -1 when
 * the kernel has no landlock. */
void sandbox_landlock_prepare(const struct sandbox_plan *plan, struct sandbox_report *report, int *ret_fd);
void sandbox_landlock_enforce(const struct sandbox_plan *plan, struct sandbox_report *report, int fd);

void sandbox_seccomp(unsigned calls, struct sandbox_report *report);
void sandbox_seccomp_jail(struct sandbox_report *report);

#endif
