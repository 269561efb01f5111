/* Settings that a centre may make, typed and closed: an agent takes no name that is not here. */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_id { SETTING_SYNC_INTERVAL_S, SETTING_ACTIVE_DAYS, SETTING_COUNT };

enum setting_audience { FOR_AGENT = 1, FOR_CENTRE = 2 };

struct setting_def {
	const char *name; /* "sync.interval_s" */
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
