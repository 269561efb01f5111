/* Keys, requests, certificates, pins, chains. PEM texts in, PEM texts out: who needs OpenSSL's own types includes
 * pki_x509.h. Keys are EC P-256, always. Times are microseconds of real time. Errors: -EINVAL for what is malformed or
 * not allowed, -EMSGSIZE, -EKEYREJECTED for what does not verify (the text says why), -ENOMEM. */
#ifndef PKI_H
#define PKI_H

#include "bounds.h"
#include "buf.h"
#include "err.h"
#include "ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PKI_MAX_KEY = 4096, PKI_SERIAL_MAX = 20 };

/* Private keys */
struct pki_key;
int pki_key_new(struct pki_key **ret);
int pki_key_read(const char *pem, struct pki_key **ret, struct err *e);
int pki_key_write(const struct pki_key *k, struct buf *b);             /* PKCS#8; give the buffer to buf_wipe */
void pki_key_hash(const struct pki_key *k, uint8_t dst[SHA256_BYTES]); /* SHA-256 of the SubjectPublicKeyInfo */
void pki_key_free(struct pki_key *k);

/* Requests. common_name may be "". */
int pki_csr_make(const struct pki_key *k, const char *common_name, struct buf *b);
/* Checks form, size, kind of key and the request's own signature. */
int pki_csr_check(const char *pem, uint8_t ret_key_hash[SHA256_BYTES], struct err *e);

/* What a certificate says. Of a bundle: the first one. */
struct pki_cert {
	uint8_t serial[PKI_SERIAL_MAX];
	size_t serial_n;
	uint8_t key_hash[SHA256_BYTES];
	char common_name[65];
	int64_t not_before, not_after;
	bool self_issued; /* issuer and subject are the same */
};
int pki_cert_read(const char *pem, struct pki_cert *ret, struct err *e);
/* True when the key is the certificate's. */
bool pki_cert_fits(const char *cert_pem, const struct pki_key *k);
/* How many certificates a bundle holds (0 for an empty text); -EINVAL when there is anything wrong with one of them. */
int pki_bundle_check(const char *pem, size_t *ret_n, struct err *e);

/* The time at which a server is verified (PROTOCOL.md, "Trust, time"): the clock if it lies between the floor and two
 * years above it, else the floor. At the floor all that is known is that it is not earlier: that a certificate is not
 * yet valid then is no reason to refuse it. */
struct pki_time {
	int64_t us;
	bool is_floor;
};
struct pki_time pki_verify_time(int64_t clock_us, int64_t floor_us);

/* Whom a client believes: anchors, or (enrolment) one pinned root's key. */
struct pki_trust;
int pki_trust_anchors(const char *anchors_pem, struct pki_trust **ret, struct err *e);
int pki_trust_pin(const uint8_t pin[SHA256_BYTES], struct pki_trust **ret);
void pki_trust_free(struct pki_trust *t);

/* Is this chain (leaf first, the rest in any order, the root with it when a pin is trusted) a server named `host` (a
 * DNS name or an address), at that time? */
int pki_server_check(
    const struct pki_trust *t, const char *chain_pem, const char *host, struct pki_time at, struct err *e);
/* Is it a client whose certificate a CA of these gave? What http's listener asks, for tests and for tools. */
int pki_client_check(const struct pki_trust *t, const char *chain_pem, struct pki_time at, struct err *e);

#endif
