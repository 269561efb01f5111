#ifndef CLAMAV_INT_H
#define CLAMAV_INT_H

#include "engine.h"

#include <clamav.h>

enum { CLAMAV_MARKER = 32 };

struct clamav {
	struct cl_engine *engine;
	uint8_t marker[CLAMAV_MARKER];
	uint8_t planted[256]; /* gzip of the marker: found only by one that unpacks */
	size_t planted_n;
	char temporary[256]; /* what the engine was told */
};

/* clamav_messages.c: what libclamav writes instead of returning it. One scan or load at a time. */
struct clamav_messages {
	char first[256]; /* the first warning or error */
	int line;        /* of a database that does not load, 0 unknown */
	bool no_space;   /* something about temporary files */
	bool failed;     /* anything else that kept it from looking */
};
void clamav_messages_watch(struct clamav_messages *m); /* NULL: nobody listens */
void clamav_messages_init(void);

/* clamav_load.c */
int clamav_load(const struct engine_load *l, void **ret_state, size_t *ret_signatures, struct err *e);
void clamav_unload(void *state);

#endif
