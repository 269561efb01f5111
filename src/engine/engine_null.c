#include "engine_null.h"

static int load(const struct engine_load *l, void **ret_state, size_t *ret_signatures, struct err *e)
{
	(void)l;
	(void)e;
	*ret_state = NULL;
	*ret_signatures = 0;
	return 0;
}

static void unload(void *state)
{
	(void)state;
}

/* Vouching for nothing: whatever it is asked about was not looked at. */
static void scan(void *state, struct scan_content *c, const struct engine_scan *s, struct scan_result *r)
{
	(void)state;
	(void)c;
	(void)s;
	scan_result_missed(r, engine_null.name, SCAN_NO_ENGINE);
}

const struct engine engine_null = {.name = "null", .load = load, .unload = unload, .scan = scan};
