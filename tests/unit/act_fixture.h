/* A place with a quarantine and a folder of files. */
#ifndef ACT_FIXTURE_H
#define ACT_FIXTURE_H

#include "quarantine_int.h"

#include <stdbool.h>
#include <stddef.h>

struct place {
	char root[64];       /* removed at the end */
	char quarantine[96]; /* its folder */
	char files[96];      /* and that of the files */
	int files_fd;
	struct quarantine *q;
};

void place_make(struct place *p, const char *below); /* a new folder in `below` */
void place_open(struct place *p, const struct act_disk *disk);
void place_close(struct place *p);
void place_remove(struct place *p);

/* The name in the folder of files, as a path; lives until the fourth next call. */
const char *place_path(const struct place *p, const char *name);
void place_write(const struct place *p, const char *name, const void *bytes, size_t n);
bool place_has(const struct place *p, const char *name);
size_t place_count(const char *folder, const char *ending); /* names that end so */

/* Takes the file by its name as a scan would. */
int place_take(struct place *p, const char *name, struct quarantine_item *ret, struct err *e);
struct detection place_detection(void);

/* All that must come back. */
struct snapshot {
	struct stat st;
	uint8_t digest[SHA256_BYTES];
	struct buf extended;
};
void snapshot_take(struct snapshot *s, const char *path);
void snapshot_assert_same(const struct snapshot *a, const struct snapshot *b);
void snapshot_release(struct snapshot *s);

/* The ids of what is listed, oldest first; the number of them. */
size_t place_ids(struct place *p, id16 *ids, size_t max);

#endif
