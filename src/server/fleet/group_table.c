#include "group_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Open addressing, at most half full. */
struct key {
	size_t at, n; /* in the bytes */
	uint64_t hash;
};
struct key_set {
	size_t n, cap_keys, slots; /* slots: a power of two */
	struct key *keys;
	uint32_t *slot; /* index + 1; 0: free */
	char *bytes;
	size_t n_bytes, cap_bytes;
};

struct pair_set {
	size_t n, slots;
	uint64_t *slot; /* the pair + 1; 0: free */
};

enum { FIRST_SLOTS = 1024 };

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

/* Keys come from agents: somebody who makes them collide makes a list slow, and is the attacker of a machine of ours
 * already. */
static uint64_t hash_of(const void *p, size_t n)
{
	const unsigned char *b = p;
	uint64_t h = n;
	for (; n >= 8; n -= 8, b += 8) {
		uint64_t v;
		memcpy(&v, b, 8);
		h = mix(h ^ v);
	}
	for (; n; n--, b++)
		h = (h ^ *b) * UINT64_C(0x100000001b3);
	return mix(h);
}

int key_set_new(struct key_set **ret)
{
	struct key_set *k = calloc(1, sizeof *k);
	uint32_t *slot = calloc(FIRST_SLOTS, sizeof *slot);
	if (!k || !slot) {
		free(k);
		free(slot);
		return -ENOMEM;
	}
	k->slots = FIRST_SLOTS;
	k->slot = slot;
	*ret = k;
	return 0;
}

void key_set_free(struct key_set *k)
{
	if (!k)
		return;
	free(k->keys);
	free(k->slot);
	free(k->bytes);
	free(k);
}

size_t key_set_n(const struct key_set *k)
{
	return k->n;
}

const void *key_set_at(const struct key_set *k, size_t index, size_t *ret_n)
{
	if (ret_n)
		*ret_n = k->keys[index].n;
	return k->bytes + k->keys[index].at;
}

static int grow_slots(struct key_set *k)
{
	size_t slots = 2 * k->slots;
	uint32_t *slot = calloc(slots, sizeof *slot);
	if (!slot)
		return -ENOMEM;
	for (size_t i = 0; i < k->n; i++) {
		size_t s = k->keys[i].hash & (slots - 1);
		while (slot[s])
			s = (s + 1) & (slots - 1);
		slot[s] = (uint32_t)i + 1;
	}
	free(k->slot);
	k->slot = slot;
	k->slots = slots;
	return 0;
}

/* Place for one key of n bytes and its NUL. */
static int make_room(struct key_set *k, size_t n)
{
	if (k->n == k->cap_keys) {
		size_t cap = k->cap_keys ? 2 * k->cap_keys : 256;
		struct key *keys = reallocarray(k->keys, cap, sizeof *keys);
		if (!keys)
			return -ENOMEM;
		k->keys = keys;
		k->cap_keys = cap;
	}
	if (k->n_bytes + n + 1 > k->cap_bytes) {
		size_t cap = 2 * k->cap_bytes + n + 4096;
		char *bytes = realloc(k->bytes, cap);
		if (!bytes)
			return -ENOMEM;
		k->bytes = bytes;
		k->cap_bytes = cap;
	}
	return k->n >= UINT32_MAX - 1 ? -ENOSPC : 2 * (k->n + 1) > k->slots ? grow_slots(k) : 0;
}

static bool is_key(const struct key_set *k, size_t index, const void *p, size_t n, uint64_t hash)
{
	const struct key *key = &k->keys[index];
	return key->hash == hash && key->n == n && memcmp(k->bytes + key->at, p, n) == 0;
}

int key_set_add(struct key_set *k, const void *p, size_t n, size_t *ret_index)
{
	uint64_t hash = hash_of(p, n);
	size_t s = hash & (k->slots - 1);
	for (; k->slot[s]; s = (s + 1) & (k->slots - 1)) {
		if (is_key(k, k->slot[s] - 1, p, n, hash)) {
			*ret_index = k->slot[s] - 1;
			return 0;
		}
	}
	int r = make_room(k, n);
	if (r)
		return r;
	for (s = hash & (k->slots - 1); k->slot[s];)
		s = (s + 1) & (k->slots - 1);
	k->keys[k->n] = (struct key){k->n_bytes, n, hash};
	memcpy(k->bytes + k->n_bytes, p, n);
	k->bytes[k->n_bytes + n] = 0;
	k->n_bytes += n + 1;
	k->slot[s] = (uint32_t)k->n + 1;
	*ret_index = k->n++;
	return 0;
}

int pair_set_new(struct pair_set **ret)
{
	struct pair_set *p = calloc(1, sizeof *p);
	uint64_t *slot = calloc(FIRST_SLOTS, sizeof *slot);
	if (!p || !slot) {
		free(p);
		free(slot);
		return -ENOMEM;
	}
	*p = (struct pair_set){.slots = FIRST_SLOTS, .slot = slot};
	*ret = p;
	return 0;
}

void pair_set_free(struct pair_set *p)
{
	if (p)
		free(p->slot);
	free(p);
}

static void put_pair(uint64_t *slot, size_t slots, uint64_t pair)
{
	size_t s = mix(pair) & (slots - 1);
	while (slot[s])
		s = (s + 1) & (slots - 1);
	slot[s] = pair;
}

static int grow_pairs(struct pair_set *p)
{
	size_t slots = 2 * p->slots;
	uint64_t *slot = calloc(slots, sizeof *slot);
	if (!slot)
		return -ENOMEM;
	for (size_t i = 0; i < p->slots; i++)
		if (p->slot[i])
			put_pair(slot, slots, p->slot[i]);
	free(p->slot);
	p->slot = slot;
	p->slots = slots;
	return 0;
}

int pair_set_add(struct pair_set *p, size_t a, size_t b, bool *ret_added)
{
	uint64_t pair = ((uint64_t)a << 32 | (uint32_t)b) + 1;
	*ret_added = false;
	for (size_t s = mix(pair) & (p->slots - 1); p->slot[s]; s = (s + 1) & (p->slots - 1))
		if (p->slot[s] == pair)
			return 0;
	int r = 2 * (p->n + 1) > p->slots ? grow_pairs(p) : 0;
	if (r)
		return r;
	put_pair(p->slot, p->slots, pair);
	p->n++;
	*ret_added = true;
	return 0;
}
