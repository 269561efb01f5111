/* Which machine does a newcomer's hardware belong to? Reads only. */
#ifndef ENROL_MATCH_H
#define ENROL_MATCH_H

#include "identity_int.h"

struct enrol_match {
	int64_t machine_id; /* the machine that it is; 0: a new one */
	int64_t install_id; /* that this machine is now */
	enum joined joined;
	int64_t other_id;       /* a new machine's likeness; 0: none */
	enum apart apart;       /* between the two */
	const char *kind;       /* of the decision */
	int64_t last_seen_real; /* of the machine or the likeness */
};
int enrol_match(struct db *db, const struct hardware *h, struct enrol_match *ret);

#endif
