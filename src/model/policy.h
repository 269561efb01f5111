/* Settings that a centre may make, typed and closed: an agent takes no name that is not here. */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of their names: what an agent is sent is canonical JSON. */
enum setting_id {
	SETTING_DETECTION_QUARANTINE, /* 0: report only */
	SETTING_DETECTION_STOP,       /* processes that run from an infected file */
	SETTING_ACTIVE_DAYS,
	SETTING_SCAN_CPU,
	SETTING_SCAN_FILE_S,
	SETTING_SCAN_HOUR, /* local time of the computer; one that is off then scans when it is on again */
	SETTING_SCAN_DEPTH,
	SETTING_SCAN_EXPANDED_MIB,
	SETTING_SCAN_FILE_MIB,
	SETTING_SCAN_INNER_FILES,
	SETTING_SCAN_ON_BATTERY,
	SETTING_SCAN_REMOVABLE,
	SETTING_SCAN_SCHEDULE, /* enum scan_schedule */
	SETTING_SCAN_WEEKDAY,  /* 0: every day, 1: Monday … 7: Sunday */
	SETTING_SYNC_INTERVAL_S,
	SETTING_COUNT
};

enum scan_schedule { SCHEDULE_NONE, SCHEDULE_QUICK, SCHEDULE_FULL };

enum setting_audience { FOR_AGENT = 1, FOR_CENTRE = 2 };

struct setting_def {
	const char *name; /* "sync.interval_s"; _s seconds, _mib mebibytes */
	int64_t min, max, standard;
	unsigned audience; /* enum setting_audience, or'ed */
	const char *unit;  /* "s", "days" */
};

extern const struct setting_def setting_defs[SETTING_COUNT];

/* -ENOENT for a name that is not a setting. */
int setting_find(const char *name, enum setting_id *ret);

/* The effective policy of one node or machine. */
struct policy {
	int64_t version; /* revision of the newest statement that speaks in it; 0: standards only */
	struct {
		int64_t value;
		int64_t from_node; /* where the value comes from; 0: the standard */
		bool locked;       /* by from_node: nodes below cannot change it */
	} set[SETTING_COUNT];
};

#endif
