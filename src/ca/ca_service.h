/* Answers one request after the other. What was signed leaves only when the journal is synced: ca_service_answer notes,
 * ca_service_sync makes lasting. */
#ifndef CA_SERVICE_H
#define CA_SERVICE_H

#include "ca_config.h"
#include "ca_house.h"

struct ca_service {
	const struct ca_config *config;
	struct ca_house house;
	int journal_fd;
	bool noted; /* something in the journal is not synced yet */
	int64_t signed_agents, signed_servers;
};

struct ca_caller {
	uid_t uid;
	bool admin; /* root, or the CA's own user, who can read the key anyway */
};

/* Opens signed.log and the house; makes the first generation in a folder that has never held a CA. `init`: as well the
 * next one when the key is lost. */
int ca_service_open(struct ca_service *s, const struct ca_config *c, int dir_fd, bool init, struct err *e);
void ca_service_close(struct ca_service *s);

/* True when the answer holds a signature, and must not leave before ca_service_sync said 0. */
bool ca_service_answer(
    struct ca_service *s, const struct ca_caller *who, const struct ca_request *q, struct buf *answer);
int ca_service_sync(struct ca_service *s);

#endif
