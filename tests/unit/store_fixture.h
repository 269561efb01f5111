/* Stores for tests: a fresh database of the kind under test, gone afterwards. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store.h"

/* Which database the tests of this group use; set by a group's setup function. */
int use_sqlite(void **state);

/* Makes an empty database; `where` is what db_open takes. */
void fresh_database(void);
const char *fresh_where(void);
void drop_database(void);

/* An open store in a fresh database. */
int open_fresh(void **state);
int close_fresh(void **state);
int open_simulation(void **state);
struct store *open_again(void);

enum { SIMULATION_START = 1000000 };

#endif
