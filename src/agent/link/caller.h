/* One HTTPS call at a time on a thread of its own, so that a held sync does not hold up the spool. The thread knows
 * nothing but its call; whoever owns the caller reads the answer when the descriptor says so. */
#ifndef CALLER_H
#define CALLER_H

#include "buf.h"
#include "err.h"
#include "https_client.h"

#include <stdbool.h>

struct caller;

/* wake_fd (an eventfd that the caller's owner polls) is written to when an answer is there. */
int caller_new(int wake_fd, struct caller **ret);
void caller_free(struct caller *c); /* interrupts the call and waits for its end */

/* Another server or trust from the next call on. Texts are copied. Only while the caller is idle. */
int caller_configure(struct caller *c, const struct https_config *config, struct err *e);
/* Closes the kept connection and forgets the configuration: while there is nothing to say it only costs memory. */
void caller_rest(struct caller *c);
bool caller_is_configured(const struct caller *c);

/* POST of a JSON body, which is taken over (and empty afterwards). headers: name, value, …, NULL, of static texts. */
int caller_start(struct caller *c, const char *path, struct buf *body, const char *const *headers, int total_ms);
bool caller_is_busy(const struct caller *c); /* from caller_start until caller_take gave the answer */

/* True: the call has ended and *ret is its answer, for https_answer_release. */
bool caller_take(struct caller *c, struct https_answer *ret);

void caller_interrupt(struct caller *c);

#endif
