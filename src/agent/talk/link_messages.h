/* The words between khien-agent and its khien-link. The link asks, the parent answers from a table
 * (parent/link_answers.c); what is not in it ends the link. The parent tells, the link obeys: it has less rights in
 * everything but the network. */
#ifndef LINK_MESSAGES_H
#define LINK_MESSAGES_H

#include "allow_list.h"
#include "hardware.h"
#include "ipc.h"
#include "policy.h"
#include "sandbox.h"
#include "state.h"
#include "task.h"

#include <stdbool.h>
#include <stdint.h>

enum link_message {
	/* parent → link */
	LINK_BEGIN = 1, /* struct link_begin; first of all, and anew after an enrolment or its loss */
	LINK_FACTS,     /* hardware, state; behind LINK_BEGIN and at each change */
	LINK_PING,      /* i64 n → LINK_PONG */
	LINK_ADD,       /* i64 ticket, event → LINK_RECEIPT or LINK_REFUSED; a repeated id gets the same receipt */
	LINK_ENROL,     /* struct link_enrol → (LINK_PROVE, LINK_ENROLLED), LINK_ENROL_DONE */
	LINK_PROOF,     /* struct link_proof: answer to LINK_PROVE */
	LINK_ENROL_VERDICT, /* bool: answer to LINK_ENROLLED: the centre is the one that made the token, and it is on
	                       the disk */
	LINK_POLICY_FORCE,  /* struct link_policy: answer to LINK_POLICY: what is in force now, changed or not */
	/* i64 task, u8 enum task_outcome, text why, u32 n, n × (text name, text value): answer to LINK_TASK; fresh
	 * LINK_FACTS come before it */
	LINK_TASK_DONE,
	LINK_ALLOW_FORCE, /* 16 bytes: answer to LINK_ALLOW: hash of the list in force, the new one or not; zeros: none
	                   */
	LINK_SYNC_NOW,    /* i64 ticket → LINK_DONE */
	LINK_GOODBYE,     /* i64 ticket → LINK_DONE */

	/* link → parent */
	LINK_READY = 64, /* struct link_ready */
	LINK_PONG,       /* i64 n */
	LINK_PROVE,      /* 32 bytes SHA-256 of the CSR's text */
	LINK_ENROLLED,   /* struct link_enrolled */
	LINK_ENROL_DONE, /* i64 errno or 0, text why */
	LINK_RECEIPT,    /* i64 ticket, id stream, i64 seq */
	LINK_REFUSED,    /* i64 ticket, i64 errno, text why */
	LINK_POLICY,     /* struct link_policy, as the centre sent it */
	LINK_ALLOW,      /* struct allow_list, as the centre sent it */
	LINK_TASK,       /* i64 task, u8 kind, i64 expires_us, the kind's arguments (ipc_put_task_args) */
	LINK_STATUS,     /* struct link_status, at each change */
	LINK_LOST,       /* u8 enum link_loss: the centre does not know us any more as who we were */
	LINK_DONE,       /* i64 ticket, i64 errno or 0, text why */
	LINK_MESSAGE_END,
};

/* STARTED: it goes on in the background, and an event of its own tells how it ended. */
enum task_outcome { TASK_WAS_DONE, TASK_WAS_REFUSED, TASK_WAS_STARTED, TASK_OUTCOME_END };

enum {
	LINK_MAX_URL = 512,
	LINK_MAX_PLAIN = 1024,
	LINK_TOKEN_ID = 6,
	LINK_PIN = 32,
	LINK_KEY = 32,
	LINK_MAX_SEALED = 256,
	LINK_MAX_FACTS = 64,
	LINK_MAX_FACT = 4096
};

struct link_policy {
	int64_t version;
	uint8_t hash[ID_BYTES]; /* zeros: none yet */
	size_t n;
	struct {
		enum setting_id id;
		int64_t value;
	} set[SETTING_COUNT];
};

struct link_begin {
	bool enrolled;
	uint8_t start_id[8]; /* of the event that the agent began to run: added once, whatever number of links comes and
	                        goes */
	id16 install_id, machine;
	const char *server, *agents_server; /* "" before the first enrolment */
	int64_t spool_max_bytes;
	struct link_policy policy;    /* in force */
	uint8_t allow_hash[ID_BYTES]; /* of the list in force; zeros: none */
};

struct link_enrol {
	const char *server, *agents_server;
	uint8_t token_id[LINK_TOKEN_ID], pin[LINK_PIN], seal_key[LINK_KEY];
};

struct link_proof {
	bool given;
	uint8_t proof[LINK_KEY];
};

struct link_enrolled {
	id16 machine;
	size_t sealed_n;
	const uint8_t *sealed;
	uint8_t confirm[LINK_KEY];
};

struct link_ready {
	uint8_t sandbox[SANDBOX_MECHANISM_COUNT]; /* enum sandbox_outcome */
	int64_t spool_missing, spool_torn_bytes;
	bool has_certificate;
};

enum link_loss { LINK_LOST_CLONE, LINK_LOST_REVOKED, LINK_LOSS_END };

struct link_status {
	int64_t last_sync_us;         /* 0: never */
	int64_t certificate_until_us; /* 0: none */
	int64_t waiting, oldest_waiting_us, spool_bytes;
	bool spool_failed;      /* nothing is accepted at the moment */
	const char *last_error; /* "" when the last call went well */
};

void link_put_begin(struct buf *m, const struct link_begin *v);
void link_get_begin(struct ipc_reader *r, struct link_begin *ret);
void link_put_enrol(struct buf *m, const struct link_enrol *v);
void link_get_enrol(struct ipc_reader *r, struct link_enrol *ret);
void link_put_proof(struct buf *m, const struct link_proof *v);
void link_get_proof(struct ipc_reader *r, struct link_proof *ret);
void link_put_enrolled(struct buf *m, const struct link_enrolled *v);
void link_get_enrolled(struct ipc_reader *r, struct link_enrolled *ret);
void link_put_policy(struct buf *m, const struct link_policy *v);
void link_get_policy(struct ipc_reader *r, struct link_policy *ret);
void link_put_allow(struct buf *m, const struct allow_list *v);
/* Its texts point into the message; the list itself is in *room. Not judged: allow_list_fault. */
void link_get_allow(struct ipc_reader *r, struct allowance room[MAX_ALLOWANCES], struct allow_list *ret);
void link_put_ready(struct buf *m, const struct link_ready *v);
void link_get_ready(struct ipc_reader *r, struct link_ready *ret);
void link_put_status(struct buf *m, const struct link_status *v);
void link_get_status(struct ipc_reader *r, struct link_status *ret);

#endif
