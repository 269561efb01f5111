/* Each reader of the agents' protocol, chosen by the first byte. What a reader takes must be written and read again to
 * the same bytes. */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN(name, type)                                                                                              \
	static int again_##name(struct arena *a, const char *text, size_t n, struct buf *b)                            \
	{                                                                                                              \
		type m;                                                                                                \
		struct err e = {0};                                                                                    \
		int r = wire_get_##name(a, text, n, &m, &e);                                                           \
		if (r && !e.text[0])                                                                                   \
			abort();                                                                                       \
		if (!r)                                                                                                \
			wire_put_##name(b, &m);                                                                        \
		return r;                                                                                              \
	}

AGAIN(enrol, struct wire_enrol)
AGAIN(enrolled, struct wire_enrolled)
AGAIN(sync_up, struct sync_up)
AGAIN(sync_down, struct sync_down)
AGAIN(events, struct event_batch)
AGAIN(stored, struct wire_stored)
AGAIN(renew, struct wire_renew)
AGAIN(renewed, struct wire_renewed)
AGAIN(goodbye, struct wire_goodbye)
AGAIN(error, struct wire_error)
AGAIN(state, struct agent_state)

/* The kind is in the first byte of the text. */
static int again_task_args(struct arena *a, const char *text, size_t n, struct buf *b)
{
	struct task_args args;
	struct err e = {0};
	if (!n)
		return -1;
	enum task_kind kind = (enum task_kind)(text[0] - '0');
	int r = wire_get_task_args(a, kind, text + 1, n - 1, &args, &e);
	if (r && !e.text[0])
		abort();
	buf_addc(b, text[0]);
	if (!r)
		wire_put_task_args(b, kind, &args);
	return r;
}

static int (*const readers[])(struct arena *, const char *, size_t, struct buf *) = {again_enrol, again_enrolled,
    again_sync_up, again_sync_down, again_events, again_stored, again_renew, again_renewed, again_goodbye, again_error,
    again_state, again_task_args};

int LLVMFuzzerTestOneInput(const unsigned char *p, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	if (!n)
		return 0;
	size_t which = p[0] % (sizeof readers / sizeof *readers);
	struct arena a = ARENA_INIT;
	struct buf first = BUF_INIT(8 * MAX_AGENT_BODY), second = BUF_INIT(8 * MAX_AGENT_BODY);
	int r = readers[which](&a, (const char *)p + 1, n - 1, &first);
	/* a task of an unknown kind is read as 0, which nobody writes */
	if (!r && !first.error && first.n <= MAX_AGENT_BODY) {
		if (readers[which](&a, first.p, first.n, &second) || second.n != first.n ||
		    memcmp(second.p, first.p, first.n) != 0)
			abort();
	}
	buf_release(&first);
	buf_release(&second);
	arena_release(&a);
	return 0;
}
