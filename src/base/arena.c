#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_STEP = 256 * 1024 };

struct arena_block {
	struct arena_block *older;
	size_t n, cap;
	alignas(max_align_t) unsigned char p[];
};

static struct arena_block *add_block(struct arena *a, size_t n)
{
	size_t cap = a->block ? a->block->cap * 2 : FIRST_BLOCK;
	if (cap > LARGEST_STEP)
		cap = LARGEST_STEP;
	if (cap < n)
		cap = n;
	if (cap > SIZE_MAX - sizeof(struct arena_block))
		return NULL;
	struct arena_block *b = malloc(sizeof *b + cap);
	if (!b)
		return NULL;
	*b = (struct arena_block){.older = a->block, .cap = cap};
	a->block = b;
	return b;
}

static void *take(struct arena *a, size_t n, size_t alignment)
{
	struct arena_block *b = a->block;
	size_t from = b ? (b->n + alignment - 1) & ~(alignment - 1) : 0;
	if (!b || from > b->cap || n > b->cap - from) {
		b = add_block(a, n);
		from = 0;
	}
	if (!b)
		return NULL;
	b->n = from + n;
	return b->p + from;
}

void *arena_take(struct arena *a, size_t n)
{
	void *p = take(a, n, alignof(max_align_t));
	return p ? memset(p, 0, n) : NULL;
}

char *arena_copy(struct arena *a, const void *p, size_t n)
{
	char *copy = n < SIZE_MAX ? take(a, n + 1, 1) : NULL;
	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, p, n);
	copy[n] = 0;
	return copy;
}

char *arena_text(struct arena *a, const char *s)
{
	return arena_copy(a, s, strlen(s));
}

void arena_release(struct arena *a)
{
	while (a->block) {
		struct arena_block *older = a->block->older;
		free(a->block);
		a->block = older;
	}
}
