#include "task.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	enum task_takes takes;
} kinds[TASK_KIND_END] = {
    [TASK_REPORT_NOW] = {"report-now", TASK_TAKES_NOTHING},
    [TASK_COLLECT_STATUS] = {"collect-status", TASK_TAKES_NOTHING},
    [TASK_SCAN] = {"scan", TASK_TAKES_SCAN},
    [TASK_QUARANTINE_RESTORE] = {"quarantine-restore", TASK_TAKES_QUARANTINE},
    [TASK_QUARANTINE_DELETE] = {"quarantine-delete", TASK_TAKES_QUARANTINE},
};

const char *task_kind_name(enum task_kind k)
{
	return k > 0 && k < TASK_KIND_END ? kinds[k].name : NULL;
}

int task_kind_find(const char *name, enum task_kind *ret)
{
	for (int k = 1; k < TASK_KIND_END; k++) {
		if (strcmp(kinds[k].name, name) == 0) {
			*ret = (enum task_kind)k;
			return 0;
		}
	}
	return -ENOENT;
}

enum task_takes task_takes(enum task_kind k)
{
	return k > 0 && k < TASK_KIND_END ? kinds[k].takes : TASK_TAKES_NOTHING;
}

const char *task_state_name(enum task_state s)
{
	static const char *const names[TASK_STATE_END] = {
	    [TASK_WAITING] = "waiting",
	    [TASK_DELIVERED] = "delivered",
	    [TASK_DONE] = "done",
	    [TASK_FAILED] = "failed",
	    [TASK_CANCELLED] = "cancelled",
	    [TASK_EXPIRED] = "expired",
	    [TASK_RUNNING] = "running",
	};
	return s > 0 && s < TASK_STATE_END ? names[s] : NULL;
}

const char *scan_extent_name(enum scan_extent x)
{
	static const char *const names[SCAN_EXTENT_END] = {
	    [SCAN_QUICK] = "quick", [SCAN_FULL] = "full", [SCAN_CUSTOM] = "custom"};
	return x > 0 && x < SCAN_EXTENT_END ? names[x] : NULL;
}

/* "/srv", "C:\\": from wherever the agent runs it is the same place. */
static bool is_absolute(const char *path)
{
	bool letter = (path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z');
	return path[0] == '/' || (letter && path[1] == ':' && path[2] == '\\');
}

static const char *scan_fault(const struct task_scan *s)
{
	if (!scan_extent_name(s->extent))
		return "there is no such scan";
	if ((s->extent == SCAN_CUSTOM) != (s->n_paths > 0))
		return "a custom scan names paths, the others do not";
	if (s->n_paths > MAX_SCAN_PATHS)
		return "too many paths";
	for (size_t i = 0; i < s->n_paths; i++)
		if (!is_absolute(s->paths[i]) || strlen(s->paths[i]) > MAX_SCAN_PATH)
			return "a path is absolute and not too long";
	return NULL;
}

static const char *quarantine_fault(const struct task_quarantine *q)
{
	static const uint8_t none[SHA256_BYTES];
	bool named = q->by_item ? memcmp(q->item.b, none, ID_BYTES) != 0 : memcmp(q->sha256, none, SHA256_BYTES) != 0;
	return named ? NULL : "an item or a SHA-256 is to be named";
}

const char *task_args_fault(enum task_kind k, const struct task_args *a)
{
	if (!task_kind_name(k))
		return "there is no such task";
	switch (task_takes(k)) {
	case TASK_TAKES_SCAN:
		return scan_fault(&a->scan);
	case TASK_TAKES_QUARANTINE:
		return quarantine_fault(&a->quarantine);
	case TASK_TAKES_NOTHING:
		break;
	}
	return NULL;
}
