/* The closed list of what the centre may ask of an endpoint. There is no shell, no script, no file push, and there will
 * be none: an agent refuses a kind that is not here. */
#ifndef TASK_H
#define TASK_H

#include "bounds.h"

#include <stdint.h>

enum task_kind { TASK_REPORT_NOW = 1, TASK_COLLECT_STATUS = 2, TASK_KIND_END };
enum task_state { TASK_WAITING = 1, TASK_DELIVERED, TASK_DONE, TASK_FAILED, TASK_CANCELLED, TASK_EXPIRED };

const char *task_kind_name(enum task_kind k);              /* "report-now"; NULL for none */
int task_kind_find(const char *name, enum task_kind *ret); /* -ENOENT */
const char *task_state_name(enum task_state s);

struct task {
	int64_t id; /* rises: an agent that has taken task N asks only for what is above N */
	enum task_kind kind;
	int64_t expires_us; /* real time */
};

#endif
