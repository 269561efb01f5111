/* The names in .ign and .ign2: signatures that are not to be used, as libclamav does it for those it loads. */
#ifndef SIGNATURE_IGNORE_H
#define SIGNATURE_IGNORE_H

#include "err.h"

#include <stdbool.h>

struct signature_ignore;

int signature_ignore_new(struct signature_ignore **ret);
void signature_ignore_free(struct signature_ignore *i);

/* Lines `name`, `name:md5 of the line that is meant`, `database:line:name`. `label` names the file in errors. -EINVAL:
 * a line is none of these. */
int signature_ignore_read(struct signature_ignore *i, int fd, const char *label, struct err *e);

/* The signature of this name, whose line this is, is not to be used. */
bool signature_ignore_has(const struct signature_ignore *i, const char *name, const char *line);

#endif
