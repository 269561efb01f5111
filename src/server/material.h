/* What a server proves itself with, as one file that is replaced whole (so that key and certificate always fit): its
 * key, its certificate, what it sends behind it, whom it believes. */
#ifndef MATERIAL_H
#define MATERIAL_H

#include "err.h"

enum material_part {
	MATERIAL_NAMES,      /* for which it was signed */
	MATERIAL_GENERATION, /* of the CA that signed it, a number */
	MATERIAL_KEY,
	MATERIAL_CERTIFICATE,
	MATERIAL_ISSUERS, /* cross-signed ones, the root last */
	MATERIAL_ROOT,    /* that tokens pin */
	MATERIAL_ANCHORS, /* of agents' certificates; the anchor "agents-ca" */
	MATERIAL_PARTS
};

struct material {
	char *part[MATERIAL_PARTS]; /* all there, or all NULL */
};

int material_read(int dir_fd, struct material *ret); /* -ENOENT, -EBADMSG */
int material_write(int dir_fd, const struct material *m);
void material_release(struct material *m);

#endif
