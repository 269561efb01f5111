/* Runs a program whose kernel refuses what is named, as an older one or a container would:
 *
 *   khien-test-without CALL:ERRNO[:ARGUMENT:VALUE]… -- PROGRAM ARGUMENT…
 *
 * CALL is a system call's name; ARGUMENT and VALUE (numbers) narrow it to calls whose argument has these bits. */
#include "refuse_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CALLS = 8 };

static int read_call(char *word, struct refused_call *ret)
{
	char *name = strsep(&word, ":"), *error = strsep(&word, ":"), *argument = strsep(&word, ":");
	if (!error || (argument && !word))
		return -EINVAL;
	*ret = (struct refused_call){.name = name, .error = (int)strtol(error, NULL, 0)};
	if (!argument)
		return 0;
	ret->argument = (unsigned)strtoul(argument, NULL, 0);
	ret->value = strtoull(word, NULL, 0);
	/* flags of clone are bits among others; all else is one of a few values */
	ret->when = strcmp(name, "clone") == 0 ? WHEN_HAS : WHEN_IS;
	return 0;
}

int main(int argc, char **argv)
{
	struct refused_call calls[MAX_CALLS];
	int n = 0, i = 1;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (n == MAX_CALLS || read_call(argv[i], &calls[n++]))
			return 2;
	if (i + 1 >= argc)
		return 2;
	int r = refuse_calls(calls, n);
	if (r) {
		fprintf(stderr, "khien-test-without: %s\n", strerror(-r));
		return 1;
	}
	execv(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 126;
}
