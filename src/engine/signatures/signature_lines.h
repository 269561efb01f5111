/* Lines of a file of any size, in bounded memory. */
#ifndef SIGNATURE_LINES_H
#define SIGNATURE_LINES_H

#include "bounds.h"

#include <stdbool.h>
#include <stddef.h>

struct signature_lines {
	int fd;          /* not owned; read from where it stands */
	unsigned number; /* of the line last given, from 1 on */
	bool end;
	size_t from, n;
	char bytes[4 * (MAX_SIGNATURE_LINE + 1)];
};

void signature_lines_init(struct signature_lines *l, int fd);

/* The next line without what ends it (any of \r and \n), ending in NUL; lives until the next call. 1, or 0 at the end;
 * -EMSGSIZE for one of more than MAX_SIGNATURE_LINE bytes, -EINVAL for one with a NUL in it. */
int signature_lines_next(struct signature_lines *l, char **ret);

#endif
