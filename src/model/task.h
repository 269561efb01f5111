/* The closed list of what the centre may ask of an endpoint. There is no shell, no script, no file push, and there will
 * be none: an agent refuses a kind that is not here, and arguments that are not of the kind.
 *
 * What an administrator allows is no task but a list that each agent is told (allow.h): it holds for machines that are
 * off or not enrolled yet. */
#ifndef TASK_H
#define TASK_H

#include "bounds.h"
#include "ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum task_kind {
	TASK_REPORT_NOW = 1,
	TASK_COLLECT_STATUS,
	TASK_SCAN,               /* struct task_scan */
	TASK_QUARANTINE_RESTORE, /* struct task_quarantine: back to where it was */
	TASK_QUARANTINE_DELETE,  /* struct task_quarantine */
	TASK_KIND_END
};
/* RUNNING: the agent has begun and tells the end by an event of its own (a scan's account). */
enum task_state {
	TASK_WAITING = 1,
	TASK_DELIVERED,
	TASK_DONE,
	TASK_FAILED,
	TASK_CANCELLED,
	TASK_EXPIRED,
	TASK_RUNNING,
	TASK_STATE_END
};

enum scan_extent { SCAN_QUICK = 1, SCAN_FULL, SCAN_CUSTOM, SCAN_EXTENT_END };

struct task_scan {
	enum scan_extent extent;
	size_t n_paths; /* SCAN_CUSTOM: 1 … MAX_SCAN_PATHS; else 0 */
	const char *paths[MAX_SCAN_PATHS];
};

/* One item, or all that hold this content. */
struct task_quarantine {
	bool by_item;
	id16 item;
	uint8_t sha256[SHA256_BYTES];
};

/* What a kind takes: the member of that name; the others are empty. Texts are owned by whoever made it. */
enum task_takes { TASK_TAKES_NOTHING, TASK_TAKES_SCAN, TASK_TAKES_QUARANTINE };
struct task_args {
	struct task_scan scan;
	struct task_quarantine quarantine;
};

const char *task_kind_name(enum task_kind k);              /* "report-now"; NULL for none */
int task_kind_find(const char *name, enum task_kind *ret); /* -ENOENT */
enum task_takes task_takes(enum task_kind k);              /* TASK_TAKES_NOTHING for none */
const char *task_state_name(enum task_state s);
const char *scan_extent_name(enum scan_extent x); /* "quick"; NULL for none */
/* Asked by the centre that makes a task, by khien-link and again by its parent. NULL, or what is wrong with it. */
const char *task_args_fault(enum task_kind k, const struct task_args *a);

struct task {
	int64_t id; /* rises: an agent that has taken task N asks only for what is above N */
	enum task_kind kind;
	int64_t expires_us; /* real time; TIME_END: until it is done or cancelled */
};

#endif
