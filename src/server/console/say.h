/* How the API writes what the ledger knows: days as "2022-05-12", instants as ISO 8601 in UTC, "until further notice"
 * and "unknown" as null. And how it reads the moment that a question is about. */
#ifndef SAY_H
#define SAY_H

#include "call.h"
#include "moment.h"
#include "unit.h"

json_t *say_instant(int64_t us);    /* TIME_END and 0: null */
json_t *say_day(int32_t day);       /* 0: null */
json_t *say_text(const char *s);    /* NULL: null; what is not UTF-8 is escaped */
json_t *say_json(const char *text); /* JSON that the store keeps as text; null when it is none */
json_t *say_object(void);           /* {}: a detail with nothing to add */

/* ?as_of=2022-05-12&known_at=2022-06-01T00:00:00Z; without them: now, as known now. */
struct when {
	int32_t as_of;
	int64_t known_at;
};
#define WHEN_NOW                                                                                                       \
	{                                                                                                              \
		DAY_TODAY, KNOWN_NOW                                                                                   \
	}
#define WHEN_FIELDS(s, m)                                                                                              \
	{"as_of", FORM_DAY, FORM_OPTIONAL, offsetof(s, m.as_of), sizeof(int32_t), 0, 0},                               \
	{                                                                                                              \
		"known_at", FORM_UNTIL, FORM_OPTIONAL, offsetof(s, m.known_at), sizeof(int64_t), 0, 0                  \
	}
int say_moment(struct db *db, struct call *c, const struct when *w, struct as_of *ret);
int say_moment_tree(struct db *db, struct call *c, const struct when *w, struct as_of *ret, struct tree **ret_tree);

/* Paging by position: the opaque cursor of an answer. */
enum { MAX_CURSOR = 2048, MAX_PAGE = 1000, STANDARD_PAGE = 100 };
json_t *say_cursor(const char *a, const char *b);
/* -EINVAL. "" gives two empty texts. */
int read_cursor(const char *cursor, char *a, size_t a_size, char *b, size_t b_size);

#endif
