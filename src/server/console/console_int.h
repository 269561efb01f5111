/* Inside the console: its state, and the way in. */
#ifndef CONSOLE_INT_H
#define CONSOLE_INT_H

#include "call.h"
#include "console.h"
#include "worker.h"

#include <pthread.h>

struct console {
	struct console_config config;
	struct worker *worker;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	int calls; /* in hand */
};

void console_enter(struct console *c);
void console_leave(struct console *c);

/* From the request: route, language, credentials, cross-site check, query and body. On the event thread: nothing here
 * asks the store or takes long. The problem is set when it fails. */
int receive(struct call *c);

#endif
