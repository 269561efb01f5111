/* What the metal says of itself, below a root folder. */
#ifndef HARDWARE_READ_H
#define HARDWARE_READ_H

#include "hardware.h"

#include <stdbool.h>

void hardware_read(int root, struct hardware *ret);

/* True for what firmware writes where nothing was written, and for what is too short or too uniform to name one thing.
 */
bool hardware_is_filler(enum hw_kind kind, const char *value);

/* The value as one of the list: case and white space at the ends do not count. */
struct hw_value hardware_value(enum hw_kind kind, const char *value);

#endif
