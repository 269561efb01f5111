/* The simulator's own generator: the same seed gives the same fleet on every machine. Not for keys. */
#ifndef RNG_H
#define RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);              /* splitmix64 */
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 … n-1, n > 0; without bias */
bool rng_chance(struct rng *r, int64_t per_million);
void rng_bytes(struct rng *r, void *p, size_t n);
struct rng rng_child(uint64_t seed, uint64_t number); /* an independent stream for one machine */

#endif
