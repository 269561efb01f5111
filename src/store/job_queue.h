/* Jobs that wait for a thread of the store: a ring with an end. */
#ifndef JOB_QUEUE_H
#define JOB_QUEUE_H

#include "store.h"

#include <pthread.h>

struct job {
	store_run run;
	store_done done;
	void *arg;
	int r;
};

struct job_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct job *ring;
	int cap, first, n;
	bool closed;
	int64_t refused;
};

int job_queue_init(struct job_queue *q, int cap);
void job_queue_release(struct job_queue *q);
int job_queue_put(struct job_queue *q, const struct job *job); /* -EAGAIN: full; -ESHUTDOWN: closed */
/* Waits for jobs and takes up to max of them; 0 when the queue is closed and empty. */
int job_queue_take(struct job_queue *q, struct job *jobs, int max);
void job_queue_close(struct job_queue *q);
void job_queue_count(struct job_queue *q, int64_t *waiting, int64_t *refused); /* adds to both */

#endif
