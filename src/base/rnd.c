#ifdef _WIN32
#include <windows.h>
#include <ntsecapi.h>
#else
#include <sys/random.h>
#include <errno.h>
#endif
#include "rnd.h"
#include "str.h"

#include <stdlib.h>

void rnd_bytes(void *p, size_t n)
{
#ifdef _WIN32
	if (!RtlGenRandom(p, (ULONG)n))
		abort();
#else
	for (char *q = p; n;) {
		ssize_t k = getrandom(q, n, 0);
		if (k < 0 && errno != EINTR)
			abort();
		if (k > 0) {
			q += k;
			n -= (size_t)k;
		}
	}
#endif
}

void rnd_hex(char *dst, size_t n)
{
	unsigned char raw[64];
	if (n > sizeof raw)
		abort();
	rnd_bytes(raw, n);
	hex_encode(dst, raw, n);
}
