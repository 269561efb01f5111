/* Where the centre is, from lines `key = value`:
 *   api    https://address:port of the console's listener
 *   ca     file with the CA's certificates (PEM)
 *   token  file that holds the bearer; sign-in writes it
 *   agent  control socket of the agent on this computer
 *   ca_socket  khien-ca's socket, on its own host
 * Files are relative to the configuration's folder. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "err.h"

#include <stdint.h>

enum { MAX_CLI_PATH = 4096 };
struct cli_config {
	char host[256];
	uint16_t port;
	char ca[MAX_CLI_PATH], token[MAX_CLI_PATH], agent[MAX_CLI_PATH],
	    ca_socket[MAX_CLI_PATH]; /* "" where not named */
};

/* -ENOENT: no such file; -EPERM: it, or its folder, may be written by others, so that it may name other files than its
 * owner meant; -EINVAL: a line that is none. */
int cli_config_read(const char *path, struct cli_config *ret, struct err *e);

/* The first that is there: $KHIEN_CONFIG, var/run/cli.conf of the folder that we stand in, /etc/khien/cli.conf; NULL.
 */
const char *cli_config_find(void);

/* "https://host:port" or "https://[::1]:port"; -EINVAL. */
int cli_config_address(const char *url, char *ret_host, size_t size, uint16_t *ret_port);

#endif
