/* What engines say of themselves: from the pipeline through the processes to the person who asks what protects this
 * computer. */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "bounds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum engine_health {
	ENGINE_NOT_LOADED,
	ENGINE_WORKS,         /* loaded, and found its planted content at the last look */
	ENGINE_NO_SIGNATURES, /* works, but the generation has nothing for it */
	ENGINE_MISSES,        /* does not find its planted content: no protection */
	ENGINE_BROKEN,        /* did not load */
	ENGINE_HEALTH_COUNT,
};

const char *engine_health_name(enum engine_health h);

/* One engine, as told to another process: owns what it says. */
struct engine_report {
	char name[MAX_ENGINE_NAME];
	enum engine_health health;
	size_t signatures, problems; /* problems: files or rules that are left out */
	char problem[256];           /* the first of them, "" none */
};

struct engine_states {
	int64_t generation; /* of the signatures, 0 none */
	int32_t day;        /* day.h; 0 unknown */
	bool all_found;     /* every engine that is loaded has found what was planted for it */
	size_t n;
	struct engine_report v[MAX_ENGINES];
};

#endif
