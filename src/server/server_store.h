/* The store as a server opens it, and the key that seals secrets in it. */
#ifndef SERVER_STORE_H
#define SERVER_STORE_H

#include "config.h"
#include "store.h"
#include "store_key.h"

int server_store_open(const struct config *c, struct store **ret, struct err *e);
/* From its file. A file that is missing is made for a store that knows no key yet, else it is an error. */
int server_key_open(const struct config *c, struct store *s, struct store_key *ret, struct err *e);

#endif
