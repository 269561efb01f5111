#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct job {
	void (*fn)(void *arg);
	void *arg;
};

struct worker {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool ending;
	int queue, first, waiting;
	struct job *ring;
	int threads;
	pthread_t thread[];
};

static bool take(struct worker *w, struct job *ret)
{
	bool got = false;

	pthread_mutex_lock(&w->lock);
	while (!w->waiting && !w->ending)
		pthread_cond_wait(&w->wake, &w->lock);
	if (w->waiting) {
		*ret = w->ring[w->first];
		w->first = (w->first + 1) % w->queue;
		w->waiting--;
		got = true;
	}
	pthread_mutex_unlock(&w->lock);
	return got;
}

static void *work(void *arg)
{
	struct job j;

	while (take(arg, &j))
		j.fn(j.arg);
	return NULL;
}

int worker_start(struct worker **ret, int threads, int queue)
{
	struct worker *w = calloc(1, sizeof *w + (size_t)threads * sizeof w->thread[0]);
	int r = 0;

	if (!w)
		return -ENOMEM;
	w->queue = queue;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->ring = calloc((size_t)queue, sizeof w->ring[0]);
	if (!w->ring)
		r = -ENOMEM;
	while (!r && w->threads < threads) {
		r = -pthread_create(&w->thread[w->threads], NULL, work, w);
		w->threads += !r;
	}
	if (r)
		worker_stop(w);
	else
		*ret = w;
	return r;
}

int worker_do(struct worker *w, void (*fn)(void *arg), void *arg)
{
	int r = 0;

	pthread_mutex_lock(&w->lock);
	if (w->waiting == w->queue || w->ending) {
		r = -EAGAIN;
	} else {
		w->ring[(w->first + w->waiting++) % w->queue] = (struct job){fn, arg};
		pthread_cond_signal(&w->wake);
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

void worker_stop(struct worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->threads; i++)
		pthread_join(w->thread[i], NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w->ring);
	free(w);
}
