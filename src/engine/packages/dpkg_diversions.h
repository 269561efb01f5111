/* Files that dpkg puts elsewhere because another package, or the administrator, claims their name. */
#ifndef DPKG_DIVERSIONS_H
#define DPKG_DIVERSIONS_H

#include <stddef.h>

struct dpkg_diversions {
	struct dpkg_diversion {
		char *from, *to, *package; /* paths below the root; ":" the administrator */
	} * v;                             /* by `from` */
	size_t n, cap;
};

int dpkg_diversions_read(struct dpkg_diversions *d, int root); /* no file: none */
void dpkg_diversions_release(struct dpkg_diversions *d);

/* Where a package's file lies. */
const char *dpkg_diverted(const struct dpkg_diversions *d, const char *package, const char *path);

#endif
