/* From what a person asks ("as of 12 May 2022, as known on 1 June") to the moment that the ledger answers. */
#ifndef MOMENT_H
#define MOMENT_H

#include "db.h"
#include "err.h"
#include "ledger.h"

#include <stdint.h>

enum { DAY_TODAY = -1 };
#define KNOWN_NOW INT64_MAX

/* A past day: as of its 24:00. Today (or DAY_TODAY): as of now. A later day: -EINVAL with the reason. known_at:
 * KNOWN_NOW, or an instant; one that is still to come counts as now. */
int moment_of_day(struct db *db, int32_t day, int64_t known_at, struct as_of *ret, struct err *e);
/* Now is the business clock's, but never before the last ledger commit: what another server, whose clock is a little
 * ahead, has just written is part of now. */
int moment_now(struct db *db, struct as_of *ret);

/* Observations count up to here: what was seen after the moment asked about, or after it was known, is left out. */
int64_t moment_seen_until(const struct as_of *at);

#endif
