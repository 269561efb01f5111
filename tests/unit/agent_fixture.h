/* The agents' side of enrolment and syncs, for tests of the centre's store: what an agent keeps on its disk, and what
 * it does with the answers. A copy of the struct is a copy of the disk. */
#ifndef AGENT_FIXTURE_H
#define AGENT_FIXTURE_H

#include "store_fixture.h"

#include "identity.h"
#include "sync_store.h"

/* Works in one transaction on the group's store, which centre_close undoes; every call is a savepoint in it. */
struct centre {
	struct db *db;
	struct store_key key;
	struct desk *desk;
	char token_text[TOKEN_TEXT];
	struct token token;
};
void centre_open(struct centre *c);
void centre_close(struct centre *c);
int64_t centre_number(struct centre *c, const char *sql);
void centre_sql(struct centre *c, const char *sql);
void centre_new_token(struct centre *c, int64_t uses);
/* A job as the store would run it: undone alone when it fails. */
int centre_job(struct centre *c, int (*run)(struct db *db, void *arg), void *arg);

struct agent {
	/* the computer */
	struct hardware hardware;
	char host[64];
	/* its disk */
	uint8_t key_hash[SHA256_BYTES];
	uint8_t serial[SERIAL_MAX]; /* of the certificate, when there is one */
	bool certified;
	id16 install_id;
	uint8_t seal_public[32], seal_secret[32];
	uint8_t secret[SECRET_BYTES];
	char machine[ID_TEXT];
	bool has_branch, pending; /* pending: a sync went out whose answer has not come */
	id16 branch, nonce;
	int64_t counter;
	char epoch[ID_TEXT], policy_hash[ID_TEXT], allow_hash[ID_TEXT];
	int64_t allowed; /* entries of the list in force */
	id16 hardware_confirmed, state_confirmed;
	int64_t anchors_version, task_seen, policy_version;
	bool engine_ready;
	size_t n_streams; /* that the next sync names */
	struct sync_stream streams[MAX_SYNC_STREAMS];
	/* the last answers */
	struct sync_mark marks[MAX_SYNC_STREAMS];
	int64_t tasks_got;
	unsigned need;
};

/* Hardware of `n` kinds; values come from the numbers, so equal numbers are equal values, 0 is an absent value. */
struct hardware hardware_of(int uuid, int board, int disk, int mac);
void agent_new(struct agent *a, const char *host, struct hardware hw);
void agent_forget(struct agent *a); /* a new key and install id; not enrolled */

enum loss { NOTHING_LOST, REPLY_LOST, CERTIFICATE_LOST };
/* Decides, signs, finishes; what is lost on the way does not come to the agent. */
enum verdict agent_enrol(struct centre *c, struct agent *a, enum loss loss);

/* The sync that is on the disk, or the next one. */
enum verdict agent_sync(struct centre *c, struct agent *a, enum loss loss);
struct agent_request {
	struct sync_up up;
	struct hardware hardware;
	struct agent_state state;
	char text[128];
	uint8_t serial[SERIAL_MAX];
};
void agent_prepare(struct agent *a, struct agent_request *r);
enum verdict agent_send(struct centre *c, const struct agent_request *r, struct sync_taken *t);

/* What an agent does with a verdict, until it is in: renews nothing, drops its key on 409 clone and 403 revoked, enrols
 * anew. */
void agent_live(struct centre *c, struct agent *a, enum loss loss);

/* Every machine was last heard an hour ago. */
void centre_silence(struct centre *c);
int64_t centre_machine(struct centre *c, const struct agent *a); /* the id of what it was told that it is */

#endif
