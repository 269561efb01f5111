/* Finds in groups: which malware, which contents, which machines; how often, on how many machines, what was done. Every
 * number is counted from the rows at each question, so that no counter can be wrong. */
#ifndef DETECTION_GROUP_H
#define DETECTION_GROUP_H

#include "db.h"
#include "group_table.h"
#include "ids.h"
#include "scope.h"

enum detection_by { BY_MALWARE = 1, BY_HASH, BY_MACHINE };
enum detection_order { ORDER_LAST, ORDER_FOUND, ORDER_MACHINES };

/* Texts live during the call. */
struct detection_group {
	const char
	    *key; /* what the group is: a name, a SHA-256 in hex ("": of contents without one), a machine's uid */
	const char *name; /* the malware of the newest find */
	const char *machine_name;
	int64_t node_id; /* BY_MACHINE */
	struct group count;
	int64_t stands, restored, deleted; /* in quarantines, now, whenever it was taken */
	int64_t order;                     /* with key: where the next page begins */
};
struct detection_group_query {
	enum detection_by by;
	enum detection_order order;
	int64_t node_id;           /* 0: everything in scope; else machines that hang there or below now */
	const char *machine;       /* uid; NULL: all */
	int64_t from_us, until_us; /* received; until_us 0: now */
	const char *name;          /* is a part of the malware's name, whatever its case and marks; NULL: any */
	const uint8_t *sha256;     /* NULL: any */
	bool paged;                /* behind the group of after_order, after_key */
	int64_t after_order;
	const char *after_key;
	int64_t limit; /* 1 … 1000 */
};
/* *ret_groups (may be NULL): how many there are in all. -ENOENT: no such node or machine in scope. */
int detection_groups(struct db *db, const struct scope *scope, const struct detection_group_query *q,
    int (*fn)(void *arg, const struct detection_group *g), void *arg, int64_t *ret_groups);

#endif
