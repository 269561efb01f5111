/* Where a quick scan looks: what runs now, what starts by itself, and where things come in. */
#ifndef QUICK_H
#define QUICK_H

#include <stddef.h>

/* Absolute paths without links, the caller's (quick_free). What is not there is left out. -ENOMEM. */
int quick_places(char ***ret, size_t *ret_n);
void quick_free(char **places, size_t n);

#endif
