#include "signature_lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void signature_lines_init(struct signature_lines *l, int fd)
{
	l->fd = fd;
	l->number = 0;
	l->end = false;
	l->from = l->n = 0;
}

static int read_more(struct signature_lines *l)
{
	memmove(l->bytes, l->bytes + l->from, l->n - l->from);
	l->n -= l->from;
	l->from = 0;
	ssize_t k;
	do
		k = read(l->fd, l->bytes + l->n, sizeof(l->bytes) - 1 - l->n);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return -errno;
	l->end = k == 0;
	l->n += (size_t)k;
	return 0;
}

int signature_lines_next(struct signature_lines *l, char **ret)
{
	char *end;
	while (!(end = memchr(l->bytes + l->from, '\n', l->n - l->from)) && !l->end &&
	       l->n - l->from <= MAX_SIGNATURE_LINE) {
		int r = read_more(l);
		if (r < 0)
			return r;
	}
	if (!end && l->end && l->from == l->n)
		return 0;
	char *line = l->bytes + l->from;
	size_t n = end ? (size_t)(end - line) : l->n - l->from;
	l->number++;
	l->from += n + (end ? 1 : 0);
	if (n > MAX_SIGNATURE_LINE)
		return -EMSGSIZE;
	if (memchr(line, '\0', n))
		return -EINVAL;
	while (n > 0 && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	*ret = line;
	return 1;
}
