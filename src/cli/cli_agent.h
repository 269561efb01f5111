/* The agent of this computer, for the commands that talk to it. */
#ifndef CLI_AGENT_H
#define CLI_AGENT_H

#include "cli_api.h"
#include "cli_call.h"
#include "cli_tables.h"
#include "control.h"

/* Tells itself what is wrong. */
enum cli_exit cli_open_agent(struct cli *c, struct control **ret);
enum cli_exit cli_agent_failed(const struct cli *c, int r, const struct err *e);

#endif
