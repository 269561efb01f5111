#include "day.h"
#include "report_words.h"

#include <errno.h>

/* jansson's setters take NULL as an error: a tree that lacks a member for want of memory is thrown away as a whole. */

static json_t *number_or_null(bool known, int64_t n)
{
	return known ? json_integer(n) : json_null();
}

static json_t *rate_json(struct rate r)
{
	char text[RATE_TEXT];
	if (r.den == 0)
		return json_null();
	rate_text(r, text);
	return json_pack("{s:I,s:I,s:s}", "num", (json_int_t)r.num, "den", (json_int_t)r.den, "text", text);
}

static json_t *counts_json(const struct figure_counts *k, bool of_units)
{
	const struct rate none = {0, 0};
	return json_pack("{s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:I,s:{s:o,s:o,s:o}}", "installed", (json_int_t)k->installed,
	    "active", (json_int_t)k->active, "silent", (json_int_t)k->silent, "protected", (json_int_t)k->protected_now,
	    "allocated", number_or_null(of_units && k->has_allocation, k->allocated), "within",
	    number_or_null(of_units && k->has_allocation, k->within), "existing",
	    number_or_null(of_units && k->existing_known, k->existing), "undeclared", (json_int_t)k->undeclared,
	    "rates", "installed", rate_json(of_units ? figure_rate_installed(k) : none), "within",
	    rate_json(of_units ? figure_rate_within(k) : none), "protected",
	    rate_json(of_units ? figure_rate_protected(k) : none));
}

static json_t *row_json(const struct figure_row *row, size_t stt)
{
	bool unit = row->kind == ROW_UNIT;
	return json_pack("{s:I,s:s,s:I,s:s,s:s,s:o}", "stt", (json_int_t)stt, "kind", unit ? "unit" : "misnamed",
	    "node", (json_int_t)row->node_id, "code", row->code, "name", words_row_name(row), "counts",
	    counts_json(&row->counts, unit));
}

static json_t *group_json(const struct figure_group *g)
{
	json_t *rows = json_array();
	for (size_t i = 0; rows && i < g->n_rows; i++) {
		if (json_array_append_new(rows, row_json(&g->rows[i], i + 1))) {
			json_decref(rows);
			rows = NULL;
		}
	}
	return json_pack("{s:I,s:s,s:s,s:o,s:o}", "node", (json_int_t)g->node_id, "code", g->code, "name", g->name,
	    "rows", rows, "total", counts_json(&g->total, true));
}

static json_t *groups_json(const struct figures *f)
{
	json_t *groups = json_array();
	for (size_t i = 0; groups && i < f->n_groups; i++) {
		if (json_array_append_new(groups, group_json(&f->groups[i]))) {
			json_decref(groups);
			groups = NULL;
		}
	}
	return groups;
}

static json_t *pool_json(const struct figures *f)
{
	if (!f->pool.told || !f->pool.exists)
		return json_null();
	return json_pack("{s:I,s:I,s:o}", "quantity", (json_int_t)f->pool.quantity, "unallocated",
	    (json_int_t)f->pool.unallocated, "rate", rate_json(f->against_pool));
}

int figures_json(const struct figures *f, json_t **ret)
{
	char day[DAY_TEXT], at[INSTANT_TEXT], known[INSTANT_TEXT];
	day_iso(f->day, day);
	instant_iso(f->at.at, at);
	if (f->at.rev != INT64_MAX)
		instant_iso(f->at.known_at, known);
	json_t *o = json_pack("{s:s,s:s,s:o,s:b,s:s,s:o,s:o,s:o,s:o}", "day", day, "at", at, "known_at",
	    f->at.rev != INT64_MAX ? json_string(known) : json_null(), "simulation", f->simulation, "province",
	    f->province, "groups", groups_json(f), "unplaced",
	    f->has_unplaced ? counts_json(&f->unplaced, false) : json_null(), "total", counts_json(&f->total, true),
	    "pool", pool_json(f));
	if (o == NULL)
		return -ENOMEM;
	*ret = o;
	return 0;
}

static json_t *day_or_null(int32_t day)
{
	char text[DAY_TEXT];
	if (day < 0)
		return json_null();
	day_iso(day, text);
	return json_string(text);
}

static json_t *machine_json(const struct figure_machine *k)
{
	static const char *const bases[] = {
	    [PLACE_RULE] = "rule", [PLACE_OVERRULED] = "overruled", [PLACE_TOKEN] = "token", [PLACE_PROVINCE] = "none"};
	return json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:s,s:o,s:b,s:b}", "machine", k->uid, "name", k->name, "node",
	    (json_int_t)k->node_id, "code", k->node_code, "unit", k->node_name, "basis", bases[k->basis], "reason",
	    k->reason, "last_heard", day_or_null(k->last_day), "active", k->active, "protected", k->protected_now);
}

int figure_machines_json(const struct figure_machines *m, json_t **ret)
{
	json_t *machines = json_array();
	for (size_t i = 0; machines && i < m->n; i++) {
		if (json_array_append_new(machines, machine_json(&m->machines[i]))) {
			json_decref(machines);
			machines = NULL;
		}
	}
	json_t *o = json_pack("{s:I,s:o}", "count", (json_int_t)m->n, "machines", machines);
	if (o == NULL)
		return -ENOMEM;
	*ret = o;
	return 0;
}
