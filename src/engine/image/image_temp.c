#include "image_temp.h"

#include "image_build.h"
#include "rnd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STREAM_BYTES = 128 * 1024 };

/* O_TMPFILE is not offered by every file system. */
int image_temp_open(int folder_fd)
{
	char random[17], name[32];
	if (folder_fd == IMAGE_IN_MEMORY) {
		int memory = memfd_create("sort", MFD_CLOEXEC);
		return memory < 0 ? -errno : memory;
	}
	rnd_hex(random, 8);
	snprintf(name, sizeof(name), ".sort-%s", random);
	int fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (unlinkat(folder_fd, name, 0) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int image_stream_init(struct image_stream *s, int fd, uint64_t at)
{
	uint8_t *p = malloc(STREAM_BYTES);
	if (!p)
		return -ENOMEM;
	*s = (struct image_stream){.fd = fd, .at = at, .p = p};
	return 0;
}

void image_stream_release(struct image_stream *s)
{
	free(s->p);
	s->p = NULL;
}

int image_stream_flush(struct image_stream *s)
{
	size_t done = 0;
	while (done < s->n) {
		ssize_t k = pwrite(s->fd, s->p + done, s->n - done, (off_t)(s->at - s->n + done));
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		done += (size_t)k;
	}
	s->n = 0;
	return 0;
}

int image_stream_write(struct image_stream *s, const void *p, size_t n)
{
	const uint8_t *from = p;
	while (n > 0) {
		if (s->n == STREAM_BYTES) {
			int r = image_stream_flush(s);
			if (r < 0)
				return r;
		}
		size_t k = n < STREAM_BYTES - s->n ? n : STREAM_BYTES - s->n;
		memcpy(s->p + s->n, from, k);
		s->n += k;
		s->at += k;
		from += k;
		n -= k;
	}
	return 0;
}

int image_stream_fill(struct image_stream *s, uint64_t to)
{
	static const uint8_t zero[64];
	while (s->at < to) {
		uint64_t n = to - s->at;
		int r = image_stream_write(s, zero, n < sizeof(zero) ? (size_t)n : sizeof(zero));
		if (r < 0)
			return r;
	}
	return 0;
}

int image_stream_copy(struct image_stream *s, int from_fd, uint64_t n)
{
	uint8_t piece[16 * 1024];
	for (uint64_t at = 0; at < n;) {
		size_t want = n - at < sizeof(piece) ? (size_t)(n - at) : sizeof(piece);
		ssize_t k = pread(from_fd, piece, want, (off_t)at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		int r = image_stream_write(s, piece, (size_t)k);
		if (r < 0)
			return r;
		at += (uint64_t)k;
	}
	return 0;
}
