/* Private to intake. */
#ifndef INTAKE_INT_H
#define INTAKE_INT_H

#include "arena.h"
#include "intake.h"
#include "sync_store.h"

#include "wire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

/* One call of an agent. What kind it is stands in the struct around it, which begins with this one. */
struct intake_call {
	struct intake *intake;
	struct http_req *q;
	struct arena arena; /* what was parsed */
	struct agent_call who;
	int64_t deadline_us; /* monotonic */
	int (*run)(struct db *db, struct intake_call *c);
	void (*then)(struct intake_call *c); /* on the base, after a job that did its work */
	int result;
	void (*release)(struct intake_call *c); /* what the struct around it owns; may be NULL */
};

/* intake_call.c. NULL: refused already. */
void *intake_call_new(struct intake *i, struct http_req *q, size_t size, void (*release)(struct intake_call *c));
/* run in a write job, then `then`; failures of the store are answered here. */
void intake_write(
    struct intake_call *c, int (*run)(struct db *db, struct intake_call *c), void (*then)(struct intake_call *c));
/* Each of these answers and frees the call. */
void intake_answer(struct intake_call *c, struct buf *b); /* 200; releases b */
void intake_refuse(struct intake_call *c, enum verdict v, const struct wire_error *hwm);
void intake_malformed(struct intake_call *c, int r, const char *text);              /* 400, 413 */
void intake_busy(struct intake_call *c);                                            /* 503 */
void intake_fail(struct intake_call *c, const char *what, int r, const char *text); /* told to `problem`, then 503 */
void intake_call_free(struct intake_call *c);

/* The routes. */
void intake_enrol(struct intake *i, struct http_req *q);
void intake_renew(struct intake *i, struct http_req *q);
void intake_sync(struct intake *i, struct http_req *q);
void intake_events(struct intake *i, struct http_req *q);
void intake_goodbye(struct intake *i, struct http_req *q);

/* intake_sign.c: the only thread that speaks to khien-ca about agents. */
struct sign_job {
	STAILQ_ENTRY(sign_job) next;
	const char *csr_pem, *machine;
	int result;
	char *cert_pem; /* result 0; whoever asked frees it */
	struct err err;
	void (*done)(struct sign_job *j); /* on the signing thread: must not block */
};
struct signer;
int signer_new(const char *ca_socket, struct signer **ret);
int signer_ask(struct signer *s, struct sign_job *j); /* -EAGAIN: its queue is full */
void signer_free(struct signer *s);                   /* signs what waits first */

/* intake_hold.c: one a base, touched by its thread only. */
struct sync_call {
	struct intake_call call;
	struct sync_up up;
	struct sync_taken taken;
	int64_t begun_us, until_us; /* monotonic; until: the end of the holding */
	struct holds *holds;        /* NULL: not held */
	LIST_ENTRY(sync_call) in_machine;
	TAILQ_ENTRY(sync_call) in_looks;
	struct http_timer *timer;
	bool waits_look;            /* in the queue of looks */
	bool looking;               /* a job of the store works with it: hands off */
	bool look_again, due, gone; /* what came up meanwhile */
};
struct holds;
int holds_new(struct intake *i, size_t base, struct holds **ret);
void holds_free(struct holds *h);
/* True: held, and will be answered. False: not this one, answer it now. */
bool holds_take(struct holds *h, struct sync_call *s, int64_t us);
void holds_release_all(void *holds); /* on the base: answers them, and takes none from now on */

/* News for one base; it frees them. */
struct news {
	struct holds *holds;
	int64_t beat;
	bool everyone;
	size_t n;
	int64_t machines[];
};
void holds_tell(void *news); /* on the base */

/* intake_sync.c */
void intake_sync_answer(struct sync_call *s, int64_t next_s_at_most); /* answers and frees; -1: no limit */

/* intake_news.c: from the pulse to the holds. */
struct news_desk;
int news_desk_new(struct intake *i, struct news_desk **ret);
int news_desk_follow(struct news_desk *d);
void news_desk_stop(struct news_desk *d); /* no look begins after this, none is on its way */
void news_desk_free(struct news_desk *d);

struct intake {
	struct intake_config conf;
	struct http_server *http;
	struct desk *desk;
	struct signer *signer;
	struct news_desk *news;
	size_t n_holds;
	struct holds **holds;
	atomic_llong held, syncs, enrolled, renewed, events_stored, events_repeated, busy, news_us,
	    refused[VERDICT_END];
};

#endif
