#include "parent_sweep.h"
#include "clock.h"

#include <time.h>

/* mktime knows of clocks that are turned: the hour is the one on the wall. */
static int64_t moment(struct tm day, int days_before, int hour)
{
	day.tm_mday -= days_before;
	day.tm_hour = hour;
	day.tm_min = day.tm_sec = 0;
	day.tm_isdst = -1;
	return (int64_t)mktime(&day) * US_PER_S;
}

int64_t scan_schedule_last(int64_t now_us, int weekday, int hour, int64_t spread_us)
{
	time_t now = (time_t)(now_us / US_PER_S);
	struct tm local;
	if (!localtime_r(&now, &local))
		return 0;
	for (int before = 0; before <= 8; before++) {
		int64_t at = moment(local, before, hour) + spread_us;
		time_t nominal = (time_t)((at - spread_us) / US_PER_S);
		struct tm day;
		if (at > now_us || !localtime_r(&nominal, &day))
			continue;
		if (!weekday || day.tm_wday == weekday % 7)
			return at;
	}
	return 0;
}
