#include "scan_int.h"

#include <stdio.h>

int scan_engines_new(const struct scan_limits *limits, struct pipeline **ret)
{
	return pipeline_new(scan_table, scan_table_n, limits, ret);
}

void scan_engines_report(const struct pipeline *p, bool all_found, struct engine_states *ret)
{
	const struct engine_state *states;
	size_t n = pipeline_states(p, &states);
	*ret = (struct engine_states){
	    .generation = pipeline_generation(p), .day = pipeline_day(p), .all_found = all_found};
	for (size_t i = 0; i < n && ret->n < MAX_ENGINES; i++) {
		struct engine_report *e = &ret->v[ret->n++];
		e->health = states[i].health;
		e->signatures = states[i].signatures;
		e->problems = states[i].problems;
		snprintf(e->name, sizeof e->name, "%s", states[i].name);
		snprintf(e->problem, sizeof e->problem, "%s", states[i].problem);
	}
}
