/* The vocabulary as fields of a message. Readers point into the message. */
#ifndef IPC_MODEL_H
#define IPC_MODEL_H

#include "event.h"
#include "hardware.h"
#include "ipc.h"
#include "state.h"
#include "task.h"

void ipc_put_hardware(struct buf *m, const struct hardware *h);
void ipc_get_hardware(struct ipc_reader *r, struct hardware *ret);

void ipc_put_state(struct buf *m, const struct agent_state *s);
void ipc_get_state(struct ipc_reader *r, struct agent_state *ret);

void ipc_put_detection(struct buf *m, const struct detection *d);
void ipc_get_detection(struct ipc_reader *r, struct detection *ret);

/* Of what the kind takes; a kind that is none has none. The reader does not judge (task_args_fault does). */
void ipc_put_task_args(struct buf *m, enum task_kind k, const struct task_args *a);
void ipc_get_task_args(struct ipc_reader *r, enum task_kind k, struct task_args *ret);

void ipc_put_quarantine(struct buf *m, const struct quarantine_event *q);
void ipc_get_quarantine(struct ipc_reader *r, struct quarantine_event *ret);
void ipc_put_scan(struct buf *m, const struct scan_event *s);
void ipc_get_scan(struct ipc_reader *r, struct scan_event *ret);

/* Without seq: whoever numbers events does so itself. */
void ipc_put_event(struct buf *m, const struct event *e);
void ipc_get_event(struct ipc_reader *r, struct event *ret);

#endif
