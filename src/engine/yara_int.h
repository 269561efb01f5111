#ifndef YARA_INT_H
#define YARA_INT_H

#include "engine.h"

#include <yara.h>

enum { YARA_MARKER = 32, MAX_YARA_SETS = 64 };
#define YARA_PLANTED_NAMESPACE "khien.planted"

struct yara_set {
	enum content_type type; /* CONTENT_OTHER: every content */
	YR_RULES *rules;
	YR_SCANNER *scanner; /* made at the first scan of a process; NULL before */
};

struct yara {
	uint8_t marker[YARA_MARKER];
	bool bare; /* no rule but the planted one: only its content can match */
	size_t n;
	struct yara_set sets[MAX_YARA_SETS];
};

/* yara_load.c */
int yara_load(const struct engine_load *l, void **ret_state, size_t *ret_signatures, struct err *e);
void yara_unload(void *state);

#endif
