/* What the parent itself has to tell the centre. An event is kept here until the link's receipt says that it is on the
 * disk; a link that dies before is followed by one that is asked again, for the same event by the same id, and a spool
 * that has no place is asked again when it has. */
#ifndef PARENT_EVENTS_H
#define PARENT_EVENTS_H

#include "event.h"

#include <stdbool.h>
#include <stdint.h>

struct parent;

/* Called once, when the event is in the spool (why 0) or will never be (positive errno): tag is the caller's. */
typedef void (*parent_event_fn)(struct parent *p, int64_t tag, int why);

/* e->id all zeros: it is born here. stored may be NULL. -EAGAIN: too much waits already: come again when
 * parent_events_have_room; -EMSGSIZE: longer than the protocol allows. */
int parent_event_add(struct parent *p, const struct event *e, parent_event_fn stored, int64_t tag);
bool parent_events_have_room(const struct parent *p);
bool parent_events_wait(const struct parent *p); /* something is not on the disk yet */

void parent_events_resume(struct parent *p); /* a new link is up, or its spool takes events again */
/* True when the ticket was one of ours. */
bool parent_event_answered(struct parent *p, int64_t ticket, int why);
void parent_events_release(struct parent *p);

#endif
