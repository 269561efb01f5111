/* The client of khien-ca, for khien-server and `khien ca …`. A client belongs to one thread at a time and blocks: never
 * call it on an event thread. It connects at the first call, and anew after khien-ca was restarted.
 *
 * Errors: -ENOENT, -ECONNREFUSED, -EPIPE, -ETIMEDOUT: khien-ca is not there (try again later); -EACCES: this user may
 * not; -EINVAL, -EKEYREJECTED, -EMSGSIZE: refused by its rules, the text says why; -EIO: khien-ca could not write. */
#ifndef CA_CLIENT_H
#define CA_CLIENT_H

#include "err.h"
#include "ids.h"

#include <stddef.h>
#include <stdint.h>

enum { CA_MAX_BATCH = 32 };

struct ca_client;
int ca_client_new(const char *socket_path, int timeout_ms, struct ca_client **ret);
void ca_client_free(struct ca_client *c);

/* Signs agents' certificates: up to CA_MAX_BATCH at once share one sync of khien-ca's log. The return value is about
 * khien-ca being there; each request has its own result. */
struct ca_agent_request {
	const char *csr_pem;
	const char *machine; /* 32 hex digits: the certificate's common name */
	int result;
	char *cert_pem; /* result 0; the caller frees */
	struct err err;
};
int ca_sign_agents(struct ca_client *c, struct ca_agent_request *v, size_t n, struct err *e);

/* names: comma-separated DNS names and addresses, each of them listed in ca.conf. *ret_pem: the server's certificate
 * alone; the chain is it and ca_trust.issuers_pem. */
int ca_sign_server(struct ca_client *c, const char *csr_pem, const char *names, char **ret_pem, struct err *e);

/* What the CA is now. `version` rises with every change. */
struct ca_trust {
	int64_t version;
	int64_t generation; /* that signs */
	char *issuers_pem;  /* what a server sends behind its certificate: cross-signed ones, newest first, the roots of
	                       older generations that are trusted, and the root last */
	char *root_pem;     /* of the generation that signs: the root that tokens pin */
	char *anchors_pem;  /* roots of all generations that are not retired: client CAs, and the anchor "agents-ca" */
};
/* 1 and *ret (ca_trust_release) when the version is another than `known`, 0 when it is not. Cheap: ask every few
 * seconds. */
int ca_get_trust(struct ca_client *c, int64_t known, struct ca_trust *ret, struct err *e);
void ca_trust_release(struct ca_trust *t);

/* For root alone. */
/* CA_NEXT: made because the signing key is lost (docs/ca-recovery.md); it is among the anchors, and signs from the next
 * rotation on. Until then nothing can be signed (-ENOKEY). */
enum ca_generation_state { CA_SIGNING = 1, CA_TRUSTED, CA_RETIRED, CA_NEXT };
enum { CA_MAX_GENERATIONS = 8 }; /* that are not retired */
struct ca_generation {
	int64_t number;
	enum ca_generation_state state;
	int64_t not_before, not_after;
	uint8_t key_hash[SHA256_BYTES];
};
struct ca_status {
	int64_t version;
	int64_t signed_agents, signed_servers; /* since khien-ca was started */
	size_t n;
	struct ca_generation v[2 * CA_MAX_GENERATIONS]; /* newest first; of the retired ones the last */
	char names[1024];
};
int ca_get_status(struct ca_client *c, struct ca_status *ret, struct err *e);
int ca_rotate(struct ca_client *c, int64_t *ret_generation, struct err *e);
int ca_retire(struct ca_client *c, int64_t generation, struct err *e); /* -EBUSY: it is the one that signs */

#endif
