/* The words between a worker of khien-scan and whoever feeds it: khien-agent, or khien-sweep. A worker has one job at a
 * time. Writer and reader of each stand beside each other in pool_messages.c. */
#ifndef POOL_MESSAGES_H
#define POOL_MESSAGES_H

#include "engine_state.h"
#include "ipc.h"
#include "sandbox.h"
#include "scan_result.h"

#include <stdbool.h>
#include <stdint.h>

enum pool_message {
	/* feeder → worker */
	POOL_JOB = 1, /* i64 id; with the content's descriptor → (POOL_DIGEST), POOL_RESULT */
	POOL_CHECK,   /* i64 id → POOL_CHECKED: has every engine look at what is planted for it */
	/* 32 bytes SHA-256, u8 enum scan_reason: a content that ended another worker is not looked at */
	POOL_SHUN,
	POOL_ALLOW, /* the administrator's allow list as a descriptor, or none, in place of the one before */

	/* worker → feeder */
	POOL_UP = 64, /* struct pool_up; to the template, before the worker is handed on */
	POOL_DIGEST,  /* i64 id, 32 bytes SHA-256: what is looked at from now on; whoever dies of it is known by it */
	POOL_RESULT,  /* i64 id, struct scan_result */
	POOL_CHECKED, /* i64 id, struct engine_states */
	POOL_MESSAGE_END,
};

struct pool_up {
	uint8_t sandbox[SANDBOX_MECHANISM_COUNT]; /* enum sandbox_outcome */
	int64_t landlock_abi;
	struct engine_states engines; /* each has looked at its planted content, in the jail */
};

void pool_put_result(struct buf *m, const struct scan_result *v);
void pool_get_result(struct ipc_reader *r, struct scan_result *ret);
void pool_put_engines(struct buf *m, const struct engine_states *v);
void pool_get_engines(struct ipc_reader *r, struct engine_states *ret);
void pool_put_up(struct buf *m, const struct pool_up *v);
void pool_get_up(struct ipc_reader *r, struct pool_up *ret);

#endif
