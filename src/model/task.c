#include "task.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const kinds[TASK_KIND_END] = {
    [TASK_REPORT_NOW] = "report-now",
    [TASK_COLLECT_STATUS] = "collect-status",
};

const char *task_kind_name(enum task_kind k)
{
	return k > 0 && k < TASK_KIND_END ? kinds[k] : NULL;
}

int task_kind_find(const char *name, enum task_kind *ret)
{
	for (int k = 1; k < TASK_KIND_END; k++) {
		if (strcmp(kinds[k], name) == 0) {
			*ret = (enum task_kind)k;
			return 0;
		}
	}
	return -ENOENT;
}

const char *task_state_name(enum task_state s)
{
	static const char *const names[] = {
	    [TASK_WAITING] = "waiting",
	    [TASK_DELIVERED] = "delivered",
	    [TASK_DONE] = "done",
	    [TASK_FAILED] = "failed",
	    [TASK_CANCELLED] = "cancelled",
	    [TASK_EXPIRED] = "expired",
	};
	return s > 0 && s <= TASK_EXPIRED ? names[s] : NULL;
}
