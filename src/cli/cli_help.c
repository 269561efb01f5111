#include "cli_help.h"

#include "cli_args.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { INDENT = 26 };

static void put_padded(const char *text)
{
	size_t w = text_width(text);

	fputs(text, stdout);
	for (; w < INDENT; w++)
		putchar(' ');
	putchar(' ');
}

static bool begins(const struct command *k, int argc, char **argv)
{
	const char *words = k->words;

	for (int i = 0; i < argc; i++) {
		size_t n = strlen(argv[i]);
		if (strncmp(words, argv[i], n) != 0 || (words[n] && words[n] != ' '))
			return false;
		words += n + (words[n] == ' ');
	}
	return true;
}

static size_t list(const struct cli *c, int argc, char **argv)
{
	size_t n = 0;

	for (size_t t = 0; t < cli_tables_n; t++) {
		size_t before = n;
		for (const struct command *k = cli_tables[t].commands; k->words; k++) {
			if (!begins(k, argc, argv))
				continue;
			if (n == before && n)
				putchar('\n');
			fputs("  ", stdout);
			put_padded(k->words);
			puts(say(c, k->help));
			n++;
		}
	}
	return n;
}

static void usage_line(const struct cli *c, const struct command *k)
{
	printf("%s: khien %s", SAY(c, "Cách dùng", "Usage"), k->words);
	for (const struct option_row *o = k->options; o && o->name; o++) {
		bool needed = o->flags & OPTION_NEEDED;
		printf(" %s%s%s%s%s", needed ? "" : "[", o->flags & OPTION_WORD ? "" : "--", o->name,
		    o->flags & OPTION_REST                            ? "…"
		    : o->flags & OPTION_WORD || o->kind == VALUE_FLAG ? ""
		                                                      : " …",
		    needed ? "" : "]");
	}
	if (k->call && k->call->secret)
		printf(" < %s", SAY(c, "mật-khẩu", "password"));
	putchar('\n');
}

enum cli_exit help_command(const struct cli *c, const struct command *k)
{
	usage_line(c, k);
	printf("\n%s\n", say(c, k->help));
	for (const struct option_row *o = k->options; o && o->name; o++) {
		char name[64];
		(void)snprintf(name, sizeof name, "%s%s", o->flags & OPTION_WORD ? "" : "--", o->name);
		if (o == k->options)
			putchar('\n');
		fputs("  ", stdout);
		put_padded(name);
		printf("%s", say(c, o->help));
		if (o->standard)
			printf(" (%s)", o->standard);
		putchar('\n');
	}
	return CLI_OK;
}

static void overview(const struct cli *c)
{
	puts(SAY(c,
	    "khien [--config TỆP] [--agent SOCKET] [--vi|--en] LỆNH…\n\nMã kết thúc: 0 xong; 1 bị từ chối; 2 dòng lệnh "
	    "sai; 3 không có "
	    "trả lời; 4 không có quyền; 5 không tìm thấy.\nMật khẩu và mã chỉ đọc từ đầu vào chuẩn. Chi tiết: khien "
	    "help LỆNH.\n",
	    "khien [--config FILE] [--agent SOCKET] [--vi|--en] COMMAND…\n\nExit codes: 0 done; 1 refused; 2 wrong "
	    "command line; 3 no answer; "
	    "4 not permitted; 5 not found.\nPasswords and tokens are read from standard input alone. More: khien help "
	    "COMMAND.\n"));
}

enum cli_exit help_show(const struct cli *c, int argc, char **argv)
{
	int used = 0;
	const struct command *k = argc > 0 ? args_command(argc, argv, &used) : NULL;

	if (k && used == argc)
		return help_command(c, k);
	if (argc <= 0)
		overview(c);
	if (!list(c, argc > 0 ? argc : 0, argv))
		return help_unknown(c, argc, argv);
	return CLI_OK;
}

enum cli_exit help_unknown(const struct cli *c, int argc, char **argv)
{
	(void)cli_fail(c, CLI_USAGE,
	    SAY(c, "không có lệnh '%s%s%s'; xem: khien help", "there is no command '%s%s%s'; see: khien help"), argv[0],
	    argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	return CLI_USAGE;
}
