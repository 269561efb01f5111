#include "policy.h"

#include <errno.h>
#include <string.h>

const struct setting_def setting_defs[SETTING_COUNT] = {
    [SETTING_DETECTION_QUARANTINE] = {"detection.quarantine", 0, 1, 1, FOR_AGENT, ""},
    [SETTING_DETECTION_STOP] = {"detection.stop_processes", 0, 1, 1, FOR_AGENT, ""},
    /* reporting.md: heard from within N days, 30 unless decided otherwise */
    [SETTING_ACTIVE_DAYS] = {"report.active_days", 1, 366, 30, FOR_CENTRE, "days"},
    /* of one core, scanner and walker together, for what nobody is waiting for */
    [SETTING_SCAN_CPU] = {"scan.cpu_percent", 1, 100, 30, FOR_AGENT, "%"},
    [SETTING_SCAN_FILE_S] = {"scan.file_s", 1, 600, 60, FOR_AGENT, "s"},
    [SETTING_SCAN_HOUR] = {"scan.hour", 0, 23, 12, FOR_AGENT, "h"},
    [SETTING_SCAN_DEPTH] = {"scan.max_depth", 1, 32, 12, FOR_AGENT, ""},
    [SETTING_SCAN_EXPANDED_MIB] = {"scan.max_expanded_mib", 1, 4095, 512, FOR_AGENT, "MiB"},
    /* libclamav reads no file of 2 GiB; what is larger than allowed is counted as not scanned */
    [SETTING_SCAN_FILE_MIB] = {"scan.max_file_mib", 1, 2047, 256, FOR_AGENT, "MiB"},
    [SETTING_SCAN_INNER_FILES] = {"scan.max_inner_files", 10, 1000000, 10000, FOR_AGENT, ""},
    [SETTING_SCAN_ON_BATTERY] = {"scan.on_battery", 0, 1, 0, FOR_AGENT, ""},
    [SETTING_SCAN_REMOVABLE] = {"scan.removable", 0, 1, 1, FOR_AGENT, ""},
    /* a quick look at noon, when most computers are on and their users are not */
    [SETTING_SCAN_SCHEDULE] = {"scan.schedule", SCHEDULE_NONE, SCHEDULE_FULL, SCHEDULE_QUICK, FOR_AGENT, ""},
    [SETTING_SCAN_WEEKDAY] = {"scan.weekday", 0, 7, 0, FOR_AGENT, ""},
    /* 5 s serves a demonstration; a day serves a machine that is on the net for an hour a day */
    [SETTING_SYNC_INTERVAL_S] = {"sync.interval_s", 5, 86400, 60, FOR_AGENT, "s"},
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
