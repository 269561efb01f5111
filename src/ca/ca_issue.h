/* Certificates by the rules of this CA, whatever the request says of subject and extensions. */
#ifndef CA_ISSUE_H
#define CA_ISSUE_H

#include "pki_x509.h"

struct ca_issuer {
	X509 *cert;
	const struct pki_key *key;
};

/* EKU clientAuth, common name = the machine: 32 lower-case hex digits. */
int ca_issue_agent(
    const struct ca_issuer *i, const char *csr_pem, const char *machine, int64_t seconds, X509 **ret, struct err *e);
/* EKU serverAuth, the names as subjectAltName: they were checked against the configuration. */
int ca_issue_server(
    const struct ca_issuer *i, const char *csr_pem, const char *names, int64_t seconds, X509 **ret, struct err *e);
/* A CA's own: self-signed (issuer NULL), or the same name and key signed by an older generation. */
int ca_issue_root(const struct pki_key *key, int64_t generation, int64_t seconds, X509 **ret);
int ca_issue_cross(const struct ca_issuer *older, X509 *root, X509 **ret);

#endif
