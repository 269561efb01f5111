/* Real certificates made on the spot, and a client that sends exactly the bytes that a test wants. */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct party {
	EVP_PKEY *key;
	X509 *cert;
	char *key_pem, *cert_pem;
	uint8_t key_hash[32];
};

/* from_s, until_s: validity relative to now. issuer NULL: a self-signed CA. */
void party_make(struct party *p, const char *name, const struct party *issuer, long from_s, long until_s);
void party_free(struct party *p);

struct client {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
};

/* who NULL: no certificate. Returns 0 when the handshake of this side is done. */
int client_open(struct client *c, uint16_t port, const struct party *ca, const struct party *who);
void client_close(struct client *c);
void client_vanish(struct client *c); /* no close_notify: the process died */
int client_send(struct client *c, const char *text);
int client_send_n(struct client *c, const void *p, size_t n);
/* One whole answer by its Content-Length; its status, or 0 when the server closed. ms: at most this long, then -1. */
int client_answer(struct client *c, int ms, char *body, size_t size);
bool client_closed(struct client *c, int ms); /* the server closes within this time */

#endif
