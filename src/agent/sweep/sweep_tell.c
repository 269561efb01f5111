#include "sweep.h"

#include <string.h>

/* Somebody who wants all of them reads the counts: the list is for looking at. */
enum { MOST_MISSED_TOLD = 1000 };

static void send_out(struct sweep *s)
{
	if (ipc_channel_send(s->parent, &s->out))
		s->stopping = true; /* nobody is there any more, or does not read */
}

void sweep_tell_progress(struct sweep *s)
{
	s->progress.position = s->position;
	s->progress.position_n = s->position ? strlen(s->position) : 0;
	ipc_begin(&s->out, SWEEP_PROGRESS);
	sweep_put_progress(&s->out, &s->progress);
	send_out(s);
}

void sweep_tell_found(struct sweep *s, const struct sweep_found *found)
{
	ipc_begin(&s->out, SWEEP_FOUND);
	sweep_put_found(&s->out, found);
	send_out(s);
}

void sweep_tell_missed(struct sweep *s, enum scan_reason reason, const char *path)
{
	if (s->missed_told++ >= MOST_MISSED_TOLD)
		return;
	ipc_begin(&s->out, SWEEP_MISSED);
	ipc_put_u8(&s->out, (uint8_t)reason);
	ipc_put_bytes(&s->out, path, strlen(path));
	send_out(s);
}

void sweep_tell_end(struct sweep *s, enum scan_end end)
{
	ipc_begin(&s->out, SWEEP_ENDED);
	ipc_put_u8(&s->out, (uint8_t)end);
	ipc_put_text(&s->out, s->why);
	send_out(s);
}
