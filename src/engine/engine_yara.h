/* libyara. Rules lie in yara/ of a generation: *.yar, *.yara as text, *.yarc compiled by this version of libyara. Every
 * content is shown to them, but a file whose name begins with a kind of content (content_type_name; "pe.NAME.yar",
 * "office.NAME.yara", …) is for contents of that kind alone. A file that does not compile is named with its line and
 * left out. `include` is refused: a file stands by itself.
 *
 * A rule says itself what a match means, by its meta `verdict`: "infected" (its author vouches for it) or "suspicious";
 * without it a match is suspicious, because public sets match clean files, twice each. */
#ifndef ENGINE_YARA_H
#define ENGINE_YARA_H

#include "engine.h"

extern const struct engine engine_yara;

#endif
