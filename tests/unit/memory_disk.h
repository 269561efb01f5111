/* A disk for the spool's tests: it forgets what was not synced, and fails when told to. */
#ifndef MEMORY_DISK_H
#define MEMORY_DISK_H

#include "spool_disk.h"

#include <stdbool.h>

enum { MEMORY_FILES = 256 };

struct memory_file {
	char name[32];
	bool there, there_safely; /* now; after a power loss */
	struct buf bytes;
	size_t safe; /* bytes that survive */
};

struct memory_disk {
	struct memory_file files[MEMORY_FILES];
	long calls;   /* of operations that change something */
	long fail_at; /* the call that fails; 0: none */
	int error;
	bool for_ever;  /* that and all later ones: the power is gone */
	bool half_done; /* the failing append leaves half of its bytes */
	long room;      /* bytes that fit; 0: any */
};

struct spool_disk memory_disk(struct memory_disk *d);
/* What is left after the power came back; of the bytes that were not synced a part given by `seed` is there. */
void memory_power_loss(struct memory_disk *d, unsigned seed);
struct memory_file *memory_find(struct memory_disk *d, const char *name);
void memory_copy(struct memory_disk *to, const struct memory_disk *from);
void memory_release(struct memory_disk *d);

#endif
