/* The tables of routes, a file each, and what several of them share. */
#ifndef ROUTES_H
#define ROUTES_H

#include "call.h"
#include "console.h"
#include "event.h"

extern const struct route_table session_table, account_table, unit_table, unit_change_table, licence_table,
    naming_table, machine_table, enrolment_table, policy_routes_table, task_table, allow_routes_table, detection_table,
    quarantine_table, report_table, audit_table, export_table, trust_table, clock_table;

struct store *console_store(const struct call *c);
const struct console_services *console_services(const struct call *c);

json_t *say_permissions(permission_set set);
json_t *say_found(const struct detection *d);
json_t *say_path(const struct os_path *p);
/* A form's text as SHA-256: 0 and *ret (NULL for ""), or the refusal. */
int read_sha256(struct call *c, const char *text, uint8_t room[SHA256_BYTES], const uint8_t **ret);

#endif
