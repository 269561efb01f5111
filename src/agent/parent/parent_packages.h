/* The image of what the computer's packages have installed (packages.image in the state folder): khien-sigs makes it
 * anew whenever dpkg's status file is another one than it was made from, and khien-scan gets it. The image's time of
 * modification is the status file's, so that it is known again after a restart. */
#ifndef PARENT_PACKAGES_H
#define PARENT_PACKAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct parent;
struct scan_process;

struct packages {
	pid_t pid;            /* 0: nobody is at it */
	int file;             /* what it writes; -1 */
	struct timespec from; /* the status file that it was started for */
	int64_t started_us, look_at_us;
};

void parent_packages_tick(struct parent *p, int64_t now_us);
int64_t parent_packages_next_us(const struct parent *p);
bool parent_packages_gone(struct parent *p, pid_t pid, int status); /* true: it was ours */
void parent_packages_close(struct parent *p);
void parent_packages_tell(struct parent *p, struct scan_process *s); /* a template that has come up */

#endif
