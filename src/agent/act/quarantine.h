/* Quarantine: infected files are moved into containers that nobody else trips over, and can be given back bit for bit.
 *
 * What always holds:
 *  1. At every instant, killed or without power, the file is in its place or its container is complete. Never neither.
 *  2. Only the file that was judged is removed: the one behind the descriptor. No name is followed through a link.
 *  3. A container tells by itself all there is to know; the index is a cache, rebuilt from the containers.
 *  4. Nothing is ever dropped to make room: what does not fit is refused and stays where it is.
 *  5. What was taken, given back or deleted is told to the centre exactly once, also after a crash between.
 *
 * Processes may use one folder at the same time. The calls block (a large file takes seconds): the parent makes them in
 * a process of their own. libsodium must be initialised. Root. All return 0 or a negative errno, with a text for a
 * person in e. */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include "err.h"
#include "event.h"
#include "quarantine_item.h"

#include <stdint.h>

#define QUARANTINE_FOLDER_NAME "quarantine" /* in the agent's state folder */

struct quarantine_limits {
	int64_t file_bytes;      /* of one file's content */
	int64_t total_bytes;     /* of all containers */
	int64_t keep_free_bytes; /* on the file system of the folder: what the computer needs goes first */
	int64_t items;
};
#define QUARANTINE_LIMITS_STANDARD                                                                                     \
	((struct quarantine_limits){INT64_C(1) << 30, INT64_C(4) << 30, INT64_C(256) << 20, 10000})

struct quarantine;

/* Opens the folder, making it (0700) and its key (0600) at the first time. The key is this installation's and lies
 * beside the containers: it keeps other products and chance readers from the content, not somebody who has the whole
 * disk. -ENOKEY: containers without their key, or a broken one: nothing is made up in its place. */
int quarantine_open(const char *folder, const struct quarantine_limits *l, struct quarantine **ret, struct err *e);
void quarantine_close(struct quarantine *q);

/* Finishes or undoes what a killed process has left; once, at the start of the agent. */
int quarantine_recover(struct quarantine *q, struct err *e);

/* Moves the file into quarantine. fd: the content that was judged (regular; readable); dirfd and name: its last
 * component, dirfd opened for reading and without following links (act_open_folder); path: where it is, for people.
 * When it is renamed while this works it is followed. The detection's digest, if there, must still be the content's.
 *   *ret: its texts are d's and path's. ret->links > 1: the file has further names, which keep the content. They are
 *   left: emptying the file would destroy what only one name can be given back from, and a scan finds each by itself.
 * The event (ACTION_QUARANTINED) is told by the agent (quarantine_outstanding); the caller tells only failures
 * (ACTION_FAILED). After a failure the file is in its place, untouched: without room to keep its attributes nothing is
 * changed about it either, since nobody could give them back.
 *   -ESTALE: it is not what was judged any more; judge again. -ENOENT: it is gone. -EAGAIN: it cannot be caught.
 * -EFBIG: larger than a file may be. -EDQUOT: the quarantine is full. -ENOSPC: the disk is. -EPERM: one of our own
 * programs. -EINVAL: not a regular file. Others: of the file systems. */
int quarantine_take(struct quarantine *q, int dirfd, const char *name, int fd, const struct os_path *path,
    const struct detection *d, struct quarantine_item *ret, struct err *e);

/* Calls fn for every item, oldest first, until it returns something else than 0, which is returned. What it is given
 * lives until it returns. */
int quarantine_list(
    struct quarantine *q, int (*fn)(void *arg, const struct quarantine_item *item), void *arg, struct err *e);

/* Items that can be given back, and bytes of all there is. */
int quarantine_usage(struct quarantine *q, int64_t *ret_items, int64_t *ret_bytes);

/* Gives the file back to where it was, or to the absolute path elsewhere: content, owner, mode, times, attributes, with
 * the digest checked before anybody sees it. Never over anything: -EEXIST, unless what is there is this very content
 * (somebody was killed between giving back and forgetting). No link is followed in the folders (-ELOOP). -EBADMSG: the
 * container is damaged. -ENOTSUP: the file system cannot hold an attribute; elsewhere it is then left out. -EBUSY:
 * somebody else is at it. -ENOENT: no such item, or the folder is not there any more. task_id: which asked for it; 0:
 * none. */
int quarantine_restore(struct quarantine *q, id16 id, const char *elsewhere, int64_t task_id, struct err *e);

/* Forgets it for good. */
int quarantine_delete(struct quarantine *q, id16 id, int64_t task_id, struct err *e);

/* What the centre is to be told yet: that an item was taken (a detection), given back or deleted. The event has the
 * same id at each repetition, so that a spool takes it once. When it is in the spool: quarantine_told with the same
 * `what`. At most 64 a call; the others come when these have been told. */
int quarantine_outstanding(struct quarantine *q,
    int (*fn)(void *arg, const struct event *e, id16 item, enum detection_action what), void *arg, struct err *e);
int quarantine_told(struct quarantine *q, id16 id, enum detection_action what, struct err *e);

/* The folder of an absolute path, no component of which may be a link; *ret_name points to the last component in path.
 * -ELOOP, -ENOENT, -EINVAL (relative, ends in "/", "." or ".."). */
int act_open_folder(const char *path, int *ret_dirfd, const char **ret_name);

#endif
