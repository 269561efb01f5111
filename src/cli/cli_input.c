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

enum cli_exit cli_read_file(const struct cli *c, const char *path, struct buf *b)
{
	int fd = strcmp(path, "-") != 0 ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO, r = fd < 0 ? -errno : 0;
	char piece[16384];

	while (!r) {
		ssize_t got = read(fd, piece, sizeof piece);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			break;
		r = got < 0 ? -errno : buf_add(b, piece, (size_t)got);
	}
	if (fd > STDIN_FILENO)
		close(fd);
	return r ? cli_fail(c, CLI_FAILED, "%s: %s", path, strerror(-r)) : CLI_OK;
}
