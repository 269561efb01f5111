/* Messages over a stream socket of this host (a socketpair, or a Unix socket with a path). Linux; not built for
 * Windows.
 *
 * A frame is 8 bytes (length of the message, version 1, number of descriptors, 2 spare) and the message. Descriptors
 * travel with the first byte of their frame. A channel never blocks, except in ipc_channel_call. */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include "ipc.h"

#include <sys/types.h>

enum { MAX_IPC_FDS = 4 }; /* descriptors with one message */

struct ipc_channel;

struct ipc_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/* Takes fd over on success and makes it non-blocking and close-on-exec. */
int ipc_channel_new(int fd, struct ipc_channel **ret);
void ipc_channel_free(struct ipc_channel *c); /* closes; takes NULL */
int ipc_channel_fd(const struct ipc_channel *c);

/* Queues a message and sends what the socket takes. m's own error; -ENOBUFS: more than 4 MAX_IPC_MESSAGE are waiting
 * for a peer that does not read (nothing was queued); -EPIPE and others of send(2): the channel is dead. */
int ipc_channel_send(struct ipc_channel *c, const struct buf *m);
/* The same with n descriptors (at most MAX_IPC_FDS). On success they are the channel's, which closes them when they are
 * sent; on failure they stay the caller's. -ENOBUFS also when too many messages with descriptors wait. */
int ipc_channel_send_fds(struct ipc_channel *c, const struct buf *m, const int *fds, size_t n);
int ipc_channel_flush(struct ipc_channel *c);              /* call when poll says writable; 0 or as send */
bool ipc_channel_wants_write(const struct ipc_channel *c); /* poll for POLLOUT as well */
/* Bytes that wait for the peer: a sender that makes work by itself stops before -ENOBUFS. */
size_t ipc_channel_queued(const struct ipc_channel *c);

/* 1: a message, valid until the next call on this channel (ipc_channel_send excepted); 0: none complete yet; -EPIPE:
 * the peer is gone; -EBADMSG: broken framing; others of recv(2). Call until it says 0. */
int ipc_channel_receive(struct ipc_channel *c, struct ipc_reader *ret, uint16_t *ret_type);

/* The next descriptor that came with the message last received, in the order of sending; it is the caller's then. What
 * is not taken is closed by the next receive, so whoever expects none need not ask. -ENOENT: no more; -EMFILE: they
 * were sent and could not be taken in (this process has too many open), the message itself is whole. */
int ipc_channel_take_fd(struct ipc_channel *c);

/* Sends m and waits for one answer; for clients that have nothing else to do. -ETIMEDOUT. */
int ipc_channel_call(
    struct ipc_channel *c, const struct buf *m, int timeout_ms, struct ipc_reader *ret, uint16_t *ret_type);

/* The same with descriptors, copies of which are sent: those given stay the caller's. */
int ipc_channel_call_fds(struct ipc_channel *c, const struct buf *m, const int *fds, size_t n, int timeout_ms,
    struct ipc_reader *ret, uint16_t *ret_type);

int ipc_pair(int ret_fds[2]); /* close-on-exec both */

/* A socket at `path` with the mode given (made under a umask that never lets others in); an old socket there is
 * removed. The caller makes sure that it is the only one to serve the path. */
int ipc_listen(const char *path, mode_t mode, int *ret_fd);
int ipc_accept(int listen_fd, struct ipc_channel **ret);     /* -EAGAIN when nobody waits */
int ipc_connect(const char *path, struct ipc_channel **ret); /* -ENOENT, -ECONNREFUSED, -EACCES: nobody serves */
int ipc_channel_peer(const struct ipc_channel *c, struct ipc_peer *ret); /* SO_PEERCRED: told by the kernel */

#endif
