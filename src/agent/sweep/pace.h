/* How a scan that nobody waits for keeps out of the way: lowest priority, a ceiling on the processor, and a rest while
 * the computer runs on its battery or is short of memory. */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum pace_rest { PACE_GOES, PACE_CEILING, PACE_BATTERY, PACE_MEMORY };
enum { PACE_MAX_WORKERS = 16 };

struct pace {
	bool background;
	int percent; /* of one core, this process and the workers together */
	bool on_battery;
	const char *sys, *proc; /* "/sys", "/proc", or what tests have filled */

	int64_t since_us, used_before_us; /* the window that the ceiling is counted over */
	int64_t looked_us;
	enum pace_rest outside; /* what the last look at the computer said */
	size_t n;
	struct pace_worker {
		pid_t pid;
		int64_t used_us; /* when it was last seen alive */
	} workers[PACE_MAX_WORKERS];
	int64_t used_by_the_gone_us;
};

/* Idle class of the disk, nice 19, batch scheduling: for this process. */
void pace_lower_priority(void);

void pace_begin(struct pace *p, int64_t now_us);
void pace_add_worker(struct pace *p, pid_t pid);

/* What keeps the scan from going on now; *ret_again_us: when to ask again (monotonic). */
enum pace_rest pace_ask(struct pace *p, int64_t now_us, int64_t *ret_again_us);
const char *pace_rest_name(enum pace_rest r); /* "on battery" */

#endif
