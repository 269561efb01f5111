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

#endif
