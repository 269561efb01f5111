/* khien: finds the command, reads its options, runs it. */
#include "cli.h"
#include "version.h"

#include "cli_api.h"
#include "cli_args.h"
#include "cli_call.h"
#include "cli_help.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Vietnamese where the locale says so, English for all others; --vi and --en overrule. */
static enum cli_language language(void)
{
	const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *v = getenv(names[i]);
		if (v && *v)
			return !strncmp(v, "vi", 2) && !(v[2] >= 'a' && v[2] <= 'z') ? CLI_VI : CLI_EN;
	}
	return CLI_EN;
}

/* Options that stand before the command. Returns how many words they took; -1: told what is wrong. */
static int read_global(struct cli *c, int argc, char **argv)
{
	const struct {
		const char *name;
		const char **to;
	} texts[] = {{"--config", &c->config_path}, {"--agent", &c->agent_socket}};
	int at = 0;

	while (at < argc && !strncmp(argv[at], "--", 2)) {
		size_t i = 0;
		if (str_eq(argv[at], "--vi") || str_eq(argv[at], "--en")) {
			c->language = argv[at++][2] == 'v' ? CLI_VI : CLI_EN;
			continue;
		}
		if (str_eq(argv[at], "--help") || str_eq(argv[at], "--version"))
			break;
		while (i < sizeof texts / sizeof texts[0] && !str_eq(argv[at], texts[i].name))
			i++;
		if (i == sizeof texts / sizeof texts[0] || at + 1 >= argc) {
			(void)cli_fail(c, CLI_USAGE,
			    SAY(c, "không hiểu '%s'; xem: khien help", "'%s' is not understood; see: khien help"),
			    argv[at]);
			return -1;
		}
		*texts[i].to = argv[at + 1];
		at += 2;
	}
	return at;
}

static enum cli_exit run(struct cli *c, int argc, char **argv)
{
	int used;
	enum cli_exit r;

	if (!argc || str_eq(argv[0], "help") || str_eq(argv[0], "--help"))
		return help_show(c, argc - 1, argv + 1);
	if (str_eq(argv[0], "--version")) {
		puts("khien " KHIEN_VERSION);
		return CLI_OK;
	}
	c->command = args_command(argc, argv, &used);
	if (!c->command)
		return help_unknown(c, argc, argv);
	if (used < argc && str_eq(argv[used], "--help"))
		return help_command(c, c->command);
	r = args_read(c, argc - used, argv + used);
	if (!r)
		r = c->command->run ? c->command->run(c) : call_run(c);
	return r;
}

int main(int argc, char **argv)
{
	struct cli c = {.language = language()};
	enum cli_exit r = CLI_USAGE;
	int used = read_global(&c, argc - 1, argv + 1);

	if (used >= 0)
		r = run(&c, argc - 1 - used, argv + 1 + used);
	json_decref(c.units);
	api_close(&c);
	if ((fflush(stdout) || ferror(stdout)) && !r)
		r = cli_fail(&c, CLI_FAILED, "%s", SAY(&c, "không ghi được đầu ra", "the output could not be written"));
	return (int)r;
}
