/* Failed sign-ins slow down: by the name that was tried and the address that tried it, so that nobody locks out anybody
 * else; in the store, so that all servers count together. An attempt is counted before its password is looked at, so
 * that many at once gain nothing. All of it on real time. */
#ifndef SIGNIN_H
#define SIGNIN_H

#include "call.h"

enum { FREE_FAILURES = 4, MAX_DELAY_S = 300 };

/* The delay behind the n-th failure in a row. */
int signin_delay_s(int64_t failures);
/* What addresses count as one: an IPv6 address is its /64. */
void signin_address(char dst[MAX_ADDRESS], const char *address);

/* In a write job. Counts an attempt, or refuses the call with 429 and Retry-After. */
int signin_attempt(struct db *db, struct call *c, const char *name);
/* It was right: forgets the failures of this name and address. */
int signin_clear(struct db *db, const struct call *c, const char *name);

#endif
