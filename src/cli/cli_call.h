/* Commands that are one call of the API: the request from the options, the answer in the format that was asked for. */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include "buf.h"
#include "cli.h"

enum cli_exit call_run(struct cli *c);

/* The same in parts, for commands that do more. */
enum cli_exit call_path(struct cli *c, struct buf *path, json_t **ret_body);
enum cli_exit call_show(struct cli *c, const struct call_row *k, const json_t *answer);

void call_add_escaped(struct buf *path, const char *s); /* percent-encoded */

/* One line of standard input without its end, at most `size`-1 bytes; told when there is none. For secrets: there is no
 * option that takes one. `what` names it for a person at a terminal, whose typing is not shown. */
enum cli_exit cli_read_secret(const struct cli *c, struct phrase what, char *dst, size_t size);
/* A whole file, or standard input for "-". Told when it cannot be read. */
enum cli_exit cli_read_file(const struct cli *c, const char *path, struct buf *b);

#endif
