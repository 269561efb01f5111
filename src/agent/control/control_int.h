#ifndef CONTROL_INT_H
#define CONTROL_INT_H

#include "control.h"
#include "control_messages.h"
#include "ipc_channel.h"

struct control {
	struct ipc_channel *channel;
	struct buf request;
	struct control_fact facts[CONTROL_MAX_FACTS];
};

int control_refused(struct ipc_reader *r, struct err *e); /* reads a CONTROL_REFUSED */
/* Sends c->request; *ret stands behind the type of the answer that was wanted. */
int control_ask(struct control *c, int timeout_ms, enum control_message want, struct ipc_reader *ret, struct err *e);
int control_ended(const struct ipc_reader *r, struct err *e); /* ipc_end, told */

#endif
