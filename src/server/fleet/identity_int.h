/* What the files of identity share; for no other room. */
#ifndef IDENTITY_INT_H
#define IDENTITY_INT_H

#include "cert.h"
#include "change.h"
#include "hardware.h"
#include "store.h"

enum { HW_DIGEST_BYTES = 16, BRANCH_WINDOW = 8, NONCE_KEPT = 8, NONCES_BYTES = BRANCH_WINDOW * NONCE_KEPT };
enum joined { JOINED_NEW = 1, JOINED_SAME, JOINED_PARTLY };
enum branch_status { BRANCH_CURRENT = 1, BRANCH_REPLACED, BRANCH_TOLD };
/* identity_decision.apart */
enum apart { APART_NOT, APART_PARTLY, APART_WHOLLY };

int pulse_now(struct db *db, int64_t *ret);
int machine_uid(struct db *db, int64_t machine_id, char ret[ID_TEXT]);
int machine_node(struct db *db, int64_t machine_id, int64_t *ret);
/* The machine's name as it stands now; "" without one. */
int machine_name(struct db *db, int64_t machine_id, char *dst, size_t size);

int hardware_load(struct db *db, int64_t install_id, struct hardware *ret);
int hardware_replace(struct db *db, int64_t install_id, const struct hardware *h);
void hardware_digest(const struct hardware *h, uint8_t dst[HW_DIGEST_BYTES]);
const char *hw_match_name(enum hw_match m);

struct decision {
	int64_t machine_id, other_id;
	const char *kind;
	enum apart apart;
};
/* The row and the note of the entry; the evidence is closed. */
int decision_write(struct db *db, struct change *ch, const struct decision *d, struct detail *evidence);
int apart_of(struct db *db, int64_t machine_id, enum apart *ret);

/* The live row of a machine that is now that installation, which has not synced yet. */
int live_insert(struct db *db, int64_t machine_id, int64_t install_id);
/* The same for a machine that has one; what the installation before had counted is kept with its branch. */
int live_take_over(struct db *db, int64_t machine_id, int64_t install_id);
/* What is counted in machine_live goes into the row of the current branch. */
int branch_keep(struct db *db, int64_t machine_id);

struct clone_seen {
	int64_t machine_id, install_id;
	id16 branch; /* zeros: told by its hardware */
	uint8_t hw[HW_DIGEST_BYTES];
	const char *address, *state;
};
int clone_insert(struct db *db, const struct change *ch, const struct clone_seen *c);
/* A newcomer has come with that hardware: the oldest one that was told to enrol anew has done so. */
int clone_enrolled(struct db *db, const struct hardware *h, int64_t machine_id);

/* An installation that was superseded speaks. Superseded by hardware that is the same in part: both are alive, two
 * machines from here on, and c->status becomes valid. By the same hardware: refused for good. name: what it calls
 * itself, NULL when it does not say. */
int install_speaks_again(
    struct db *db, struct change *ch, const struct agent_call *call, struct caller *c, const char *name);

#endif
