/* The schema of a store: its birth, its version, what it says about itself. */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "db.h"
#include "store.h"

int schema_create(struct db *db, const struct store_birth *birth, struct err *e);
/* steps[i] leads from schema i to i+1. */
int schema_migrate(struct db *db, const char *const *steps, int n, struct err *e);

/* A line of meta; -ENOENT. */
int schema_meta(struct db *db, const char *key, char *dst, size_t size);

#endif
