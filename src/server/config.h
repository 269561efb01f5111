/* khien-server.conf: `key = value` lines, '#' begins a comment line. */
#ifndef CONFIG_H
#define CONFIG_H

#include "err.h"

#include <stdint.h>

enum { CONFIG_TEXT = 512 };

struct config_address {
	char host[64];
	uint16_t port;
};

struct config {
	char state[CONFIG_TEXT];     /* folder, 0700: the server's key and chain */
	char store[CONFIG_TEXT];     /* db_open's: sqlite:PATH, postgresql://… */
	char store_key[CONFIG_TEXT]; /* file that all servers on one store share; standard: store.key in the state
	                                folder */
	char ca_socket[CONFIG_TEXT];
	char names[CONFIG_TEXT]; /* comma-separated: how agents and people call this server */
	struct config_address enrol, agents, console;
	int64_t max_agents; /* connections */
	int64_t max_held;
	int64_t threads; /* event bases; 0: one a core */
	int64_t readers; /* of the store */
	int64_t queue;   /* jobs that wait for the store */
	int64_t log;     /* 0 errors … 3 everything, each answer to an agent too */
};

/* -EINVAL names file and line; -ENOENT and the like name the file. */
int config_read(const char *path, struct config *ret, struct err *e);

#endif
