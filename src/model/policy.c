#include "policy.h"

#include <errno.h>
#include <string.h>

const struct setting_def setting_defs[SETTING_COUNT] = {
    /* 5 s serves a demonstration; a day serves a machine that is on the net for an hour a day */
    [SETTING_SYNC_INTERVAL_S] = {"sync.interval_s", 5, 86400, 60, FOR_AGENT, "s"},
    /* reporting.md: heard from within N days, 30 unless decided otherwise */
    [SETTING_ACTIVE_DAYS] = {"report.active_days", 1, 366, 30, FOR_CENTRE, "days"},
};

int setting_find(const char *name, enum setting_id *ret)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (strcmp(setting_defs[i].name, name) == 0) {
			*ret = (enum setting_id)i;
			return 0;
		}
	}
	return -ENOENT;
}
