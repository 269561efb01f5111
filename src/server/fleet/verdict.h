/* What the centre says to an agent's call: the rows of PROTOCOL.md's table of errors that a decision of the store can
 * give. A verdict is a result, not an error: the functions return 0 with it, so that what they wrote about it (a clone
 * that was seen, a mark) is committed. Negative errno codes are failures of the store, undone. */
#ifndef VERDICT_H
#define VERDICT_H

#include <stddef.h>
#include <stdint.h>

enum verdict {
	VERDICT_OK,
	VERDICT_TOKEN,      /* 401 token */
	VERDICT_EXPIRED,    /* 401 expired */
	VERDICT_REVOKED,    /* 403 revoked */
	VERDICT_STREAM,     /* 403 stream */
	VERDICT_CLONE,      /* 409 clone */
	VERDICT_SYNC_FIRST, /* 409 sync-first */
	VERDICT_GAP,        /* 409 gap */
	VERDICT_FORK,       /* 409 fork */
	VERDICT_END
};

const char *verdict_code(enum verdict v); /* "token"; NULL for VERDICT_OK */
int verdict_status(enum verdict v);       /* 401; 200 for VERDICT_OK */

/* Who calls, as TLS and HTTP tell it. */
struct agent_call {
	const uint8_t *serial; /* of the client certificate; NULL at enrolment */
	size_t serial_n;
	const char *address; /* of the peer */
	const char *request; /* request id */
};

#endif
