/* How a group of write jobs becomes one commit. */
#ifndef WRITER_H
#define WRITER_H

#include "job_queue.h"

/* Runs the jobs in one transaction and leaves each one's end in its r: 0 only when the commit that holds it is durable.
 * `prepare` runs first inside each transaction. Returns the number of commits. */
int write_group(struct db *db, int (*prepare)(void *arg, struct db *db), void *arg, struct job *jobs, int n);

#endif
