/* What the spool's tests share: numbered events, and a centre that takes them by the rules of PROTOCOL.md. */
#ifndef SPOOL_FIXTURE_H
#define SPOOL_FIXTURE_H

#include "memory_disk.h"
#include "spool.h"

enum { MANY = 4096 };
extern const struct spool_config small;

/* A centre that takes every stream: counts how often it has stored each event, by the rules of PROTOCOL.md. */
struct centre {
	size_t n;
	struct {
		id16 stream;
		int64_t hwm;
		uint8_t hwm_id[8];
		uint64_t at[MANY]; /* number of the event at seq; 0: none */
	} streams[24];
	int stored[MANY];
	int new_streams;
};

struct event numbered(uint64_t k);
struct spool *open_spool(const struct spool_disk *d);
int add(struct spool *s, uint64_t k, struct spool_place *ret);
void add_synced(struct spool *s, uint64_t first, uint64_t last);
id16 newest(struct spool *s);
void deliver(struct spool *s, struct centre *c, size_t at_most, bool answers);
void assert_each_once(const struct centre *c, uint64_t first, uint64_t last);

#endif
