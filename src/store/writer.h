/* How a group of write jobs becomes one commit. */
#ifndef WRITER_H
#define WRITER_H

#include "job_queue.h"

struct writing {
	struct db *db;
	int (*prepare)(void *arg, struct db *db); /* runs first inside each transaction */
	void *arg;
	int careful; /* so many groups more are run with a savepoint for each job from the start */
};

/* Runs the jobs in one transaction and leaves each one's end in its r: 0 only when the commit that holds it is durable.
 * Returns the number of commits. */
int write_group(struct writing *w, struct job *jobs, int n);

#endif
