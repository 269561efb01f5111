#include "routes.h"

#include "console_int.h"

struct store *console_store(const struct call *c)
{
	return c->console->config.store;
}

const struct console_services *console_services(const struct call *c)
{
	return &c->console->config.services;
}

const struct route_table *const all_routes[] = {
    &session_table,
    &account_table,
    &unit_table,
    &unit_change_table,
    &licence_table,
    &naming_table,
    &machine_table,
    &enrolment_table,
    &policy_routes_table,
    &task_table,
    &allow_routes_table,
    &detection_table,
    &quarantine_table,
    &report_table,
    &audit_table,
    &export_table,
    &trust_table,
    &clock_table,
};
const size_t all_routes_n = sizeof all_routes / sizeof all_routes[0];
