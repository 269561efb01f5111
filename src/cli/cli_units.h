/* The tree's codes, as people write them, and the numbers that the API takes. */
#ifndef CLI_UNITS_H
#define CLI_UNITS_H

#include "buf.h"
#include "cli.h"

/* "-" is the province. A failure has been told. */
enum cli_exit units_find(struct cli *c, const char *code, int64_t *ret_node);
/* Fetches the tree, so that units_add_code knows it; failing is no matter: then numbers are shown. */
void units_know(struct cli *c);
void units_add_code(const struct cli *c, struct buf *b, int64_t node);

#endif
