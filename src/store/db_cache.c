#include "db_driver.h"

static size_t slot_of(const struct db_cache *c, const char *sql)
{
	size_t i = ((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
	for (i &= c->cap - 1; c->slots[i].sql && c->slots[i].sql != sql; i = (i + 1) & (c->cap - 1))
		;
	return i;
}

void *db_cache_get(const struct db_cache *c, const char *sql)
{
	return c->cap ? c->slots[slot_of(c, sql)].statement : NULL;
}

static int grow(struct db_cache *c)
{
	struct db_cache wider = {.cap = c->cap ? 2 * c->cap : 256};
	wider.slots = calloc(wider.cap, sizeof *wider.slots);
	if (!wider.slots)
		return -ENOMEM;
	for (size_t i = 0; i < c->cap; i++)
		if (c->slots[i].sql)
			wider.slots[slot_of(&wider, c->slots[i].sql)] = c->slots[i];
	wider.n = c->n;
	free(c->slots);
	*c = wider;
	return 0;
}

int db_cache_put(struct db_cache *c, const char *sql, void *statement)
{
	if (2 * (c->n + 1) > c->cap) {
		int r = grow(c);
		if (r)
			return r;
	}
	c->slots[slot_of(c, sql)] = (struct db_cached){sql, statement};
	c->n++;
	return 0;
}

void db_cache_clear(struct db_cache *c, void (*drop)(void *statement))
{
	for (size_t i = 0; i < c->cap; i++)
		if (c->slots[i].sql)
			drop(c->slots[i].statement);
	free(c->slots);
	*c = (struct db_cache){0};
}
