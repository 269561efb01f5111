#include "figures.h"
#include "routes.h"
#include "say.h"
#include "str.h"

enum format { FORMAT_JSON, FORMAT_CSV, FORMAT_TEXT, FORMAT_END };
static const struct {
	const char *name, *type;
} formats[] = {
    [FORMAT_JSON] = {"json", "application/json"},
    [FORMAT_CSV] = {"csv", "text/csv; charset=utf-8"},
    [FORMAT_TEXT] = {"text", "text/plain; charset=utf-8"},
};

struct report_form {
	struct when when;
	char group[MAX_UNIT_CODE + 1], unit[MAX_UNIT_CODE + 1], format[8], what[16];
};
static const struct form_field figures_query[] = {
    WHEN_FIELDS(struct report_form, when),
    FORM_TEXT_OF(struct report_form, group, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct report_form, format, FORM_OPTIONAL, 1),
};
static const struct form_field machines_query[] = {
    WHEN_FIELDS(struct report_form, when),
    FORM_TEXT_OF(struct report_form, unit, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct report_form, what, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct report_form, format, FORM_OPTIONAL, 1),
};

static int read_format(struct call *c, const char *name, enum format *ret)
{
	*ret = FORMAT_JSON;
	for (int f = 0; f < FORMAT_END; f++)
		if (str_eq(formats[f].name, name)) {
			*ret = (enum format)f;
			return 0;
		}
	return *name ? call_refuse(c, PROBLEM_INVALID, "format", "json, csv or text") : 0;
}

/* What a report's writer made, in the format that was asked for. */
static int answer(struct call *c, enum format format, int r, json_t *o, struct buf *b, const char *file)
{
	if (!r && format == FORMAT_JSON)
		r = call_json(c, 200, o);
	else if (!r)
		r = call_text(c, 200, formats[format].type, b);
	if (!r && format == FORMAT_CSV)
		(void)str_copy(c->answer.download, sizeof c->answer.download, file);
	buf_release(b);
	return r;
}

static int figures(struct db *db, struct call *c)
{
	struct report_form f = {.when = WHEN_NOW};
	struct figure_question q = {.group = NULL};
	struct buf b = BUF_INIT(MAX_ANSWER);
	struct figures *all = NULL;
	enum format format;
	json_t *o = NULL;
	struct err e = {0};
	int r = CALL_QUERY(c, figures_query, &f, NULL);

	if (!r)
		r = read_format(c, f.format, &format);
	if (!r)
		r = say_moment(db, c, &f.when, &q.at);
	if (r)
		return r;
	q.group = f.group[0] ? f.group : NULL;
	r = figures_make(db, c->scope, &q, &all, &e);
	if (r)
		return call_refuse_err(c, r, "group", &e);
	r = format == FORMAT_JSON  ? figures_json(all, &o)
	    : format == FORMAT_CSV ? figures_csv(all, &b)
	                           : figures_text(all, &b);
	figures_free(all);
	return answer(c, format, r, o, &b, "figures.csv");
}

static int machines(struct db *db, struct call *c)
{
	struct report_form f = {.when = WHEN_NOW};
	struct figure_machine_question q = {.part = PART_INSTALLED};
	struct buf b = BUF_INIT(MAX_ANSWER);
	struct figure_machines *all = NULL;
	enum format format;
	json_t *o = NULL;
	struct err e = {0};
	int r = CALL_QUERY(c, machines_query, &f, NULL);

	if (!r)
		r = read_format(c, f.format, &format);
	q.misnamed = str_eq(f.what, "misnamed");
	if (!r && f.what[0] && !q.misnamed && figure_part_find(f.what, &q.part))
		r = call_refuse(c, PROBLEM_INVALID, "what", "installed, active, silent, protected or misnamed");
	if (!r)
		r = say_moment(db, c, &f.when, &q.at);
	if (r)
		return r;
	q.node = f.unit[0] ? f.unit : NULL;
	r = figures_machines(db, c->scope, &q, &all, &e);
	if (r)
		return call_refuse_err(c, r, "unit", &e);
	r = format == FORMAT_JSON  ? figure_machines_json(all, &o)
	    : format == FORMAT_CSV ? figure_machines_csv(all, &b)
	                           : figure_machines_text(all, &b);
	figure_machines_free(all);
	return answer(c, format, r, o, &b, "machines.csv");
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/report/figures", MAY_READ_REPORTS, AT_ANYWHERE, 0, figures),
    ROUTE("GET", "/api/v1/report/machines", MAY_READ_REPORTS, AT_ANYWHERE, 0, machines),
};
const struct route_table report_table = ROUTE_TABLE(routes);
