/* The words of the command line against the tables. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "cli.h"

/* The command whose words stand first in argv; *ret_used: how many they are. NULL: none. */
const struct command *args_command(int argc, char **argv, int *ret_used);
/* Fills c->value from what follows the command's words. CLI_USAGE has been told already. */
enum cli_exit args_read(struct cli *c, int argc, char **argv);

/* "30d" in seconds; -EINVAL, -ERANGE. */
int args_seconds(const char *text, int64_t *ret);
/* "2022-05-12" from that or from "12/5/2022"; -EINVAL. */
int args_day(const char *text, char dst[11]);

#endif
