/* The server's life, and what is done to a store without it. */
#ifndef SERVER_H
#define SERVER_H

#include "config.h"

#include <stdbool.h>

struct server;

/* Opens the store and makes ready; 0, or the reason. `waits` is asked between attempts to reach khien-ca, and returns
 * false when the program is to end (-ECANCELED). */
int server_start(struct server **ret, const struct config *c, bool (*waits)(void), struct err *e);
/* For a watchdog: false when an event base has not turned since the call before, which asked them all. Of the program's
 * own thread. */
bool server_turns(struct server *s);
void server_reload(struct server *s);
void server_stop(struct server *s); /* answers what it holds; NULL is fine */

/* Creates the store and its key. simulation_us 0: a real one. */
int server_create_store(const struct config *c, const char *province, int64_t simulation_us, struct err *e);
/* The administrator's account, made or given back; the password is a line of standard input. */
int server_make_administrator(const struct config *c, const char *name, struct err *e);
/* Gives agents another trust anchor for a purpose: its text from standard input. A server that runs hands it on. */
int server_set_anchor(const struct config *c, const char *purpose, struct err *e);

#endif
