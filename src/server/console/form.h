/* What a call brings, read by a table of its members: types, bounds, NFC. A member that the table does not know is
 * refused, so that a misspelt option never passes in silence. */
#ifndef FORM_H
#define FORM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum form_type {
	FORM_TEXT,  /* char[size], NFC, trimmed; empty only if min is 0 */
	FORM_I64,   /* int64_t in min..max */
	FORM_BOOL,  /* bool */
	FORM_DAY,   /* int32_t from "YYYY-MM-DD" */
	FORM_FROM,  /* int64_t, microseconds from an instant, or the first one of a day */
	FORM_UNTIL, /* int64_t, microseconds from an instant, or the last one of a day */
	FORM_JSON,  /* const json_t *, borrowed: the handler reads it itself */
};

struct form_field {
	const char *name;
	enum form_type type;
	bool needed;
	size_t offset, size;
	int64_t min, max;
};

#define FORM_OPTIONAL   false
#define FORM_NEEDED     true
#define FORM_ROOM(s, m) sizeof(((s *)NULL)->m)
#define FORM_TEXT_OF(s, m, needed, least)                                                                              \
	{                                                                                                              \
#m, FORM_TEXT, needed, offsetof(s, m), FORM_ROOM(s, m), least, 0                                       \
	}
#define FORM_I64_OF(s, m, needed, min, max)                                                                            \
	{                                                                                                              \
#m, FORM_I64, needed, offsetof(s, m), FORM_ROOM(s, m), min, max                                        \
	}
#define FORM_OF(s, m, type, needed)                                                                                    \
	{                                                                                                              \
#m, type, needed, offsetof(s, m), FORM_ROOM(s, m), 0, 0                                                \
	}

struct form_fault {
	char field[64];
	char text[192];
};

/* Reads `object` into dst, whose members keep what they held where nothing is given. ret_given (may be NULL): bit i is
 * set when field i was given. loose: values are texts of a query string. -EINVAL with *fault; dst is then of no use. */
int form_read(const struct form_field *fields, size_t n, const json_t *object, bool loose, void *dst,
    uint64_t *ret_given, struct form_fault *fault);

/* A query string as an object of texts. -EINVAL: a bad escape, not UTF-8, a name twice, more than MAX_QUERY parts. */
enum { MAX_QUERY = 32 };
int query_parse(const char *raw, json_t **ret, struct form_fault *fault);

#endif
