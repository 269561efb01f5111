/* Quarantine and allow list, for whoever asks at the control socket, for tasks of the centre, and at the start.
 *
 * What may take long is done by a process forked for it, one at a time: it runs one request (quarantine_work.c), writes
 * the answer to a pipe and ends. The folder's locks and renames make it no matter whether it comes to its end. What the
 * centre is to be told is read from the folder, whoever did it (khien-sweep takes by itself), and marked as told when
 * the event is in the spool. */
#ifndef PARENT_QUARANTINE_H
#define PARENT_QUARANTINE_H

#include "buf.h"
#include "event.h"
#include "ids.h"
#include "ipc.h"
#include "task.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

struct parent;
struct client;
struct task_reply;
struct quarantine;

enum { MOST_TOLD = 16 };

struct quarantine_works {
	struct quarantine *q; /* for telling; NULL: it could not be opened, `problem` says why */
	char problem[512];
	bool recover; /* is still to be done */
	int pipe;     /* of the process that works; -1: none does */
	struct buf answer;
	int64_t client; /* whose request it does: a ticket; 0: nobody's */
	int64_t task;   /* that waits or is being done; 0: none */
	bool task_runs;
	struct buf task_request;
	int64_t done_task; /* the last one, should a new link ask again */
	bool done_well;
	char done_why[256];
	struct {
		bool used;
		id16 item;
		enum detection_action what;
	} told[MOST_TOLD]; /* events that wait for the spool */
};

void parent_quarantine_start(struct parent *p);
void parent_quarantine_release(struct parent *p);

/* Somebody has taken something, or may have: what is not told yet is told. */
void parent_quarantine_changed(struct parent *p);

/* After a change of either allow list: makes the file that workers are handed. */
void parent_allow_publish(struct parent *p);

/* A request of the control socket: CONTROL_QUARANTINE_…, CONTROL_ALLOW_…; answered when it is done. */
int parent_quarantine_request(struct parent *p, struct client *c, uint16_t type, struct ipc_reader *r);
/* An executor of tasks. */
void parent_quarantine_task(
    struct parent *p, const struct task *t, const struct task_args *a, struct task_reply *reply);

struct pollfd parent_quarantine_poll(const struct parent *p);
void parent_quarantine_readable(struct parent *p);

/* quarantine_work.c: in the process that works. Types beside CONTROL_…: */
enum quarantine_work {
	WORK_RECOVER = 60000, /* → CONTROL_DONE */
	WORK_TASK, /* i64 task, u8 kind, bool by item, id, 32 bytes SHA-256 → WORK_TASK_DONE or CONTROL_REFUSED */
	WORK_TASK_DONE, /* u32 done, u32 failed, the first 8 of those: id, SHA-256, text name, bytes path, text why */
};
enum { MOST_FAILURES = 8 };
/* Does the request (a whole message) in the state folder; *out gets the answer, always one. */
void quarantine_work(const char *state, const struct buf *request, struct buf *out);

#endif
