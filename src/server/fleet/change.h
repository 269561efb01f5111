/* A ledger commit that is begun only when there is something to write, gathers what was done, and ends as one entry. */
#ifndef CHANGE_H
#define CHANGE_H

#include "desk.h"
#include "detail.h"
#include "ledger.h"
#include "verdict.h"

struct change {
	struct desk *desk; /* by which places are decided; NULL: loaded for each */
	bool open, beaten;
	struct ledger_entry l;
	int64_t beat;       /* the pulse of this commit, after change_beat */
	const char *action; /* of the first note */
	struct buf notes;
};
#define CHANGE_INIT(d) ((struct change){.desk = (d), .notes = BUF_INIT(MAX_DETAIL)})

int change_open(struct db *db, struct change *ch); /* again: 0 */
int change_beat(struct db *db, struct change *ch); /* opens, raises the pulse once */
/* {"what":action, …evidence…} joins the entry's list. evidence may be NULL; it is closed. */
int change_note(struct db *db, struct change *ch, const char *action, struct detail *evidence);
/* Ends the entry of a machine, if any was begun. The actor is the machine itself. */
int change_close(struct db *db, struct change *ch, const struct agent_call *c, int64_t machine_id);
void change_release(struct change *ch);

#endif
