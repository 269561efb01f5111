/* The engine that finds nothing: for tests of what stands around engines, and for a computer without signatures. */
#ifndef ENGINE_NULL_H
#define ENGINE_NULL_H

#include "engine.h"

extern const struct engine engine_null;

#endif
