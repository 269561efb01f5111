/* Errors: libraries return 0 or a negative errno code and never log; the program logs once, where it decides.
 * Where a person must be told more than a code (which line, which field), the function takes a struct err. */
#ifndef ERR_H
#define ERR_H

#include <errno.h>

struct err {
	int code;       /* negative errno, 0 when unset */
	char text[384]; /* names the place; ends in NUL; safe to show to the caller who sent the input */
};

/* Fills `e` (which may be NULL) and returns `code`, so that it can stand behind `return`. The first text wins:
 * a caller that adds context uses err_wrap. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text that is there. Returns e->code (or 0 for NULL). */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
