/* The API: what the web console, scripts and the command line stand on. One handler for the listener without client
 * certificates. Routes, their rules and their handlers are tables (route.h); each call is authenticated and authorised
 * inside the very transaction that does its work, so that a grant that any server has ended is refused at once. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include "buf.h"
#include "err.h"
#include "http.h"
#include "store.h"

struct console;

/* What the program around it can do and this room cannot. Called on a worker thread of the console, may block for some
 * seconds; but ca_pin, called inside store jobs, must answer at once. A NULL function's route answers 501. JSON is one
 * object. */
struct console_services {
	void *arg;
	/* SHA-256 of the SubjectPublicKeyInfo of the CA at the root of the server's chain: stands in enrolment tokens.
	 */
	int (*ca_pin)(void *arg, uint8_t ret[32]);
	int (*metrics)(void *arg, struct buf *ret_text); /* OpenMetrics text */
	int (*trust_status)(
	    void *arg, struct buf *ret_json); /* CAs, server's certificate: see openapi.yaml TrustStatus */
	/* what: "server" renews the server's certificate, "ca" makes a new CA that the old one cross-signs. The service
	 * does the ledger commit itself, in the name of `actor`. */
	int (*trust_rotate)(void *arg, const char *what, const char *actor, const char *request, struct err *e);
};

struct console_config {
	struct store *store;
	int workers; /* threads for password hashing (64 MiB each) and imports; 0: 2 */
	int queue;   /* calls waiting for them at most; 0: 32 */
	struct console_services services;
};

/* -EINVAL: the table of routes is not sound (a route without a rule). */
int console_start(struct console **ret, const struct console_config *c, struct err *e);
void console_handle(struct http_req *q, void *console); /* an http_handler */
/* Answers what is in its hands first. Before store_close and after the listeners have stopped. */
void console_stop(struct console *c);

#endif
