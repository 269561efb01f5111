#ifndef PARENT_SCAN_INT_H
#define PARENT_SCAN_INT_H

#include "parent_int.h"

/* parent_scan.c */
void parent_scan_trouble(struct parent *p, const char *what, const char *why);

/* parent_scan_process.c */
int parent_scan_start(struct parent *p, struct scan_process *s);
void parent_scan_end(struct parent *p, struct scan_process *s, const char *why); /* by force */
/* p->out and descriptors, which are taken over in any case. One that does not take it is ended. */
void parent_scan_tell(struct parent *p, struct scan_process *s, const int *fds, size_t n);
int parent_scan_open_allow(const struct parent *p);
void parent_scan_tell_allow(struct parent *p, struct scan_process *s, int list);
struct scan_limits parent_scan_limits(const struct parent *p); /* of the policy in force */

/* parent_scan_words.c */
void parent_scan_hear(struct parent *p, struct scan_process *s);

/* parent_scan_workers.c */
struct scan_spawn *parent_scan_spawn_of(struct parent *p, int64_t ticket);
void parent_scan_answer(struct parent *p, struct scan_spawn *s, const struct pool_worker_ends *w, int why);
void parent_scan_refuse_all(struct parent *p, int why);
int parent_scan_want_worker(void *arg);
void parent_scan_happened(void *arg, const struct pool_event *e);

/* parent_scan_reload.c */
void parent_scan_swap(struct parent *p);     /* the second is up: it takes over */
void parent_scan_in_force(struct parent *p); /* the first is up */
void parent_scan_not_in_force(struct parent *p, const char *why);

#endif
