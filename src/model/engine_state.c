#include "engine_state.h"

const char *engine_health_name(enum engine_health h)
{
	static const char *const names[ENGINE_HEALTH_COUNT] = {
	    [ENGINE_NOT_LOADED] = "not loaded",
	    [ENGINE_WORKS] = "works",
	    [ENGINE_NO_SIGNATURES] = "no signatures",
	    [ENGINE_MISSES] = "misses what it must find",
	    [ENGINE_BROKEN] = "broken",
	};
	return (unsigned)h < ENGINE_HEALTH_COUNT ? names[h] : "unknown";
}
