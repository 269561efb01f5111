/* Any bytes with any descriptors on a channel's socket. The first byte of each piece says how many descriptors come
 * with it and how long it is: nothing is read beyond its end, and no descriptor stays open that nobody took. */
#include "ipc_channel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_FDS = 6, MOST_PIECES = 32 };

static void send_piece(int socket, const uint8_t *p, size_t n, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(MOST_FDS * sizeof(int))];
	} control = {0};
	struct iovec bytes = {(void *)(uintptr_t)p, n};
	struct msghdr m = {.msg_iov = &bytes, .msg_iovlen = 1};
	int fds[MOST_FDS] = {socket, socket, socket, socket, socket, socket};
	if (n_fds) {
		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	if (sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; /* the socket is full: the rest is another input's */
}

static void send_all(int socket, const uint8_t *data, size_t size)
{
	for (int i = 0; i < MOST_PIECES && size > 1; i++) {
		size_t n_fds = data[0] % (MOST_FDS + 1), n = 1 + data[0] / (MOST_FDS + 1);
		if (n > size - 1)
			n = size - 1;
		send_piece(socket, data + 1, n, n_fds);
		data += n + 1;
		size -= n + 1;
	}
}

static int lowest_free(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_channel *c = NULL;
	struct ipc_reader r;
	uint16_t type;
	int fds[2], before = lowest_free();
	if (ipc_pair(fds) || ipc_channel_new(fds[1], &c))
		abort();
	send_all(fds[0], data, size);
	close(fds[0]);
	while (ipc_channel_receive(c, &r, &type) == 1) {
		int fd = type & 1 ? ipc_channel_take_fd(c) : -1;
		while (r.n && !r.error)
			ipc_get_u8(&r);
		if (fd >= 0)
			close(fd);
	}
	ipc_channel_free(c);
	if (lowest_free() != before)
		abort();
	return 0;
}
