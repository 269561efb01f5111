/* What the files of an events call share; for no other room. */
#ifndef EVENT_INT_H
#define EVENT_INT_H

#include "event_store.h"
#include "identity_int.h"

struct batch_job {
	struct db *db;
	const struct agent_call *call;
	const struct event_batch *b;
	struct events_taken *ret;
	int64_t install_id, machine_id, status, not_after, branch_status;
	id16 branch;                             /* the current one */
	int64_t stream_num, stream_machine, hwm; /* stream_num 0: the centre has not heard of it */
	uint8_t hwm_id[8];
	int64_t elsewhere; /* places above the mark whose event is stored under another stream */
	size_t first_new;  /* events before it are at or below the mark */
	bool gone;         /* what lies between the mark and `first` nobody has any more */
	int64_t at, pos;   /* received; the next position */
};

enum place { PLACE_EMPTY, PLACE_THIS, PLACE_ANOTHER };
/* What the centre has at that place, against the id. */
int event_place(struct db *db, int64_t stream_num, int64_t seq, const uint8_t id[8], enum place *ret);

/* Moves the mark to the batch's end and stores what is new. */
int events_store(struct batch_job *j);

/* event_rows.c: the end of a task that was told to have been started. */
int task_ended(struct batch_job *j, int64_t task_id, bool ok, const char *body);

/* quarantine_take.c: beside the event's own row. */
int quarantine_found(struct batch_job *j, const struct event *e);
int quarantine_changed(struct batch_job *j, const struct event *e);
int scan_ended(struct batch_job *j, const struct event *e);

#endif
