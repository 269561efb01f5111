/* Stores for tests: fresh databases of the kind under test, gone afterwards. The program's argument names the kind:
 * "sqlite", or "postgresql" in the server that KHIEN_TEST_PG names. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store.h"

int fixture_main(int argc, char **argv, int (*run)(const char *kind));
bool fixture_is_postgres(void);

/* An empty database; fixture_where is what db_open takes. */
int fixture_database(void **state);
int fixture_drop(void **state);
const char *fixture_where(void);

/* An open store in a fresh database is *state. */
enum { FIXTURE_READERS = 2, FIXTURE_QUEUE = 64, FIXTURE_GROUP = 16, FIXTURE_START_US = 1000000 };
int fixture_store(void **state);
int fixture_simulation(void **state);
int fixture_close(void **state);
struct store *fixture_open(void); /* another handle to the same store */

/* Runs a statement in a write job, and fails the test if it fails. */
void fixture_sql(struct store *s, const char *sql);
int64_t fixture_number(struct store *s, const char *sql); /* its only row's only number */

/* A write or read job that stands still, so that others gather behind it. */
struct fixture_hold;
struct fixture_hold *fixture_hold(int (*put)(struct store *, store_run, store_done, void *), struct store *s);
void fixture_let_go(struct fixture_hold *h); /* waits for its end, frees */

#define EACH_WITH(f, up, down) cmocka_unit_test_setup_teardown(f, up, down)

#endif
