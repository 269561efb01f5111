/* Memory that is freed in one call: whatever is taken from an arena lives until arena_release. For what is parsed from
 * one message and given up with it. */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *block; /* the newest; NULL: nothing taken yet */
};

#define ARENA_INIT ((struct arena){0})

/* Zeroed, aligned for any type; NULL without memory. n 0 gives a place all the same. */
void *arena_take(struct arena *a, size_t n);
/* A copy of n bytes with a NUL behind. */
char *arena_copy(struct arena *a, const void *p, size_t n);
char *arena_text(struct arena *a, const char *s);

void arena_release(struct arena *a); /* everything; the arena may be used again */

#endif
