/* A run of the simulator: a planned fleet, taken through phases one after the other.
 *
 * Each computer does one thing at a time: an act (enrol, sync, send). An act is one call of the protocol, repeated with
 * the same bytes until it is answered for good, and ends with an outcome. Phases string acts together. */
#ifndef RUN_H
#define RUN_H

#include "client.h"
#include "pki_x509.h"
#include "plan.h"
#include "rng.h"
#include "wire.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>

struct run_config {
	const char *enrol_host, *agents_host;
	uint16_t enrol_port, agents_port;
	const char *tokens_path;
	struct plan_knobs knobs;
	int64_t lose, repeat;        /* millionths of calls whose reply is lost; that are sent a second time */
	int64_t detections_per_hour; /* of each computer, in the phase "live" */
	int spread_s;                /* over which a phase's starts are spread */
	int concurrency;             /* acts under way at once; 0: no bound */
	int batch;
	int32_t signature_day; /* of protected computers; day.h */
	const char *get_cert, *get_key;
};

enum outcome { DONE_OK, DONE_CLONE, DONE_REVOKED, DONE_REFUSED, DONE_GAVE_UP };

struct run;
struct computer;
typedef void (*act_done)(struct computer *c, enum outcome o);

struct computer {
	struct run *run;
	const struct planned *plan;
	struct rng rng;
	struct client *client;
	struct event *timer; /* the phase's next step; never NULL */
	struct event *retry; /* the act's next try; never NULL */

	id16 install_id;
	struct hardware hardware;
	struct pki_key *key; /* owned */
	X509 *cert;          /* owned */
	uint8_t seal_public[crypto_box_PUBLICKEYBYTES], seal_secret[crypto_box_SECRETKEYBYTES];
	char uid[ID_TEXT];

	bool has_branch;
	id16 branch, state_hash, hardware_hash;
	int64_t counter; /* of the sync that is under way or was last confirmed */
	unsigned need;   /* enum sync_need: what the next sync brings along */
	int64_t policy_version, anchors_version, task_seen;
	char policy_hash[ID_TEXT], allow_hash[ID_TEXT], epoch[ID_TEXT];
	int64_t interval_s;
	size_t n_results;
	int64_t results[MAX_TASKS_ANSWER]; /* tasks that are done and not yet told */

	id16 stream;
	int64_t acked; /* number of the last event that the centre has */
	uint8_t acked_id[8], sent_id[8];
	size_t sent;  /* events in the batch under way */
	int64_t want; /* events still to be written and sent in this phase */

	/* the act under way */
	struct buf body;
	const char *path;
	enum client_method method;
	int timeout_s, tries;
	bool repeating; /* this answer is to be followed by the same call once more */
	void (*answered)(struct computer *c, const struct reply *reply);
	act_done done;
	int64_t live_since_us; /* since when detections have not been counted, in the phase live */
	bool running;          /* in the phase's count */
};

struct run_stats {
	int64_t enrolled, syncs, events, calls, no_answer, busy, clones, revoked, refused, gave_up, lost, repeated;
	int64_t tasks, policies;
};

struct run {
	struct run_config config;
	struct event_base *base;
	SSL_CTX *enrol_ctx, *agents_ctx;
	struct pki_trust *pin;
	struct pki_tls_check enrol_check, agents_check;
	struct plan plan;
	size_t n;
	struct computer *computer;
	struct tokens *tokens;
	struct run_stats stats;
	size_t running, started, next; /* of this phase */
	const struct phase *phase;
	int64_t phase_argument, phase_until_us;
	char first_problem[512]; /* of an act that was refused or given up: what to tell the person */
};

/* acts.c */
void act_enrol(struct computer *c, act_done done);
void act_sync(struct computer *c, int hold_s, act_done done);
void act_send(struct computer *c, act_done done); /* the next batch of c->want */
void act_get(struct computer *c, const char *path, act_done done);
int computer_init(struct computer *c, struct run *run, const struct planned *plan);
void computer_release(struct computer *c);
int computer_new_identity(struct computer *c, int generation); /* as after a new installation */

/* run.c: the plan must be there. Makes the TLS contexts and the computers. */
int run_open(struct run *run, struct err *e);
void run_close(struct run *run); /* half-opened is fine */

/* phases.c: "NAME" or "NAME=NUMBER" or "get=SECONDS"; runs it to its end. -EINVAL: no such phase. */
int run_phase(struct run *run, const char *text, FILE *out, struct err *e);

/* tokens.c */
struct token {
	char group[64];
	char id[13];
	uint8_t auth_key[32], pin[32];
};
struct tokens {
	size_t n;
	struct token *token;
};
int tokens_read(struct tokens *ret, const char *path, struct err *e);
const struct token *tokens_find(const struct tokens *t, const char *group);

#endif
