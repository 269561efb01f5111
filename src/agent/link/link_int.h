/* khien-link: the only part of the agent that speaks with the net. Unprivileged, in its own folder, with its own list
 * of system calls; it is told what it needs to know, asks for what it may not do, and can be killed at any moment.
 *
 *   parent ── channel ── main thread: all state, the spool ── callers: a thread a call (sync and the like; events)
 *
 * The order in which things become durable is the whole point:
 *   an event            on the disk, synced → receipt to the parent → centre → its mark → ours
 *   a sync              (branch, counter, nonce) synced → sent
 *   a certificate       key synced → request → certificate and key in one file
 *   a task              result in the spool, synced → task_seen */
#ifndef LINK_INT_H
#define LINK_INT_H

#include "caller.h"
#include "ipc_channel.h"
#include "link_messages.h"
#include "link_store.h"
#include "spool.h"
#include "wire.h"

#include <stdbool.h>

enum job { JOB_NONE, JOB_SYNC, JOB_RENEW, JOB_ENROL, JOB_GOODBYE };

enum { MAX_TICKETS = 64, MAX_GROUP = 256 };

struct address {
	char host[256];
	uint16_t port;
};

/* The way an enrolment goes: key → proof from the parent → call → the parent's verdict. */
enum enrol_phase { ENROL_NONE, ENROL_PROVING, ENROL_READY, ENROL_CALLING, ENROL_JUDGED };
struct enrolling {
	enum enrol_phase phase;
	struct address server;
	uint8_t token_id[LINK_TOKEN_ID], pin[LINK_PIN], seal_key[LINK_KEY], proof[LINK_KEY];
	struct credentials credentials;
	struct buf csr;
	struct arena answer_arena;
	struct wire_enrolled answer;
};

struct link {
	/* fixed */
	struct ipc_channel *parent;
	int folder, spool_folder, wake;
	struct spool_disk disk;
	struct sandbox_report sandbox;

	/* told by the parent */
	bool begun; /* LINK_BEGIN and LINK_FACTS are here */
	bool enrolled;
	id16 install_id;
	struct address agents;
	int64_t spool_max_bytes;
	uint8_t start_id[8];
	bool start_is_said; /* the event that the agent began to run is in the spool */
	struct link_policy policy;
	uint8_t allow_hash[ID_BYTES];
	struct buf facts; /* the message that hardware and state point into */
	struct hardware hardware;
	struct agent_state state;
	id16 hardware_hash, state_hash;

	/* the spool */
	struct spool *spool; /* NULL: the disk failed; opened anew at spool_at_us */
	int64_t spool_at_us, spool_pause_us;
	struct {
		int64_t ticket;
		struct spool_place place;
	} group[MAX_GROUP]; /* added, not yet synced */
	size_t n_group;
	int64_t expire_at_us;

	/* on the disk */
	struct credentials credentials;
	struct arena anchors_arena;
	struct anchors anchors;
	struct sync_state sync;

	/* calls */
	struct caller *caller, *events_caller;
	enum job job;       /* what the caller is at */
	bool trust_changed; /* anchors, certificate or address: both callers are configured anew before their next call
	                     */
	bool events_trust_changed;
	int64_t call_at_us; /* not before; monotonic */
	int failures;       /* one after the other */
	bool sync_answered; /* the last (branch, counter, nonce) was: the next sync takes a new one */
	bool sent_hash_confirmed;
	id16 confirmed_hardware, confirmed_state;
	id16 sent_hardware, sent_state; /* of the sync under way */
	unsigned need;
	bool hurry;        /* the next sync is not to be held */
	bool sent_at_once; /* nor was the one under way, or the last one */
	/* the parent has not answered yet; no sync before */
	bool policy_asked, allow_asked;
	int64_t renew_at_us; /* not before; after a failure */
	struct enrolling enrolling;

	bool compared; /* in this life, since the last new epoch: events may go */
	int64_t events_at_us, events_idle_us;
	int events_failures;
	size_t batch_events;
	id16 events_stream; /* of the batch under way */

	struct sync_task tasks[MAX_TASKS_ANSWER]; /* to be begun, in order; args are owned */
	size_t n_tasks, task_asked;

	/* what the parent waits for: a sync that begins after it was asked, and then an empty spool */
	struct {
		int64_t ticket; /* 0: free */
		enum { TICKET_ASKED, TICKET_RUNNING, TICKET_DRAINING } stage;
	} tickets[MAX_TICKETS];
	int64_t goodbye_ticket; /* 0: none */

	struct link_status status;
	char last_error[LINK_MAX_PLAIN + 1];
	bool status_changed; /* told at status_at_us, so that a flood of events is not a flood of words about them */
	int64_t status_at_us;
	struct buf out;
	int ending; /* 0, or 1: leave the loop */
};

/* link_talk.c: with the parent */
int link_hear_parent(struct link *l); /* negative: the channel is of no more use */
void link_tell(struct link *l);       /* sends l->out */
void link_tell_status(struct link *l);
void link_set_error(struct link *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void link_tell_done(struct link *l, int64_t ticket, int code, const char *why);
void link_end_tickets(struct link *l, int code, const char *why); /* those whose sync has run; code 0: all went well */

/* link_spool.c */
int link_open_spool(struct link *l);
void link_add_event(struct link *l, int64_t ticket, const struct event *e); /* ticket 0: our own */
bool link_sync_group(struct link *l); /* syncs, gives receipts; false: none of the group is safe */
void link_spool_tick(struct link *l, int64_t now_us);

/* link_sync.c */
void link_sync_tick(struct link *l, int64_t now_us);
void link_sync_answered(struct link *l, struct https_answer *a);
void link_sync_soon(struct link *l); /* now, interrupting a held one */
int link_configure(struct link *l, struct caller *c);
/* After a failed call: when to try again. */
int64_t link_pause_us(int failures, const struct https_answer *a, int64_t longest_us);
int64_t link_interval_us(const struct link *l);
void link_heard_time(struct link *l, int64_t server_time_us);
void link_take_anchors(struct link *l, const struct anchors *v);
void link_lose(struct link *l, enum link_loss loss);
void link_forget(struct link *l); /* credentials, anchors, where the syncs stand */
/* Code of an error's body, "" when it has none; hwm may be NULL. */
void link_error_code(const struct https_answer *a, char *dst, size_t size, struct wire_error *ret_hwm);

/* link_events.c */
void link_events_tick(struct link *l, int64_t now_us);
void link_events_answered(struct link *l, struct https_answer *a);
void link_compare_streams(struct link *l, const struct sync_down *d);

/* link_trust.c: enrolment, renewal, goodbye */
void link_enrol(struct link *l, const struct link_enrol *m);
void link_enrol_proved(struct link *l, const struct link_proof *m);
void link_enrol_judged(struct link *l, bool accepted);
void link_enrol_tick(struct link *l);
void link_enrol_answered(struct link *l, struct https_answer *a);
bool link_renewal_is_due(const struct link *l);
int link_start_renewal(struct link *l);
void link_renew_answered(struct link *l, struct https_answer *a);
int link_start_goodbye(struct link *l);
void link_goodbye_answered(struct link *l, struct https_answer *a);
int link_parse_url(const char *url, struct address *ret);

/* link_tasks.c */
void link_take_tasks(struct link *l, const struct sync_down *d);
void link_ask_task(struct link *l);
void link_forget_tasks(struct link *l); /* they are named again */
void link_task_done(struct link *l, struct ipc_reader *r, int *ret_bad);

#endif
