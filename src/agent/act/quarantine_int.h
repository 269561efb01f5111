/* The folder: one container for each item, and what has happened to it is its name's ending, so that every step is one
 * rename.
 *
 *   ID.writing ──> ID.taking ──(the original is removed)──> ID.taken ──(told)──> ID.kept
 *                                                             │                    │
 *                    (the file is given back or deleted)      v                    v
 *                                         ID.taken-restored ─(told)─> ID.restored ─(told)─> gone
 *                                         ID.taken-deleted  ─(told)─> ID.deleted  ─(told)─> gone
 *
 * Beside them: key, lock, index, and ID.note of what leaves. `lock` is held for the short moments in which the folder
 * is looked over or changed; whoever works on a container holds a lock on that, so what is `writing` and can be locked
 * was left by the dead. */
#ifndef QUARANTINE_INT_H
#define QUARANTINE_INT_H

#include "act_disk.h"
#include "container.h"
#include "quarantine.h"

#include <stdbool.h>
#include <sys/stat.h>

enum item_state {
	ITEM_WRITING,
	ITEM_TAKING,
	ITEM_TAKEN,
	ITEM_KEPT,
	ITEM_TAKEN_RESTORED,
	ITEM_RESTORED,
	ITEM_TAKEN_DELETED,
	ITEM_DELETED,
	ITEM_STATE_END, /* no file any more */
};

extern const struct item_state_def {
	const char *ending;
	bool holds;                              /* the content can be had: it is listed */
	enum detection_action event;             /* the centre is to be told; ACTION_NONE: nothing */
	enum item_state told, restored, deleted; /* what it becomes */
} item_states[ITEM_STATE_END];

struct quarantine {
	int folder, lock;
	struct stat folder_is;
	struct quarantine_limits limits;
	const struct act_disk *disk;
	struct act_keys keys;
};

/* quarantine_open on a disk of one's own. */
int quarantine_open_on(const struct act_disk *disk, const char *folder, const struct quarantine_limits *l,
    struct quarantine **ret, struct err *e);

/* quarantine.c */
int folder_lock(struct quarantine *q);
void folder_unlock(struct quarantine *q);

enum { ITEM_NAME = ID_TEXT + 20 };
void item_name(id16 id, enum item_state s, char dst[ITEM_NAME]);

/* A file of the folder that is a container. */
struct item_file {
	id16 id;
	enum item_state state;
	struct stat st;
};
/* Calls fn for each until it returns something else than 0, which is returned. The folder is locked. */
int folder_each(struct quarantine *q, int (*fn)(void *arg, const struct item_file *f), void *arg);

/* A container that nobody else works on. */
struct open_item {
	id16 id;
	enum item_state state;
	int fd;
};
/* -ENOENT: none in a state that `wanted` takes; -EBUSY. */
int item_open(struct quarantine *q, id16 id, bool (*wanted)(enum item_state s), struct open_item *ret);
void item_close(struct open_item *item);
/* Renames and syncs; ITEM_STATE_END: removes. */
int item_become(struct quarantine *q, struct open_item *item, enum item_state s);

/* quarantine_note.c */
struct note {
	int64_t task_id; /* 0: none */
	size_t path_n;   /* where the file is now; 0: nowhere */
	const void *path;
};
int note_write(struct quarantine *q, id16 id, const struct note *note);
/* *ret points into memory, which is BUF_INIT(NOTE_MEMORY). -ENOENT, -EBADMSG. */
enum { NOTE_MEMORY = MAX_PATH_BYTES + 256 };
int note_read(struct quarantine *q, id16 id, struct buf *memory, struct note *ret);
void note_remove(struct quarantine *q, id16 id); /* whether there is one or not */

/* quarantine_index.c: the items whose content is held, oldest first. The array and all texts are one allocation's
 * affair: item_list_release. */
struct item_list {
	size_t n, cap;
	struct quarantine_item *items;
	struct buf index; /* what the texts of items from the index point into */
	size_t n_read, read_cap;
	struct container_facts *read; /* and those of items read from their containers */
};
int item_list_load(struct quarantine *q, struct item_list *ret);
void item_list_release(struct item_list *l);

#endif
