/* Hears the agents: the routes of PROTOCOL.md. A call is parsed on its event thread, does its work in a job of the
 * store, and is answered after the commit; what must be signed goes over a thread of its own in between.
 *
 * Held syncs wait here, in memory alone, and nothing depends on their being remembered: a server that dies costs its
 * agents a reconnection. */
#ifndef INTAKE_H
#define INTAKE_H

#include "err.h"
#include "http.h"
#include "store.h"
#include "store_key.h"
#include "verdict.h"

struct intake;

struct intake_config {
	struct store *store;
	const struct store_key *key; /* must live on */
	const char *ca_socket;
	size_t bases;  /* of the http server that will call */
	int max_held;  /* syncs held at once; beyond it they are answered at once, with the time to wait. 0: 50000 */
	int request_s; /* a call that has not come to its turn in the store by then is refused with 503. 0: 20 */
	/* Something that is no agent's fault: the store or khien-ca said no. Any thread; may be NULL. */
	void (*problem)(void *arg, const char *what, int r, const char *text, const char *request);
	void *problem_arg;
};

int intake_new(struct intake **ret, const struct intake_config *c, struct err *e);
/* After http_start: begins to follow the pulse. */
int intake_follow(struct intake *i, struct http_server *s, struct err *e);

/* http_handlers */
void intake_handle_enrolment(struct http_req *q, void *intake);
void intake_handle_agent(struct http_req *q, void *intake);

/* Answers what is held, and holds nothing from now on: before http_stop. */
void intake_quiesce(struct intake *i);
/* After http_stop, before store_close. */
void intake_free(struct intake *i);

struct intake_stats {
	int64_t held;
	int64_t syncs, enrolled, renewed; /* answered with 200 */
	int64_t events_stored, events_repeated;
	int64_t refused[VERDICT_END]; /* by verdict */
	int64_t busy;                 /* 503 */
	int64_t news_us;              /* how long the last look after a pulse took, in the store */
};
void intake_get_stats(struct intake *i, struct intake_stats *ret);

#endif
