/* The calls of PROTOCOL.md: model ↔ JSON, writer beside reader. Agents and the simulator write requests and read
 * answers, the centre reads requests and writes answers.
 *
 * wire_put_… append to a buffer (BUF_INIT(MAX_AGENT_BODY)) whose error sticks: check b->error once. What is written is
 * canonical: members sorted by name, no white space, UTF-8 as it is, only what must be escaped escaped.
 *
 * wire_get_… read n bytes of text. All that the result points to lies in the arena, JSON is gone when they return. On a
 * failure *ret is not to be used, and `e` names the member ("state.providers[2].name: a text is expected"):
 * -EINVAL for what the protocol does not allow, -EMSGSIZE for what is longer than bounds.h allows, -ENOMEM. */
#ifndef WIRE_H
#define WIRE_H

#include "arena.h"
#include "bounds.h"
#include "buf.h"
#include "err.h"
#include "event.h"
#include "hardware.h"
#include "ids.h"
#include "policy.h"
#include "state.h"
#include "sync.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_VERSION = 1, WIRE_TOKEN_ID_TEXT = 13, WIRE_KEY_BYTES = 32, WIRE_SEALED_BYTES = 80 };

/* POST /enrol/v1 */
struct wire_enrol {
	char token_id[WIRE_TOKEN_ID_TEXT];
	uint8_t proof[WIRE_KEY_BYTES];
	const char *csr; /* PEM, at most MAX_CSR bytes */
	id16 install_id;
	uint8_t seal_key[WIRE_KEY_BYTES];
	struct hardware hardware; /* normalized */
	struct inventory inventory;
};
void wire_put_enrol(struct buf *b, const struct wire_enrol *m);
int wire_get_enrol(struct arena *a, const char *text, size_t n, struct wire_enrol *ret, struct err *e);

struct wire_enrolled {
	id16 machine;
	const char *certificate; /* PEM */
	uint8_t sealed[WIRE_SEALED_BYTES];
	uint8_t confirm[WIRE_KEY_BYTES];
	struct anchors anchors; /* read: in the arena, not for anchors_release */
	int64_t server_time_us;
};
void wire_put_enrolled(struct buf *b, const struct wire_enrolled *m);
int wire_get_enrolled(struct arena *a, const char *text, size_t n, struct wire_enrolled *ret, struct err *e);

/* POST /agent/v1/sync. Read: in the arena, not for sync_down_release. state_text and state say the same; the writer
 * takes state. hardware is normalized. A hash or epoch of zeros is "none yet" and read as "".
 * A task of a kind that this program does not know is read with kind 0: it is to be answered as refused. */
void wire_put_sync_up(struct buf *b, const struct sync_up *m);
int wire_get_sync_up(struct arena *a, const char *text, size_t n, struct sync_up *ret, struct err *e);
void wire_put_sync_down(struct buf *b, const struct sync_down *m);
int wire_get_sync_down(struct arena *a, const char *text, size_t n, struct sync_down *ret, struct err *e);

/* The arguments of a task, a closed object of their own for each kind: an unknown member is refused here, since an
 * argument that is not understood must not be left out. */
void wire_put_task_args(struct buf *b, enum task_kind k, const struct task_args *a);
int wire_get_task_args(
    struct arena *a, enum task_kind k, const char *text, size_t n, struct task_args *ret, struct err *e);

/* POST /agent/v1/events. seq of the events is first + their place. */
void wire_put_events(struct buf *b, const struct event_batch *m);
int wire_get_events(struct arena *a, const char *text, size_t n, struct event_batch *ret, struct err *e);

struct wire_stored {
	id16 stream;
	int64_t hwm;
	uint8_t hwm_id[8];
	char epoch[ID_TEXT];
};
void wire_put_stored(struct buf *b, const struct wire_stored *m);
int wire_get_stored(struct arena *a, const char *text, size_t n, struct wire_stored *ret, struct err *e);

/* POST /agent/v1/renew */
struct wire_renew {
	const char *csr;
	id16 install_id;
};
void wire_put_renew(struct buf *b, const struct wire_renew *m);
int wire_get_renew(struct arena *a, const char *text, size_t n, struct wire_renew *ret, struct err *e);

struct wire_renewed {
	const char *certificate;
	struct anchors anchors;
	int64_t server_time_us;
};
void wire_put_renewed(struct buf *b, const struct wire_renewed *m);
int wire_get_renewed(struct arena *a, const char *text, size_t n, struct wire_renewed *ret, struct err *e);

/* POST /agent/v1/goodbye; its answer is {}. */
struct wire_goodbye {
	const char *reason; /* at most MAX_TEXT bytes */
};
void wire_put_goodbye(struct buf *b, const struct wire_goodbye *m);
int wire_get_goodbye(struct arena *a, const char *text, size_t n, struct wire_goodbye *ret, struct err *e);

/* Every refusal. has_hwm: 409 gap and fork. */
struct wire_error {
	const char *code, *message;
	bool has_hwm;
	int64_t hwm;
	uint8_t hwm_id[8];
};
void wire_put_error(struct buf *b, const struct wire_error *m);
int wire_get_error(struct arena *a, const char *text, size_t n, struct wire_error *ret, struct err *e);

/* Parts that are stored or hashed by themselves. */
void wire_put_state(struct buf *b, const struct agent_state *s);
int wire_get_state(struct arena *a, const char *text, size_t n, struct agent_state *ret, struct err *e);
void wire_put_hardware(struct buf *b, const struct hardware *h);
/* The body of an event as it is kept with it: detections {"engine":…}, the others their own body. */
void wire_put_detection(struct buf *b, const struct detection *d);

/* sync_down.policy_json as settings: what it does not name has its standard; a name that is no setting for agents is
 * ignored; a value out of its range is refused. from_node and locked stay 0. */
int wire_get_settings(const char *policy_json, int64_t version, struct policy *ret, struct err *e);

/* BLAKE2b-128 of canonical text: wire_hash(b->p, b->n). */
id16 wire_hash(const void *p, size_t n);
int wire_hash_state(const struct agent_state *s, id16 *ret); /* -ENOMEM, -EMSGSIZE */
int wire_hash_hardware(const struct hardware *h, id16 *ret);

#endif
