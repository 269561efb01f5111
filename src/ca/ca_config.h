/* ca.conf: `key = value` lines, # begins a comment line. Unknown and repeated keys are refused with their line.
 *   state           folder of the CA's own: keys, certificates, generations, signed.log
 *   socket          the Unix socket to listen on
 *   names           what may be certified as a server: comma-separated DNS names and addresses
 *   users           users who may ask, beside root and the CA's own (comma-separated); "khien" when there is such a
 * user agent_seconds   life of agents' certificates; 2592000 (30 days) server_seconds  life of servers' certificates;
 * 7776000 (90 days) ca_seconds      life of the CA's own; 630720000 (20 years) */
#ifndef CA_CONFIG_H
#define CA_CONFIG_H

#include "ca_message.h"

#include <stdbool.h>
#include <sys/types.h>

enum { CA_MAX_USERS = 8 };

struct ca_config {
	char state[4096], socket[108], names[CA_MAX_NAMES];
	size_t n_users;
	uid_t users[CA_MAX_USERS];
	gid_t group; /* of the first user: the socket's */
	int64_t agent_seconds, server_seconds, ca_seconds;
};

int ca_config_read(const char *path, struct ca_config *ret, struct err *e);

/* Each name of the list is one that the configuration has. */
bool ca_config_allows(const struct ca_config *c, const char *names);

/* The next name of a comma-separated list, trimmed; false at its end. *list moves on. */
bool ca_next_name(const char **list, char *dst, size_t size);

#endif
