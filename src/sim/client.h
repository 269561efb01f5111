/* The simulator's HTTPS connection: one per simulated computer, kept alive, one call at a time, over libevent's HTTP
 * client. All on one event base. */
#ifndef CLIENT_H
#define CLIENT_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;

/* What came back. status 0: no answer (refused, reset, time-out, TLS); body is then empty. Lives during the callback.
 */
struct reply {
	int status;
	const char *body; /* NUL-terminated */
	size_t n;
	int retry_after; /* seconds, -1 without */
};
typedef void (*client_done)(void *arg, const struct reply *reply);

/* ctx is shared; certificate and key (may be NULL: none) are this connection's own and are used at each connect. */
struct client *client_new(struct event_base *base, SSL_CTX *ctx, const char *host, uint16_t port);
void client_identity(struct client *c, X509 *cert, EVP_PKEY *key); /* takes references; closes the connection */
void client_free(struct client *c);                                /* no callback follows */

enum client_method { CLIENT_GET, CLIENT_POST, CLIENT_POST_UNHELD /* asks the centre not to hold the answer */ };

enum client_fault {
	CLIENT_NO_FAULT,
	CLIENT_LOSE_REPLY, /* the request goes out whole, the connection is cut before the answer is read */
};

/* `done` follows exactly once, never from inside this call. -EBUSY while a call is under way. */
int client_call(struct client *c, enum client_method method, const char *path, const void *body, size_t n,
    int timeout_s, enum client_fault fault, client_done done, void *arg);
void client_cut(struct client *c); /* drops the connection; a call under way ends with status 0 */

#endif
