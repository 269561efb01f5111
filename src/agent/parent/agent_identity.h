/* Who this installation is. One file, 0600 root, replaced whole; the secrets in it never leave the parent. */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include "ids.h"
#include "link_messages.h"

#include <stdbool.h>
#include <stdint.h>

enum identity_standing {
	STANDING_NEW, /* never enrolled, or left by goodbye */
	STANDING_ENROLLED,
	STANDING_CLONE, /* the centre has found this key in two places: enrol anew */
	STANDING_REVOKED,
	STANDING_END,
};

struct identity {
	id16 install_id;                                      /* born with the installation; a clone gets another one */
	uint8_t seal_public[LINK_KEY], seal_secret[LINK_KEY]; /* X25519: what the centre seals the machine secret to */
	enum identity_standing standing;
	id16 machine;                         /* meaningful from STANDING_ENROLLED on */
	uint8_t machine_secret[SECRET_BYTES]; /* known to the centre and us; for codes that work offline */
	char server[LINK_MAX_URL + 1], agents_server[LINK_MAX_URL + 1];
	struct link_policy policy; /* in force */
};

/* Reads the file in the folder, or makes a new identity when there is none and writes it. -EBADMSG: a file that is
 * broken: nothing is made up in its place, because a second identity is a second machine. */
int identity_load(int folder, struct identity *ret);
int identity_save(int folder, const struct identity *id);
void identity_wipe(struct identity *id);

void identity_renew_install_id(struct identity *id); /* and the seal key: nothing of a clone stays shared */

const char *identity_standing_name(enum identity_standing s); /* "not enrolled", "enrolled", … */

#endif
