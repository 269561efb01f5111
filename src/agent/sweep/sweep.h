/* One scan: the walk, the workers, what is done with what they find, and the account of it. */
#ifndef SWEEP_H
#define SWEEP_H

#include "buf.h"
#include "ipc_channel.h"
#include "mounts.h"
#include "pace.h"
#include "pool.h"
#include "quarantine.h"
#include "sweep_messages.h"
#include "walk.h"

#include <sys/queue.h>

/* A file between the walk and its end. */
struct sweep_file {
	TAILQ_ENTRY(sweep_file) in_order;
	struct sweep *sweep;
	int fd; /* -1: done with */
	struct walk_folder *folder;
	char *path; /* owned */
	const char *name;
	struct stat st;
	enum device_type device;
	int tries;
	bool done;
};

struct sweep {
	struct ipc_channel *parent;
	struct pool *pool;
	struct mounts *mounts;
	struct walk *walk;
	struct quarantine *quarantine;
	struct pace pace;
	struct buf begin_bytes; /* what the texts of begin point into */
	struct sweep_begin begin;
	struct sweep_progress progress;
	char *position; /* the path behind which it can be gone on with */
	char *left_out[1];
	const char *const *roots;
	size_t n_roots;
	char **quick;                    /* the roots of a quick scan */
	TAILQ_HEAD(, sweep_file) window; /* in the walk's order; its head is not done */
	size_t in_window, missed_told;
	int64_t pace_again_us, told_us;
	struct buf out, display;
	bool begun, walked, stopping;
	char why[SWEEP_MAX_WHY];
};

/* sweep.c: 0, or negative when the scan cannot go on (why is set). */
int sweep_begin(struct sweep *s);
void sweep_feed(struct sweep *s, int64_t now_us); /* as many files as there is room for */
bool sweep_is_over(const struct sweep *s);
int64_t sweep_next_us(const struct sweep *s);
void sweep_release(struct sweep *s);

/* sweep_act.c: what follows from a result. Takes file->fd's content as judged; true when the file is to be judged anew.
 */
bool sweep_act(struct sweep *s, struct sweep_file *f, const struct scan_result *r);

/* sweep_tell.c */
void sweep_tell_progress(struct sweep *s);
void sweep_tell_found(struct sweep *s, const struct sweep_found *found);
void sweep_tell_missed(struct sweep *s, enum scan_reason reason, const char *path);
void sweep_tell_end(struct sweep *s, enum scan_end end);

#endif
