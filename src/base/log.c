#include "log.h"
#include "buf.h"
#include "clock.h"
#include "day.h"

#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

static const char *program_name = "khien";
static enum log_level max_level = LOG_LEVEL_INFO;

void log_open(const char *program, enum log_level max)
{
	program_name = program;
	max_level = max;
#ifndef _WIN32
	/* A program may be started with these closed; the next file that it opens would then get what is logged. */
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			return;
#endif
}

static bool plain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '"' || *s == '\\' || *s == '=')
			return false;
	return true;
}

static void add_value(struct buf *b, const char *s)
{
	if (!s)
		s = "-";
	if (plain(s)) {
		buf_adds(b, s);
		return;
	}
	buf_addc(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == 0x7f)
			buf_addf(b, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else
			buf_addc(b, (char)c);
	}
	buf_addc(b, '"');
}

static void log_line(enum log_level level, const char *msg, va_list ap)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	if (level > max_level)
		return;
	struct buf b = BUF_INIT(16384);
	char t[INSTANT_TEXT];
	instant_iso(clock_real_us(), t);
	buf_addf(&b, "%s %s %s ", t, names[level], program_name);
	add_value(&b, msg);
	for (const char *key; (key = va_arg(ap, const char *));) {
		buf_addf(&b, " %s=", key);
		add_value(&b, va_arg(ap, const char *));
	}
	b.error = 0; /* a record longer than the maximum is cut, not lost */
	buf_addc(&b, '\n');
	if (b.n && write(2, b.p, (unsigned)b.n) < 0) {
		/* nowhere left to say it */
	}
	buf_release(&b);
}

#define LOG_FN(name, level)                                                                                            \
	void name(const char *msg, ...)                                                                                \
	{                                                                                                              \
		va_list ap;                                                                                            \
		va_start(ap, msg);                                                                                     \
		log_line(level, msg, ap);                                                                              \
		va_end(ap);                                                                                            \
	}

LOG_FN(log_error, LOG_LEVEL_ERROR)
LOG_FN(log_warn, LOG_LEVEL_WARN)
LOG_FN(log_info, LOG_LEVEL_INFO)
LOG_FN(log_debug, LOG_LEVEL_DEBUG)

const char *log_num(long long v)
{
	static _Thread_local char ring[8][24];
	static _Thread_local unsigned next;
	char *p = ring[next++ % 8];
	snprintf(p, sizeof ring[0], "%lld", v);
	return p;
}
