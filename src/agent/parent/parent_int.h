/* khien-agent, the parent: root, and therefore without TLS, without JSON, without a parser of anything from the net.
 *
 *   control.sock ── clients ──┐
 *                             parent ── channel ── khien-link (unprivileged; network and spool)
 *   files below root ─────────┘
 *
 * One thread, one poll. Whoever waits for an answer is a client with a `waits`; the link may die at any moment, and
 * what clients wait for is asked again of its successor (an event by the same id, an enrolment by the same key). */
#ifndef PARENT_INT_H
#define PARENT_INT_H

#include "control_messages.h"
#include "enrol_token.h"
#include "err.h"
#include "agent_identity.h"
#include "inventory_read.h"
#include "ipc_channel.h"
#include "link_messages.h"
#include "parent_events.h"
#include "parent_packages.h"
#include "parent_scan.h"
#include "parent_quarantine.h"
#include "notify.h"
#include "parent_sweep.h"

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

enum { MAX_CLIENTS = 32 };

struct options {
	char state[512], root[512], link[512], link_user[64];
	char scan[512], scan_user[64]; /* khien-scan; "": this computer has no scanner */
	char sigs[512];                /* khien-sigs; "": packages allow nothing */
	char signatures[512];          /* folder; "": "signatures" in the state folder */
	char sweep[512];
	char server[LINK_MAX_URL + 1], agents_server[LINK_MAX_URL + 1]; /* used when `enrol` names none */
	int64_t spool_bytes, heartbeat_ms, collect_s, check_s;
	bool verbose;
};

enum waits {
	WAITS_FOR_NOTHING,
	WAITS_FOR_RECEIPT,
	WAITS_FOR_ENROLMENT,
	WAITS_FOR_SYNC,
	WAITS_FOR_GOODBYE,
	WAITS_FOR_WORK,
	WAITS_FOR_RESULT,
	WAITS_FOR_SIGNATURES,
	WAITS_FOR_SCAN,
};

struct client {
	struct ipc_channel *channel; /* NULL: free */
	enum waits waits;
	int64_t ticket;
	/* WAITS_FOR_RECEIPT: the LINK_ADD, to be asked again of the next link; WAITS_FOR_WORK: the request */
	struct buf asked;
	struct parent *parent;
	int content; /* WAITS_FOR_RESULT: else -1 */
};

/* The link as a process: parent_link.c. */
enum link_phase {
	LINK_DOWN,     /* none runs; one is started at start_at_us */
	LINK_STARTING, /* runs, has not said LINK_READY */
	LINK_UP,
	LINK_DYING, /* killed or gone; its exit is not collected yet */
};
struct link {
	enum link_phase phase;
	pid_t pid;
	struct ipc_channel *channel;
	int64_t started_us, start_at_us, pinged_us, heard_us; /* monotonic */
	int short_lives; /* one after the other: the pause before the next start doubles with each */
	int64_t restarts;
	struct link_ready ready;
	struct link_status status;
	char last_error[LINK_MAX_PLAIN + 1];
};

struct enrolment {
	bool pending;
	struct enrol_token token;
	char server[LINK_MAX_URL + 1], agents_server[LINK_MAX_URL + 1];
	struct err why; /* of a refusal by us */
};

struct parent {
	struct options options;
	int state_folder, root_folder, lock;
	struct identity identity;
	struct allow_list *allow; /* NULL: none was told */
	uint8_t start_id[8];      /* of the event that says that we began to run */

	struct inventory_texts *texts;
	struct hardware hardware;
	struct agent_state state;
	char problems[2048];
	char policy_problem[256];
	struct buf facts; /* the last LINK_FACTS that were made */
	int64_t collect_at_us;

	struct link link;
	struct scan scan;
	struct packages packages;
	struct enrolment enrolment;
	struct sandbox_report sandbox; /* our own */

	struct sweeps sweeps;
	int listener, signals;
	struct client clients[MAX_CLIENTS];
	int64_t next_ticket;
	TAILQ_HEAD(, waiting_event) events; /* parent_events.c */
	size_t n_events;
	struct quarantine_works quarantine;
	struct buf out; /* a message being made */
	struct notify notify;
	bool stopping;
};

/* parent_options.c: flags win over the file that --config names. Tells the person itself what is wrong. */
int parent_options(struct options *o, int argc, char **argv);

/* parent_facts.c */
void parent_collect(struct parent *p); /* reads all anew; tells the link when something has changed */
/* Writes u32 n and the facts for a person: for `khien status`, and as result of a task. */
void parent_put_facts(struct parent *p, struct buf *out);

int64_t parent_setting(const struct parent *p, enum setting_id id); /* in force */

/* parent_link.c */
int parent_link_start(struct parent *p);
void parent_link_tick(struct parent *p, int64_t now_us); /* heartbeat, restart */
void parent_link_kill(struct parent *p, const char *why);
void parent_link_gone(struct parent *p, pid_t pid, int status); /* its exit was collected */
void parent_link_readable(struct parent *p);
int64_t parent_link_next_us(const struct parent *p);
void parent_link_send(struct parent *p, const struct buf *m); /* kills a link that does not take it */
void parent_link_begin(struct parent *p);                     /* LINK_BEGIN and the facts */

/* parent_answers.c: what the link may ask. Negative: it has asked what it may not, or nonsense. */
int parent_answer(struct parent *p, uint16_t type, struct ipc_reader *r);

/* parent_allow.c: what the centre allows here, beside root's own list (agent/act/allow.h). */
void parent_allow_load(struct parent *p);
void parent_allow_forget(struct parent *p); /* with the enrolment that it came with */
void parent_allow_hash(const struct parent *p, uint8_t dst[ID_BYTES]);
int parent_answer_allow(struct parent *p, struct ipc_reader *r);

/* parent_tasks.c: LINK_TASK, as parent_answer. */
int parent_answer_task(struct parent *p, struct ipc_reader *r);

/* What an executor of a task says of it. */
struct task_reply {
	enum task_outcome outcome;
	bool later;       /* the executor tells it by parent_task_tell, before the link's next task */
	char why[256];    /* TASK_WAS_REFUSED: refused or failed */
	struct buf facts; /* u32 n, n × (text name, text value), as parent_put_facts writes them; empty: none */
};
void parent_task_tell(struct parent *p, int64_t task, const struct task_reply *reply);
void parent_task_refuse(struct task_reply *reply, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* parent_control.c */
void parent_control_accept(struct parent *p);
void parent_control_readable(struct parent *p, struct client *c);
void parent_control_drop(struct client *c);
void parent_control_resume(struct parent *p); /* a new link is up: ask it what clients wait for */
void parent_refuse(struct parent *p, struct client *c, int code, const char *why);
void parent_answer_client(struct parent *p, struct client *c, const struct buf *m);
struct client *parent_waiting(struct parent *p, enum waits waits, int64_t ticket); /* ticket 0: any */

#endif
