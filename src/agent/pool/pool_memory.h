/* Which contents ended a worker. Bounded: the oldest is forgotten first. */
#ifndef POOL_MEMORY_H
#define POOL_MEMORY_H

#include "scan_result.h"

#include <sys/stat.h>

enum { POOL_MAX_REMEMBERED = 1024 };

/* A file as it is now; what it held then, it holds as long as this stays. */
struct pool_file {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct pool_memory_entry {
	struct pool_file file;
	bool has_sha256;
	uint8_t sha256[SHA256_BYTES];
	enum scan_reason reason;
};

struct pool_memory {
	size_t n, next;
	struct pool_memory_entry *v; /* POOL_MAX_REMEMBERED, made at the first use */
};

struct pool_file pool_file_of(const struct stat *st);
/* Without memory for it nothing is remembered: the same content costs another worker, no more. */
void pool_memory_add(struct pool_memory *m, const struct pool_memory_entry *e);
const struct pool_memory_entry *pool_memory_find(const struct pool_memory *m, const struct pool_file *f);
void pool_memory_clear(struct pool_memory *m);

#endif
