/* The smallest whole engine, and the template of new ones: it finds byte strings that the file "markers" of a
 * generation names. Read engine_marker.c beside engine.h; the tests use it as an engine without a library. */
#ifndef ENGINE_MARKER_H
#define ENGINE_MARKER_H

#include "engine.h"

extern const struct engine engine_marker;

#endif
