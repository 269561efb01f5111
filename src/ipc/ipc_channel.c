#include "ipc_channel.h"
#include "ipc_fds.h"
#include "bounds.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FRAME = 8, FRAME_VERSION = 1, MAX_QUEUED = 4 * MAX_IPC_MESSAGE };

struct ipc_channel {
	int fd;
	struct buf in;  /* at most one message and a frame */
	size_t in_done; /* bytes at the front that the caller has had */
	struct buf out;
	struct ipc_fds in_fds; /* came with the message at the front */
	struct ipc_fds_queue out_fds;
};

int ipc_channel_new(int fd, struct ipc_channel **ret)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	struct ipc_channel *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->fd = fd;
	c->in = BUF_INIT(MAX_IPC_MESSAGE + FRAME);
	c->out = BUF_INIT(MAX_QUEUED + MAX_IPC_MESSAGE + FRAME);
	*ret = c;
	return 0;
}

void ipc_channel_free(struct ipc_channel *c)
{
	if (!c)
		return;
	close(c->fd);
	ipc_fds_close(&c->in_fds);
	ipc_fds_queue_drop(&c->out_fds);
	buf_release(&c->in);
	buf_release(&c->out);
	free(c);
}

int ipc_channel_fd(const struct ipc_channel *c)
{
	return c->fd;
}

size_t ipc_channel_queued(const struct ipc_channel *c)
{
	return c->out.n;
}

bool ipc_channel_wants_write(const struct ipc_channel *c)
{
	return c->out.n > 0;
}

int ipc_channel_flush(struct ipc_channel *c)
{
	size_t sent = 0;
	int r = 0;
	while (!r && sent < c->out.n) {
		ssize_t k = ipc_fds_send(c->fd, &c->out_fds, c->out.p, sent, c->out.n);
		if (k >= 0)
			sent += (size_t)k;
		else if (errno != EINTR)
			r = -errno;
	}
	if (sent) {
		buf_consume(&c->out, sent);
		ipc_fds_queue_moved(&c->out_fds, sent);
	}
	if (!c->out.n && c->out.cap > MAX_IPC_MESSAGE)
		buf_release(&c->out);
	return r == -EAGAIN ? 0 : r;
}

int ipc_channel_send(struct ipc_channel *c, const struct buf *m)
{
	return ipc_channel_send_fds(c, m, NULL, 0);
}

int ipc_channel_send_fds(struct ipc_channel *c, const struct buf *m, const int *fds, size_t n)
{
	if (m->error)
		return m->error;
	if (m->n > MAX_IPC_MESSAGE)
		return -EMSGSIZE;
	if (c->out.n > MAX_QUEUED)
		return -ENOBUFS;
	unsigned char frame[FRAME] = {(unsigned char)m->n, (unsigned char)(m->n >> 8), (unsigned char)(m->n >> 16),
	    (unsigned char)(m->n >> 24), FRAME_VERSION, (unsigned char)n};
	int r = buf_reserve(&c->out, FRAME + m->n);
	if (!r && n)
		r = ipc_fds_queue_add(&c->out_fds, c->out.n, fds, n);
	if (r)
		return r;
	buf_add(&c->out, frame, FRAME);
	buf_add(&c->out, m->p, m->n);
	r = ipc_channel_flush(c);
	/* those that have left are gone: then this was sent, and that the peer is dead is found at the next call */
	return r && n && !ipc_fds_queue_take_back(&c->out_fds, fds, n) ? 0 : r;
}

/* The bytes that the message at the front still lacks, 0 when it is whole; -EBADMSG. */
static int lacking(const struct ipc_channel *c, size_t *ret)
{
	const unsigned char *p = (const unsigned char *)c->in.p;
	if (c->in.n < FRAME) {
		*ret = FRAME - c->in.n;
		return 0;
	}
	size_t n = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	if (n > MAX_IPC_MESSAGE || p[4] != FRAME_VERSION || p[5] > MAX_IPC_FDS || p[6] || p[7])
		return -EBADMSG;
	*ret = n + FRAME - c->in.n;
	return 0;
}

/* Reads exactly what is lacking and never beyond a message: what follows it may bring descriptors of its own. Behind a
 * frame none may come; the kernel closes those. */
static int read_more(struct ipc_channel *c, size_t n)
{
	int r = buf_reserve(&c->in, n);
	if (r)
		return r;
	char *dst = c->in.p + c->in.n;
	ssize_t k = c->in.n < FRAME ? ipc_fds_receive(c->fd, &c->in_fds, dst, n) : recv(c->fd, dst, n, 0);
	if (k > 0) {
		c->in.n += (size_t)k;
		return 0;
	}
	return k == 0 ? -EPIPE : errno == ECONNRESET ? -EPIPE : -errno;
}

int ipc_channel_receive(struct ipc_channel *c, struct ipc_reader *ret, uint16_t *ret_type)
{
	size_t lack;
	if (c->in_done) {
		if (c->in.cap > MAX_IPC_MESSAGE / 4)
			buf_release(&c->in); /* a rare large message does not stay for ever */
		else
			buf_clear(&c->in);
		c->in_done = 0;
		ipc_fds_close(&c->in_fds);
	}
	for (;;) {
		int r = lacking(c, &lack);
		if (r)
			return r;
		if (!lack)
			break;
		r = read_more(c, lack);
		if (r == -EAGAIN)
			return 0;
		if (r && r != -EINTR)
			return r;
	}
	c->in_done = c->in.n;
	if (!c->in_fds.lost && c->in_fds.n != (size_t)(unsigned char)c->in.p[5])
		return -EBADMSG;
	int r = ipc_open(ret, c->in.p + FRAME, c->in.n - FRAME, ret_type);
	return r ? r : 1;
}

int ipc_channel_take_fd(struct ipc_channel *c)
{
	return ipc_fds_take(&c->in_fds);
}

static int wait_for(const struct ipc_channel *c, int64_t until_us)
{
	int64_t left = until_us - clock_mono_us();
	if (left <= 0)
		return -ETIMEDOUT;
	struct pollfd p = {.fd = c->fd, .events = (short)(POLLIN | (c->out.n ? POLLOUT : 0))};
	int n = poll(&p, 1, (int)(left / 1000) + 1);
	return n < 0 && errno != EINTR ? -errno : 0;
}

static int send_copies(struct ipc_channel *c, const struct buf *m, const int *fds, size_t n)
{
	int copies[MAX_IPC_FDS], r = n > MAX_IPC_FDS ? -EINVAL : 0;
	size_t made = 0;
	while (!r && made < n) {
		copies[made] = fcntl(fds[made], F_DUPFD_CLOEXEC, 3);
		if (copies[made] < 0)
			r = -errno;
		else
			made++;
	}
	if (!r)
		r = ipc_channel_send_fds(c, m, copies, n);
	while (r && made)
		close(copies[--made]);
	return r;
}

int ipc_channel_call(
    struct ipc_channel *c, const struct buf *m, int timeout_ms, struct ipc_reader *ret, uint16_t *ret_type)
{
	return ipc_channel_call_fds(c, m, NULL, 0, timeout_ms, ret, ret_type);
}

int ipc_channel_call_fds(struct ipc_channel *c, const struct buf *m, const int *fds, size_t n, int timeout_ms,
    struct ipc_reader *ret, uint16_t *ret_type)
{
	int64_t until = clock_mono_us() + timeout_ms * INT64_C(1000);
	int r = send_copies(c, m, fds, n);
	while (!r) {
		r = ipc_channel_receive(c, ret, ret_type);
		if (r)
			return r < 0 ? r : 0;
		r = wait_for(c, until);
		if (!r && c->out.n)
			r = ipc_channel_flush(c);
	}
	return r;
}
