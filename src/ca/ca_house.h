/* The generations of the CA, in memory and in its folder:
 *   generations    which there are, and the version: replaced whole, last of all
 *   ca-N.key       mode 0600; of the generation that signs (older ones are removed when they no longer do)
 *   ca-N.pem       self-signed
 *   cross-N.pem    N's key signed by N-1; absent for the first, and for one made after a lost key
 * A file that the list does not name is of a change that did not come to its end, and is written anew by the next. */
#ifndef CA_HOUSE_H
#define CA_HOUSE_H

#include "ca_client.h"
#include "ca_issue.h"

enum { CA_HOUSE_MAX = 64 }; /* generations in all */

struct ca_house {
	int dir_fd;
	int64_t seconds; /* life of a new generation */
	int64_t version;
	size_t n;
	struct ca_house_generation {
		int64_t number;
		enum ca_generation_state state;
		X509 *root, *cross; /* cross may be NULL */
	} v[CA_HOUSE_MAX];          /* oldest first */
	struct pki_key *key;        /* of the one that signs; NULL: lost */
};

/* -ENOENT: the folder has never held a CA. A missing key is no failure: key is NULL then. */
int ca_house_open(struct ca_house *h, int dir_fd, int64_t seconds, struct err *e);
void ca_house_close(struct ca_house *h);

/* The first generation; or, when the signing key is lost, the next one (CA_NEXT). -EEXIST: the key is there. */
int ca_house_init(struct ca_house *h, struct err *e);
int ca_house_rotate(struct ca_house *h, int64_t *ret_generation, struct err *e);
int ca_house_retire(struct ca_house *h, int64_t generation, struct err *e);

int ca_house_issuer(const struct ca_house *h, struct ca_issuer *ret, struct err *e); /* -ENOKEY */
int ca_house_trust(const struct ca_house *h, struct ca_trust *ret);                  /* ca_trust_release */
void ca_house_status(const struct ca_house *h, struct ca_status *ret);               /* version, n, v */

#endif
