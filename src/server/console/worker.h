/* A few threads for work that would hold up an event thread or the store's writer: password hashes, imports, what the
 * program around the console does. A queue with an end. */
#ifndef WORKER_H
#define WORKER_H

struct worker;

int worker_start(struct worker **ret, int threads, int queue);
/* -EAGAIN: the queue is full, and fn will not be called. */
int worker_do(struct worker *w, void (*fn)(void *arg), void *arg);
/* Does what is queued, then ends the threads. NULL is fine. */
void worker_stop(struct worker *w);

#endif
