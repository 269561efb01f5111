/* Fills the folder of a generation. */
#ifndef GENERATION_MAKE_H
#define GENERATION_MAKE_H

#include "generation.h"

/* `folder` is empty, and new. g->number and g->day are told, the rest is counted. Everything is synced. */
int generation_make(int folder, const struct signature_sources *s, struct generation *g, struct err *e);

#endif
