/* Which computers there are: from a units file and a sizes file, always the same for the same seed. */
#ifndef PLAN_H
#define PLAN_H

#include "err.h"
#include "hardware.h"
#include "ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shares are in millionths of all computers, drawn from the seed one by one. */
struct plan_knobs {
	uint64_t seed;
	int64_t misnamed, reinstalled, cloned, silent, skewed, guarded;
};

struct planned {
	char name[64];  /* host name: CODE-ROOM-NNN, or one against the guideline */
	char code[33];  /* the unit it belongs to; "" for a row of the sizes that is no unit */
	char group[64]; /* whose enrolment token it uses */
	bool misnamed, reinstalled, cloned, silent;
	bool guarded;    /* says that an engine is ready and guards on access */
	int64_t skew_us; /* its clock against the true one */
	uint64_t number; /* its generator's number */
};

struct plan {
	size_t n;
	struct planned *machine; /* owned */
};

/* units: CSV with columns code, name, group. sizes: CSV with columns group, unit (name), installed; a row whose unit
 * is no unit's name stands for computers named against the guideline that enrol with their group's token.
 * -EINVAL and a text that names file and line. */
int plan_read(
    struct plan *ret, const char *units_path, const char *sizes_path, const struct plan_knobs *k, struct err *e);
/* n computers of one invented unit "TEST", group "test": for measurements. */
int plan_uniform(struct plan *ret, size_t n, const struct plan_knobs *k, struct err *e);
void plan_release(struct plan *p);

/* Invented hardware of a generation: 0 the original, 1 a machine that a cloned disk was put in. */
void plan_hardware(const struct plan_knobs *k, const struct planned *m, int generation, struct hardware *ret);

#endif
