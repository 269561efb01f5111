/* Counting finds in groups, in memory: keys are bytes (a malware's name, a content's hash) or numbers. Sized by what
 * there is of different keys, not by the finds. */
#ifndef GROUP_TABLE_H
#define GROUP_TABLE_H

#include "event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes → 0, 1, 2, … in the order in which they came. */
struct key_set;
int key_set_new(struct key_set **ret);
void key_set_free(struct key_set *k);
int key_set_add(struct key_set *k, const void *p, size_t n, size_t *ret_index);
size_t key_set_n(const struct key_set *k);
const void *key_set_at(const struct key_set *k, size_t index, size_t *ret_n); /* with a NUL behind */

/* Pairs of numbers, each below 2^32: how many different ones. */
struct pair_set;
int pair_set_new(struct pair_set **ret);
void pair_set_free(struct pair_set *p);
int pair_set_add(struct pair_set *p, size_t a, size_t b, bool *ret_added);

struct group {
	int64_t found, machines, first_at, last_at;
	int64_t by_action[ACTION_FAILED + 1];
	size_t last_name; /* of the newest find */
};

#endif
