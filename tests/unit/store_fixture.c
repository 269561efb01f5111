#include "store_fixture.h"

#include "buf.h"

#include <unistd.h>

static char folder[64];
static char where[256];

int use_sqlite(void **state)
{
	(void)state;
	return 0;
}

void fresh_database(void)
{
	snprintf(folder, sizeof folder, "/tmp/khien-store-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(where, sizeof where, "sqlite:%s/khien.db", folder);
}

const char *fresh_where(void)
{
	return where;
}

void drop_database(void)
{
	static const char *const files[] = {"khien.db", "khien.db-wal", "khien.db-shm"};
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
}

struct store *open_again(void)
{
	struct store *s = NULL;
	struct err e = {0};
	struct store_config c = {.where = where, .readers = 2, .queue = 64, .group = 16};
	if (store_open(&s, &c, &e))
		fail_msg("%s", e.text);
	return s;
}

static int open_born(void **state, int64_t simulation_us)
{
	struct err e = {0};
	fresh_database();
	if (store_create(where, &(struct store_birth){"Tỉnh", "tinh", simulation_us}, &e))
		fail_msg("%s", e.text);
	*state = open_again();
	return 0;
}

int open_fresh(void **state)
{
	return open_born(state, 0);
}

int open_simulation(void **state)
{
	return open_born(state, SIMULATION_START);
}

int close_fresh(void **state)
{
	store_close(*state);
	drop_database();
	return 0;
}
