#include "job_queue.h"

int job_queue_init(struct job_queue *q, int cap)
{
	*q = (struct job_queue){.cap = cap, .ring = calloc((size_t)cap, sizeof *q->ring)};
	if (!q->ring)
		return -ENOMEM;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, NULL);
	return 0;
}

void job_queue_release(struct job_queue *q)
{
	if (!q->ring)
		return;
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	free(q->ring);
	q->ring = NULL;
}

int job_queue_put(struct job_queue *q, const struct job *job)
{
	int r = 0;
	pthread_mutex_lock(&q->lock);
	if (q->closed) {
		r = -ESHUTDOWN;
	} else if (q->n == q->cap) {
		q->refused++;
		r = -EAGAIN;
	} else {
		q->ring[(q->first + q->n++) % q->cap] = *job;
		pthread_cond_signal(&q->filled);
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

int job_queue_take(struct job_queue *q, struct job *jobs, int max)
{
	int n = 0;
	pthread_mutex_lock(&q->lock);
	while (!q->n && !q->closed)
		pthread_cond_wait(&q->filled, &q->lock);
	for (; q->n && n < max; n++, q->n--) {
		jobs[n] = q->ring[q->first];
		q->first = (q->first + 1) % q->cap;
	}
	pthread_mutex_unlock(&q->lock);
	return n;
}

void job_queue_close(struct job_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

void job_queue_count(struct job_queue *q, int64_t *waiting, int64_t *refused)
{
	pthread_mutex_lock(&q->lock);
	*waiting += q->n;
	*refused += q->refused;
	pthread_mutex_unlock(&q->lock);
}
