/* The server's own key and certificate, and whom it believes: made at the first start and certified by khien-ca,
 * renewed in time, made anew when the CA is rotated, without a restart. A server that has what it needs starts and
 * serves while khien-ca is away. */
#ifndef TRUST_H
#define TRUST_H

#include "buf.h"
#include "err.h"
#include "http.h"
#include "store.h"

struct trust;

struct trust_config {
	int state_fd;
	const char *ca_socket, *names; /* live on */
	struct store *store;
};

int trust_new(struct trust **ret, const struct trust_config *c);
/* 0: there is a certificate to start with. -EAGAIN: khien-ca is not there yet; try again. Anything else: it refuses. */
int trust_prepare(struct trust *t, struct err *e);
/* Texts for http_start: they live until trust_tls_done. */
struct http_tls trust_tls(struct trust *t);
void trust_tls_done(struct trust *t);
/* Follows khien-ca on a thread of its own and gives the http server what is new. */
int trust_follow(struct trust *t, struct http_server *s);
void trust_look(struct trust *t); /* now, and takes the file anew: for a signal */
void trust_stop(struct trust *t); /* ends the thread: before http_stop */
void trust_free(struct trust *t); /* when nobody calls it any more */

/* For console_services. */
int trust_pin(struct trust *t, uint8_t ret[32]);
int trust_status(struct trust *t, struct buf *ret_json);
int trust_rotate(struct trust *t, const char *what, const char *actor, const char *request, struct err *e);

#endif
