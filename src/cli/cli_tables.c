#include "cli_tables.h"

const struct command_table cli_tables[] = {
    {report_commands},
    {unit_commands},
    {declared_commands},
    {licence_commands},
    {naming_commands},
    {machine_commands},
    {token_commands},
    {policy_commands},
    {task_commands},
    {detection_commands},
    {allowance_commands},
    {account_commands},
    {session_commands},
    {trust_commands},
    {simulation_commands},
    {agent_commands},
    {scan_commands},
    {quarantine_commands},
    {signature_commands},
};
const size_t cli_tables_n = sizeof cli_tables / sizeof cli_tables[0];
