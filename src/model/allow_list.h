/* What the centre allows on one machine: contents that are let be whatever an engine says. The list is told whole; its
 * hash is the centre's, and whoever has the list repeats it. */
#ifndef ALLOW_LIST_H
#define ALLOW_LIST_H

#include "bounds.h"
#include "ids.h"

#include <stddef.h>
#include <stdint.h>

struct allowance {
	uint8_t sha256[SHA256_BYTES];
	int64_t until_us;   /* TIME_END: until further notice; judged by the machine's own clock */
	const char *reason; /* at most MAX_ALLOW_REASON bytes */
};

struct allow_list {
	char hash[ID_TEXT];        /* "" of the empty list */
	size_t n;                  /* at most MAX_ALLOWANCES */
	const struct allowance *v; /* by sha256, each once */
};

/* One block, for free(). NULL without memory. */
struct allow_list *allow_list_new(const struct allow_list *of);
/* NULL, or what is wrong with it. */
const char *allow_list_fault(const struct allow_list *l);

#endif
