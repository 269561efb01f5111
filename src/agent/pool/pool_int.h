#ifndef POOL_INT_H
#define POOL_INT_H

#include "ipc_channel.h"
#include "pool.h"
#include "pool_memory.h"

typedef void pool_check_fn(void *arg, const struct engine_states *states);

struct pool_job {
	struct pool_job *next;
	struct scan_job job;
	pool_check_fn *check; /* set: no content, but what is planted */
	int64_t id, waits_since_us;
	bool again;     /* has been with a worker whose template ended */
	bool cancelled; /* nobody wants to know */
	struct pool_file file;
	struct scan_result result; /* once it is in the list of those to be told */
	struct engine_states *states;
};

struct pool_list {
	struct pool_job *first, **last;
	size_t n;
};

struct pool_worker {
	struct ipc_channel *channel; /* NULL: no worker here */
	int pidfd, life;
	pid_t pid;
	struct pool_job *job;  /* NULL: idle */
	int64_t until_us;      /* of the job */
	int64_t idle_since_us; /* without one */
	int64_t added_us;
	bool retires;    /* closed when the job is done */
	bool has_sha256; /* of the job, as far as the worker has come */
	uint8_t sha256[SHA256_BYTES];
};

struct pool {
	struct pool_config config;
	struct pool_worker *workers; /* config.max_workers */
	struct pool_list waiting, told;
	struct pool_memory memory;
	struct buf out;
	int64_t next_id, ask_at_us, pause_us;
	bool checking;
	struct pool_stats stats;
};

/* pool_list.c */
void pool_list_init(struct pool_list *l);
void pool_list_add(struct pool_list *l, struct pool_job *j);
void pool_list_add_first(struct pool_list *l, struct pool_job *j);
struct pool_job *pool_list_take(struct pool_list *l); /* NULL: none */
void pool_job_free(struct pool_job *j);

/* pool.c */
void pool_settle(struct pool *p, struct pool_job *j);                           /* its result stands: to be told */
void pool_give_up(struct pool *p, struct pool_job *j, enum scan_reason reason); /* not scanned, for this reason */

/* pool_worker.c */
bool pool_worker_hand(struct pool *p, struct pool_worker *w, struct pool_job *j, int64_t now); /* false: not taken */
void pool_worker_hear(struct pool *p, struct pool_worker *w, int64_t now);
void pool_worker_late(struct pool *p, struct pool_worker *w);
void pool_worker_ended(struct pool *p, struct pool_worker *w, int64_t now);
void pool_worker_close(struct pool_worker *w);
int pool_worker_allow(struct pool *p, struct pool_worker *w, int fd);
int pool_worker_shun_all(struct pool *p, struct pool_worker *w); /* tells a new one all that is remembered */

#endif
