/* Reading the tree: what is there as of a moment, what was ever said, the list as CSV. */
#include "declared.h"
#include "licence.h"
#include "routes.h"
#include "say.h"
#include "text.h"
#include "unit.h"

static const char *const kinds[] = {
    [NODE_KIND_PROVINCE] = "province", [NODE_KIND_GROUP] = "group", [NODE_KIND_UNIT] = "unit"};

struct unit_query {
	struct when when;
	char code[MAX_UNIT_CODE + 1], search[MAX_TEXT + 1];
	bool all; /* also what has been dissolved */
	int64_t pool;
};
static const struct form_field unit_query[] = {
    WHEN_FIELDS(struct unit_query, when),
    FORM_TEXT_OF(struct unit_query, code, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct unit_query, search, FORM_OPTIONAL, 1),
    FORM_OF(struct unit_query, all, FORM_BOOL, FORM_OPTIONAL),
};

static const struct form_field export_query[] = {
    WHEN_FIELDS(struct unit_query, when),
    FORM_I64_OF(struct unit_query, pool, FORM_OPTIONAL, 1, INT64_MAX),
};

static json_t *say_node(const struct node *n)
{
	return json_pack("{s:I, s:s, s:b, s:o, s:s, s:s, s:I, s:s, s:o, s:o, s:I}", "id", (json_int_t)n->id, "kind",
	    kinds[n->kind], "present", n->present, "parent", n->parent_id ? json_integer(n->parent_id) : json_null(),
	    "code", n->code, "name", n->name, "sort_order", (json_int_t)n->sort_order, "document", n->document,
	    "document_day", say_day(n->document_day), "valid_from", say_instant(n->valid_from), "rev",
	    (json_int_t)n->rev);
}

static bool wanted(
    const struct unit_query *q, const struct node *by_code, const char *search_fold, const struct node *n)
{
	if (!n->present && !q->all)
		return false;
	if (q->code[0] && n != by_code)
		return false;
	return !search_fold[0] || strstr(n->name_fold, search_fold) || strstr(n->code_fold, search_fold);
}

static int list(struct db *db, struct call *c)
{
	struct unit_query q = {.when = WHEN_NOW};
	char search[4 * MAX_TEXT + 1] = "";
	struct tree *t = NULL;
	struct as_of at;
	json_t *all;
	int r = CALL_QUERY(c, unit_query, &q, NULL);

	if (!r)
		r = say_moment(db, c, &q.when, &at);
	if (!r && q.search[0])
		r = text_fold(search, sizeof search, q.search);
	if (!r)
		r = tree_load(db, &at, &t);
	if (r)
		return r;
	all = json_array();
	for (size_t i = 0; i < t->n; i++)
		if (scope_covers(c->scope, t, t->order[i]->id) &&
		    wanted(&q, tree_by_code(t, q.code), search, t->order[i]))
			json_array_append_new(all, say_node(t->order[i]));
	tree_free(t);
	return call_json(c, 200, json_pack("{s:o, s:o}", "as_of", say_instant(at.at), "units", all));
}

static int get(struct db *db, struct call *c)
{
	struct unit_query q = {.when = WHEN_NOW};
	const struct node *n;
	struct tree *t = NULL;
	struct as_of at;
	json_t *o;
	int r = call_query(c, unit_query, 2, &q, NULL);

	if (!r)
		r = say_moment_tree(db, c, &q.when, &at, &t);
	if (r)
		return r;
	n = tree_node(t, c->node);
	o = n ? say_node(n) : NULL;
	tree_free(t);
	return o ? call_json(c, 200, o) : -ENOENT;
}

static int add_statement(void *arg, const struct unit_history *h)
{
	const struct unit_statement *s = &h->statement;

	return json_array_append_new(
	           arg, json_pack("{s:I, s:o, s:o, s:o, s:b, s:o, s:s, s:s, s:I, s:s, s:o}", "rev", (json_int_t)h->rev,
	                    "recorded_at", say_instant(h->recorded_at), "valid_from", say_instant(s->valid_from),
	                    "valid_to", say_instant(s->valid_to), "present", s->present, "parent",
	                    s->parent_id ? json_integer(s->parent_id) : json_null(), "code", s->code, "name", s->name,
	                    "sort_order", (json_int_t)s->sort_order, "document", s->document, "document_day",
	                    say_day(s->document_day)))
	           ? -ENOMEM
	           : 0;
}

static int history(struct db *db, struct call *c)
{
	json_t *all = json_array();
	int r = unit_history(db, c->scope, c->node, add_statement, all);

	if (!r)
		return call_json(c, 200, json_pack("{s:o}", "statements", all));
	json_decref(all);
	return r;
}

/* A cell of CSV: quoted when it must be; what a spreadsheet would take for a formula begins with an apostrophe. */
static void cell(struct buf *b, const char *s, char end)
{
	bool quote = strpbrk(s, "\",;\r\n") != NULL;

	if (quote)
		(void)buf_addc(b, '"');
	if (*s && strchr("=+-@\t", *s))
		(void)buf_addc(b, '\'');
	for (; *s; s++) {
		if (*s == '"')
			(void)buf_addc(b, '"');
		(void)buf_addc(b, *s);
	}
	if (quote)
		(void)buf_addc(b, '"');
	(void)buf_addc(b, end);
}

static void allocated(struct buf *b, const struct licence_balance *all, size_t n, int64_t node_id)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].node_id == node_id && all[i].amount)
			(void)buf_addf(b, "%lld", (long long)all[i].amount);
	(void)buf_addc(b, '\n');
}

static void write_units(
    struct buf *b, const struct call *c, const struct tree *t, const struct licence_balance *all, size_t n_all)
{
	(void)buf_adds(b, "code,name,group,allocated\n");
	for (size_t i = 0; i < t->n; i++) {
		const struct node *n = t->order[i];
		if (!n->present || n->kind != NODE_KIND_UNIT || !scope_covers(c->scope, t, n->id))
			continue;
		cell(b, n->code, ',');
		cell(b, n->name, ',');
		cell(b, scope_covers(c->scope, t, n->up->id) ? n->up->code : "", ',');
		allocated(b, all, n_all, n->id);
	}
}

/* Units as unit_import_new(IMPORT_UNITS) reads them. */
static int export(struct db *db, struct call *c)
{
	struct unit_query q = {.when = WHEN_NOW};
	struct buf b = BUF_INIT(MAX_ANSWER);
	struct licence_balance *all = NULL;
	struct tree *t = NULL;
	struct as_of at;
	size_t n = 0;
	int r = CALL_QUERY(c, export_query, &q, NULL);

	if (!r)
		r = say_moment_tree(db, c, &q.when, &at, &t);
	if (!r)
		r = licence_balances(db, c->scope, t, &at, q.pool, &all, &n);
	if (!r) {
		write_units(&b, c, t, all, n);
		(void)snprintf(c->answer.download, sizeof c->answer.download, "units.csv");
		r = call_text(c, 200, "text/csv; charset=utf-8", &b);
	}
	buf_release(&b);
	free(all);
	tree_free(t);
	return r;
}

static const struct form_field when_query[] = {WHEN_FIELDS(struct unit_query, when)};

static int declared(struct db *db, struct call *c)
{
	struct unit_query q = {.when = WHEN_NOW};
	struct declared_row *rows = NULL;
	json_t *all = json_array();
	struct tree *t = NULL;
	struct as_of at;
	size_t n = 0;
	int r = CALL_QUERY(c, when_query, &q, NULL);

	if (!r)
		r = say_moment_tree(db, c, &q.when, &at, &t);
	if (!r)
		r = declared_list(db, c->scope, t, &at, &rows, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    all, json_pack("{s:I, s:I, s:I, s:s, s:o, s:o, s:I}", "node", (json_int_t)rows[i].node->id,
		             "servers", (json_int_t)rows[i].servers, "workstations", (json_int_t)rows[i].workstations,
		             "document", rows[i].document, "document_day", say_day(rows[i].document_day), "valid_from",
		             say_instant(rows[i].valid_from), "rev", (json_int_t)rows[i].rev));
	declared_free(rows, n);
	tree_free(t);
	if (!r)
		return call_json(c, 200, json_pack("{s:o, s:o}", "as_of", say_instant(at.at), "declarations", all));
	json_decref(all);
	return r;
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/units", MAY_READ_UNITS, AT_ANYWHERE, 0, list),
    ROUTE("GET", "/api/v1/units/export", MAY_READ_UNITS, AT_ANYWHERE, 0, export),
    ROUTE("GET", "/api/v1/units/{node}", MAY_READ_UNITS, AT_NODE, 0, get),
    ROUTE("GET", "/api/v1/units/{node}/history", MAY_READ_UNITS, AT_NODE, 0, history),
    ROUTE("GET", "/api/v1/declarations", MAY_READ_UNITS, AT_ANYWHERE, 0, declared),
};
const struct route_table unit_table = ROUTE_TABLE(routes);
