/* Business days. A day is a day of Asia/Ho_Chi_Minh, which has been UTC+7 without summer time since 1975-06-13, the
 * whole span of the ledger; a figure "as of" a day is as of its 24:00. A day is a count from 1970-01-01. */
#ifndef DAY_H
#define DAY_H

#include <stdint.h>

enum { DAY_TEXT = 11 }; /* "2022-05-12" and NUL; "12/05/2022" as well */

int32_t day_of(int64_t us);
int64_t day_first_us(int32_t day);
int64_t day_last_us(int32_t day); /* the last microsecond before 24:00 */

/* ISO 8601 "YYYY-MM-DD", years 1970 to 9999; -EINVAL for anything else, 30 February included. */
int day_parse(const char *s, int32_t *ret);
void day_iso(int32_t day, char dst[DAY_TEXT]);

/* An instant: "YYYY-MM-DDTHH:MM:SS[.fraction]Z" or with "+07:00" and the like; -EINVAL otherwise. */
int instant_parse(const char *s, int64_t *ret_us);
enum { INSTANT_TEXT = 28 };
void instant_iso(int64_t us, char dst[INSTANT_TEXT]); /* "2022-05-12T16:59:59.999999Z" */

#endif
