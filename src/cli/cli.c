#include "cli.h"

#include "str.h"

#include <stdarg.h>
#include <stdio.h>

const char *say(const struct cli *c, struct phrase p)
{
	return p.in[c->language];
}

enum cli_exit cli_fail(const struct cli *c, enum cli_exit code, const char *fmt, ...)
{
	va_list ap;

	(void)c;
	fputs("khien: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

const char *cli_value(const struct cli *c, const char *name)
{
	const struct option_row *o = c->command->options;

	for (size_t i = 0; o && o[i].name; i++)
		if (str_eq(o[i].name, name))
			return c->value[i];
	return NULL;
}

bool cli_flag(const struct cli *c, const char *name)
{
	return cli_value(c, name) != NULL;
}
