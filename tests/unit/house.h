/* A ledger for tests: a connection of its own to a fresh database, commits at chosen moments of a simulated clock, and
 * the statements that many tests make. */
#ifndef HOUSE_H
#define HOUSE_H

#include "store_fixture.h"

#include "clock.h"
#include "day.h"
#include "desk.h"
#include "figures.h"
#include "licence.h"
#include "machine.h"
#include "unit.h"
#include "unit_import.h"

struct house {
	struct db *db;
	struct ledger_entry l;
	struct desk *desk; /* as a server would keep it over all commits */
};

int house_up(void **state); /* *state is the house; the clock stands at the first instant of 2022-01-01 */
int house_down(void **state);

int64_t house_day(const char *iso); /* noon of that day */
struct as_of house_at(int64_t us);

/* One ledger commit at that moment; texts of errors fail the test. */
const struct ledger_entry *house_begin(struct house *h, int64_t us);
void house_end(struct house *h);
void house_undo(struct house *h); /* instead of house_end: as a failing job is undone */

/* Inside a commit; from recorded_at on. */
int64_t house_group(struct house *h, const char *code, const char *name);
int64_t house_unit(struct house *h, int64_t above, const char *code, const char *name);
int64_t house_pool(struct house *h, int64_t quantity);
int64_t house_allocate(struct house *h, int64_t pool_id, int64_t node_id, int64_t amount);
int64_t house_machine(struct house *h, const char *name, int64_t token_node);
int64_t house_rule(struct house *h, const char *pattern, int64_t node_id);
void house_heard(struct house *h, int64_t machine_id, int64_t us);

/* Feeds a whole list and applies it in the open commit. */
int house_import(struct house *h, enum import_kind kind, const char *text, size_t n, const struct import_options *o,
    struct import_result *ret, struct err *e);
char *house_file(const char *name, size_t *ret_n); /* of data/; the caller frees */

struct figures *house_figures(struct house *h, struct as_of at);

#endif
