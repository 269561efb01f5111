#include "ipc_fds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(MAX_IPC_FDS * sizeof(int))];
};

void ipc_fds_close(struct ipc_fds *f)
{
	while (f->taken < f->n)
		close(f->v[f->taken++]);
	*f = (struct ipc_fds){0};
}

int ipc_fds_take(struct ipc_fds *f)
{
	if (f->taken < f->n)
		return f->v[f->taken++];
	return f->lost ? -EMFILE : -ENOENT;
}

static void keep(struct ipc_fds *f, const struct cmsghdr *c, bool *ret_too_many)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < n; i++) {
		int fd;
		memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
		if (f->n < MAX_IPC_FDS) {
			f->v[f->n++] = fd;
		} else {
			close(fd);
			*ret_too_many = true;
		}
	}
}

ssize_t ipc_fds_receive(int socket, struct ipc_fds *f, void *dst, size_t n)
{
	union control control;
	bool too_many = false;
	struct iovec bytes = {dst, n};
	struct msghdr m = {
	    .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
	ssize_t k = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	if (k < 0)
		return k;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			keep(f, c, &too_many);
	if (m.msg_flags & MSG_CTRUNC) { /* all or none: half of them is of no use to anybody */
		ipc_fds_close(f);
		f->lost = true;
	}
	if (!too_many)
		return k;
	errno = EBADMSG;
	return -1;
}

int ipc_fds_queue_add(struct ipc_fds_queue *q, size_t at, const int *fds, size_t n)
{
	if (n > MAX_IPC_FDS)
		return -EINVAL;
	if (q->n == MAX_QUEUED_FDS)
		return -ENOBUFS;
	q->load[q->n].at = at;
	q->load[q->n].n = n;
	memcpy(q->load[q->n].v, fds, n * sizeof *fds);
	q->n++;
	return 0;
}

bool ipc_fds_queue_take_back(struct ipc_fds_queue *q, const int *fds, size_t n)
{
	if (!q->n || q->load[q->n - 1].n != n || memcmp(q->load[q->n - 1].v, fds, n * sizeof *fds) != 0)
		return false;
	q->n--;
	return true;
}

void ipc_fds_queue_moved(struct ipc_fds_queue *q, size_t sent)
{
	for (size_t i = 0; i < q->n; i++)
		q->load[i].at -= sent;
}

static void drop_first(struct ipc_fds_queue *q)
{
	for (size_t i = 0; i < q->load[0].n; i++)
		close(q->load[0].v[i]);
	q->n--;
	memmove(&q->load[0], &q->load[1], q->n * sizeof q->load[0]);
}

void ipc_fds_queue_drop(struct ipc_fds_queue *q)
{
	while (q->n)
		drop_first(q);
}

static void attach(struct msghdr *m, union control *control, const int *fds, size_t n)
{
	*control = (union control){0};
	m->msg_control = control->room;
	m->msg_controllen = CMSG_SPACE(n * sizeof *fds);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof *fds);
	memcpy(CMSG_DATA(c), fds, n * sizeof *fds);
}

ssize_t ipc_fds_send(int socket, struct ipc_fds_queue *q, const char *p, size_t from, size_t to)
{
	if (!q->n)
		return send(socket, p + from, to - from, MSG_NOSIGNAL);
	union control control;
	struct iovec bytes = {.iov_base = (void *)(uintptr_t)(p + from)};
	struct msghdr m = {.msg_iov = &bytes, .msg_iovlen = 1};
	bool with = q->load[0].at == from;
	if (with)
		attach(&m, &control, q->load[0].v, q->load[0].n);
	size_t next = with ? 1 : 0;
	bytes.iov_len = (next < q->n ? q->load[next].at : to) - from;
	ssize_t k = sendmsg(socket, &m, MSG_NOSIGNAL);
	if (k > 0 && with)
		drop_first(q);
	return k;
}
