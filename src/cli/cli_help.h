/* What the tables say, for people. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli.h"

/* All commands, or those that begin with the words, or one with its options. */
enum cli_exit help_show(const struct cli *c, int argc, char **argv);
enum cli_exit help_command(const struct cli *c, const struct command *k);
/* No command: says so, with those that begin alike. */
enum cli_exit help_unknown(const struct cli *c, int argc, char **argv);

#endif
