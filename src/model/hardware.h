/* The hardware fingerprint: digests of what the firmware and the devices say of themselves. A value that is absent,
 * empty or a known filler ("To be filled by O.E.M.", all zeros, all F) is not in the list, so that an absent value
 * never equals an absent value. The digest is BLAKE2b-128 over kind and value, keyed with nothing: it hides serial
 * numbers from casual reading only. */
#ifndef HARDWARE_H
#define HARDWARE_H

#include "bounds.h"
#include "ids.h"

#include <stddef.h>

enum hw_kind {
	HW_SMBIOS_UUID = 1,
	HW_BOARD_SERIAL = 2,
	HW_DISK_SERIAL = 3,
	HW_MAC = 4,
	HW_MACHINE_ID = 5,
	HW_KIND_END
};

struct hw_value {
	enum hw_kind kind;
	id16 digest;
};

/* Sorted by (kind, digest), no doubles: hw_normalize. */
struct hardware {
	size_t n;
	struct hw_value v[MAX_HW_VALUES];
};

/* machine-id belongs to the installation, not to the metal: it is carried, and compared by nobody here. */
enum hw_match {
	HW_UNKNOWN,   /* one side has no value of a kind that the other has: nothing can be said */
	HW_DIFFERENT, /* kinds in common, not one value equal */
	HW_PARTLY,    /* some values equal, some kind differs */
	HW_SAME, /* every kind present on both sides has the same values, and at least two kinds are present on both */
};

void hw_normalize(struct hardware *h);
enum hw_match hw_compare(const struct hardware *a, const struct hardware *b);

#endif
