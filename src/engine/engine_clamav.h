/* libclamav: body signatures, and the unpacker of the other engines. GPL: linked by khien-scan only.
 *
 * Loads body/ of a generation, file by file; one that libclamav refuses is named and left out. Hashes are not its
 * business: the image has them. Without body signatures it still unpacks. */
#ifndef ENGINE_CLAMAV_H
#define ENGINE_CLAMAV_H

#include "engine.h"

extern const struct engine engine_clamav;

#endif
