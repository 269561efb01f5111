/* The simulation's clock: routes that are there only on a store that was created as a simulation. */
#include "clock.h"
#include "commit.h"
#include "routes.h"
#include "say.h"

struct clock_form {
	int64_t now;
};
static const struct form_field move_form[] = {
    FORM_OF(struct clock_form, now, FORM_FROM, FORM_NEEDED),
};

static int get(struct db *db, struct call *c)
{
	(void)db;
	return call_json(c, 200, json_pack("{s:o}", "now", say_instant(clock_business_us())));
}

static int move(struct db *db, struct call *c)
{
	struct clock_form f = {0};
	int r = CALL_FORM(c, move_form, &f, NULL);

	if (r)
		return r;
	r = store_move_clock(db, f.now);
	if (r == -EPERM)
		return call_refuse(c, PROBLEM_CONFLICT, "now", "the clock only moves forward");
	if (!r)
		r = commit_entry(
		    c, "clock.move", NODE_PROVINCE, json_pack("{s:o}", "now", say_instant(f.now)), "simulation");
	return r ? r : call_json(c, 200, json_pack("{s:o}", "now", say_instant(f.now)));
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/simulation/clock", MAY_READ_UNITS, AT_ANYWHERE, ROUTE_SIMULATION, get),
    ROUTE("PUT", "/api/v1/simulation/clock", MAY_MOVE_CLOCK, AT_PROVINCE, ROUTE_SIMULATION | ROUTE_WRITES, move),
};
const struct route_table clock_table = ROUTE_TABLE(routes);
