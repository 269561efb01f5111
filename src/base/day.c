#include "day.h"
#include "clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const int64_t day_us = 86400 * US_PER_S;
static const int64_t offset_us = 7 * 3600 * US_PER_S;

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int32_t day_of(int64_t us)
{
	return (int32_t)floor_div(us + offset_us, day_us);
}

int64_t day_first_us(int32_t day)
{
	return day * day_us - offset_us;
}

int64_t day_last_us(int32_t day)
{
	return day_first_us(day + 1) - 1;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; years are counted from March so that the leap day is last.
 */
static int32_t civil_to_day(int y, int m, int d)
{
	y -= m <= 2;
	int era = y / 400, yoe = y - era * 400;
	int doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return (int32_t)(era * 146097 + doe - 719468);
}

static void day_to_civil(int32_t day, int *y, int *m, int *d)
{
	int32_t z = day + 719468;
	int era = (int)floor_div(z, 146097), doe = (int)(z - era * 146097);
	int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = yoe + era * 400 + (*m <= 2);
}

/* n digits at *s into *ret, moving *s on. */
static bool digits(const char **s, int n, int *ret)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		char c = *(*s)++;
		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*ret = v;
	return true;
}

static bool literal(const char **s, char c)
{
	return *(*s)++ == c;
}

static bool date_at(const char **s, int32_t *ret)
{
	int y, m, d, y2, m2, d2;
	if (!digits(s, 4, &y) || !literal(s, '-') || !digits(s, 2, &m) || !literal(s, '-') || !digits(s, 2, &d))
		return false;
	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	*ret = civil_to_day(y, m, d);
	day_to_civil(*ret, &y2, &m2, &d2);
	return y == y2 && m == m2 && d == d2;
}

int day_parse(const char *s, int32_t *ret)
{
	int32_t day;
	if (strlen(s) != DAY_TEXT - 1 || !date_at(&s, &day))
		return -EINVAL;
	*ret = day;
	return 0;
}

void day_iso(int32_t day, char dst[DAY_TEXT])
{
	int y, m, d;
	day_to_civil(day, &y, &m, &d);
	snprintf(dst, DAY_TEXT, "%04u-%02u-%02u", (unsigned)y % 10000, (unsigned)m % 100, (unsigned)d % 100);
}

/* "Z" or "+07:00" at s, to its end. */
static bool zone(const char *s, int64_t *ret_us)
{
	int h, m;
	*ret_us = 0;
	if (*s == 'Z')
		return s[1] == 0;
	int sign = *s == '-' ? -1 : 1;
	if ((*s != '+' && *s != '-') || strlen(s) != 6)
		return false;
	s++;
	if (!digits(&s, 2, &h) || !literal(&s, ':') || !digits(&s, 2, &m) || h > 14 || m > 59)
		return false;
	*ret_us = sign * (h * INT64_C(3600) + m * INT64_C(60)) * US_PER_S;
	return true;
}

int instant_parse(const char *s, int64_t *ret_us)
{
	int32_t day;
	int h, m, sec;
	int64_t fraction = 0, off;
	if (strlen(s) < 20 || !date_at(&s, &day) || !literal(&s, 'T') || !digits(&s, 2, &h) || !literal(&s, ':') ||
	    !digits(&s, 2, &m) || !literal(&s, ':') || !digits(&s, 2, &sec) || h > 23 || m > 59 || sec > 59)
		return -EINVAL;
	if (*s == '.') {
		int64_t unit = US_PER_S / 10;
		for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
			fraction += (*s - '0') * unit;
	}
	if (!zone(s, &off))
		return -EINVAL;
	*ret_us = day * day_us + (h * INT64_C(3600) + m * INT64_C(60) + sec) * US_PER_S + fraction - off;
	return 0;
}

void instant_iso(int64_t us, char dst[INSTANT_TEXT])
{
	int64_t day = floor_div(us, day_us), rest = us - day * day_us;
	char date[DAY_TEXT];
	day_iso((int32_t)day, date);
	unsigned s = (unsigned)(rest / US_PER_S), f = (unsigned)(rest % US_PER_S);
	snprintf(dst, INSTANT_TEXT, "%sT%02u:%02u:%02u.%06uZ", date, s / 3600 % 24, s / 60 % 60, s % 60, f % 1000000);
}
