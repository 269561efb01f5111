/* The tables of commands, a file each. */
#ifndef CLI_TABLES_H
#define CLI_TABLES_H

#include "cli.h"

#include <stdio.h>
#include <string.h>

extern const struct command report_commands[], unit_commands[], declared_commands[], licence_commands[],
    machine_commands[], naming_commands[], token_commands[], policy_commands[], task_commands[], detection_commands[],
    allowance_commands[], account_commands[], session_commands[], trust_commands[], simulation_commands[],
    agent_commands[], quarantine_commands[], scan_commands[], signature_commands[];

#endif
