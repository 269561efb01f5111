/* Random bytes from the system's generator. */
#ifndef RND_H
#define RND_H

#include <stddef.h>

/* Fills p; ends the process when the system has no randomness to give: going on with guessable keys is worse. */
void rnd_bytes(void *p, size_t n);

/* A fresh lower-case hex text of n random bytes; dst has room for 2*n+1, n <= 64. */
void rnd_hex(char *dst, size_t n);

#endif
