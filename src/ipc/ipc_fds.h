/* Descriptors that travel with frames: what ipc_channel.c keeps beside its bytes. */
#ifndef IPC_FDS_H
#define IPC_FDS_H

#include "ipc_channel.h"

enum { MAX_QUEUED_FDS = 16 }; /* messages with descriptors that wait for a peer that does not read */

struct ipc_fds {
	size_t n, taken;
	bool lost; /* sent to us, and could not be taken in */
	int v[MAX_IPC_FDS];
};

struct ipc_fds_queue {
	size_t n;
	struct {
		size_t at; /* where in the waiting bytes their frame begins */
		size_t n;
		int v[MAX_IPC_FDS];
	} load[MAX_QUEUED_FDS];
};

void ipc_fds_close(struct ipc_fds *f); /* what was not taken; empties */
int ipc_fds_take(struct ipc_fds *f);   /* see ipc_channel_take_fd */

/* As recv(2) with its errno; -1 and EBADMSG when more come than a message may have. */
ssize_t ipc_fds_receive(int socket, struct ipc_fds *f, void *dst, size_t n);

int ipc_fds_queue_add(struct ipc_fds_queue *q, size_t at, const int *fds, size_t n);
/* Forgets the last ones, which are the caller's again. False: they have been sent. */
bool ipc_fds_queue_take_back(struct ipc_fds_queue *q, const int *fds, size_t n);
void ipc_fds_queue_moved(struct ipc_fds_queue *q, size_t sent); /* that many bytes have left the front */
void ipc_fds_queue_drop(struct ipc_fds_queue *q);
/* Sends of p[from, to) what may go at once: up to the next frame with descriptors, with those that begin at `from`. As
 * send(2). */
ssize_t ipc_fds_send(int socket, struct ipc_fds_queue *q, const char *p, size_t from, size_t to);

#endif
