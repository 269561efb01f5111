#include "rng.h"

#include <string.h>

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, v;
	do
		v = rng_next(r);
	while (v >= limit);
	return v % n;
}

bool rng_chance(struct rng *r, int64_t per_million)
{
	return (int64_t)rng_below(r, 1000000) < per_million;
}

void rng_bytes(struct rng *r, void *p, size_t n)
{
	char *q = p;
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = rng_next(r);
		memcpy(q + i, &v, n - i < 8 ? n - i : 8);
	}
}

struct rng rng_child(uint64_t seed, uint64_t number)
{
	struct rng r = {seed};
	r.state ^= rng_next(&r) + number * UINT64_C(0xd1342543de82ef95);
	rng_next(&r);
	return r;
}
