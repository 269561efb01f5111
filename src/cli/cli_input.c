#include "cli_call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A person at a terminal is asked, and does not see what is typed. */
static bool hide(struct termios *ret_before)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, ret_before))
		return false;
	t = *ret_before;
	t.c_lflag &= ~(tcflag_t)ECHO;
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &t) == 0;
}

/* Byte by byte: what stands behind the line's end belongs to the next reader. */
static int read_line(char *dst, size_t size)
{
	size_t n = 0;

	for (;;) {
		char b;
		ssize_t got = read(STDIN_FILENO, &b, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0 || b == '\n')
			break;
		if (n + 1 == size)
			return -EMSGSIZE;
		dst[n++] = b;
	}
	if (n && dst[n - 1] == '\r')
		n--;
	dst[n] = 0;
	return n ? 0 : -ENODATA;
}

enum cli_exit cli_read_secret(const struct cli *c, struct phrase what, char *dst, size_t size)
{
	struct termios before;
	bool hidden = hide(&before);

	if (hidden)
		fprintf(stderr, "%s: ", say(c, what));
	int r = read_line(dst, size);
	if (hidden) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (!r)
		return CLI_OK;
	memset(dst, 0, size);
	return cli_fail(c, CLI_USAGE,
	    SAY(c, "cần một dòng trên đầu vào chuẩn: %s", "a line is expected on standard input: %s"), say(c, what));
}

static size_t lines_in(const char *p, size_t n)
{
	size_t lines = 0;

	for (const char *end = p + n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

/* What comes is one more piece that does not fit. */
static enum cli_exit too_long(const struct cli *c, const char *path, const struct buf *b, const char *piece)
{
	size_t line = 1 + (b->n ? lines_in(b->p, b->n) : 0) + lines_in(piece, b->max - b->n);

	return cli_fail(c, CLI_FAILED,
	    SAY(c, "%s: dòng %zu: quá dài, chỉ nhận tối đa %zu byte; không có gì được gửi đi",
	        "%s: line %zu: too long, at most %zu bytes are taken; nothing was sent"),
	    path, line, b->max);
}

enum cli_exit cli_read_file(const struct cli *c, const char *path, struct buf *b)
{
	int fd = strcmp(path, "-") != 0 ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO, r = fd < 0 ? -errno : 0;
	char piece[16384];
	ssize_t got = 1;

	while (!r && got) {
		got = read(fd, piece, sizeof piece);
		if (got > 0)
			r = buf_add(b, piece, (size_t)got);
		else if (got < 0 && errno != EINTR)
			r = -errno;
	}
	if (fd > STDIN_FILENO)
		close(fd);
	if (r == -EMSGSIZE)
		return too_long(c, path, b, piece);
	return r ? cli_fail(c, CLI_FAILED, "%s: %s", path, strerror(-r)) : CLI_OK;
}
