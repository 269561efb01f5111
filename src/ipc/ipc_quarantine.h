/* Quarantine and allow list as fields of a message. Readers point into the message. */
#ifndef IPC_QUARANTINE_H
#define IPC_QUARANTINE_H

#include "allow_set.h"
#include "ipc.h"
#include "quarantine_item.h"

void ipc_put_quarantine_item(struct buf *m, const struct quarantine_item *v);
void ipc_get_quarantine_item(struct ipc_reader *r, struct quarantine_item *ret);

void ipc_put_allow_item(struct buf *m, const struct allow_item *v);
void ipc_get_allow_item(struct ipc_reader *r, struct allow_item *ret);

#endif
