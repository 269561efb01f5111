/* The token's part of an enrolment (PROTOCOL.md): the parent alone knows its secret. */
#ifndef ENROL_TOKEN_H
#define ENROL_TOKEN_H

#include "ids.h"
#include "link_messages.h"

struct enrol_token {
	uint8_t id[LINK_TOKEN_ID], pin[LINK_PIN], auth_key[LINK_KEY];
};

/* "khien1_<id>_<secret>_<pin>", white space at its ends forgiven; -EINVAL. */
int enrol_token_parse(const char *text, struct enrol_token *ret);

void enrol_token_prove(const struct enrol_token *t, const uint8_t csr_sha256[SHA256_BYTES], id16 install_id,
    const uint8_t seal_key[LINK_KEY], uint8_t ret_proof[LINK_KEY]);

/* -EACCES: whoever answered has not made the token; -EBADMSG: what it sealed is not for us. */
int enrol_token_check(const struct enrol_token *t, const struct link_enrolled *answer,
    const uint8_t seal_public[LINK_KEY], const uint8_t seal_secret[LINK_KEY], uint8_t ret_secret[SECRET_BYTES]);

#endif
