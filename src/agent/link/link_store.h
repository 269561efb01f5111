/* What the link keeps in its folder, beside the spool. Each file is replaced whole, synced. */
#ifndef LINK_STORE_H
#define LINK_STORE_H

#include "arena.h"
#include "buf.h"
#include "ids.h"
#include "pki.h"
#include "sync.h"

#include <stdbool.h>
#include <stdint.h>

/* Key and certificate in one file, so that they are never of two minds; for a renewal or an enrolment that is under way
 * the key alone, in a file of its own: asked again with the same key, the centre gives the same certificate. */
struct credentials {
	struct pki_key *key;
	struct buf key_pem; /* wiped when released */
	char *cert_pem;     /* NULL: a key alone */
	struct pki_cert cert;
};
void credentials_release(struct credentials *c);

enum credentials_place { PLACE_IN_USE, PLACE_ENROLLING, PLACE_RENEWING };
int credentials_load(int folder, enum credentials_place place, struct credentials *ret, struct err *e); /* -ENOENT */
/* Loads the key that is under way, or makes one and writes it. */
int credentials_begin(int folder, enum credentials_place place, struct credentials *ret, struct err *e);
/* Puts the key that was under way into use with its certificate. */
int credentials_accept(
    int folder, enum credentials_place place, const struct credentials *c, const char *cert_pem, struct err *e);
void credentials_drop(int folder, enum credentials_place place);

/* Anchors by purpose. The one that the link itself needs is agents-ca. */
int anchors_load(int folder, struct arena *a, struct anchors *ret); /* -ENOENT; -EBADMSG */
/* -EINVAL when agents-ca is missing or no bundle of certificates: the old ones stay. */
int anchors_save(int folder, const struct anchors *v, struct err *e);
const char *anchors_body(const struct anchors *v, const char *purpose); /* NULL */

/* Where the syncs stand: (branch, counter, nonce) of the last one that was sent, and what else must not be forgotten.
 */
struct sync_state {
	id16 machine; /* as whom; zeros: never enrolled */
	bool has_branch;
	id16 branch;
	int64_t counter; /* 0: none sent yet */
	id16 nonce;
	char epoch[ID_TEXT];
	int64_t floor_us; /* the last server time over a verified connection */
	int64_t task_seen;
};
int sync_state_load(int folder, struct sync_state *ret); /* zeros when there is none or it is broken */
int sync_state_save(int folder, const struct sync_state *s);

#endif
