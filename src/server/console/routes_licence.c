#include "clock.h"
#include "commit.h"
#include "day.h"
#include "licence.h"
#include "routes.h"
#include "say.h"

#include <inttypes.h>

struct pool_form {
	struct when when;
	char contract[MAX_TEXT + 1], supplier[MAX_TEXT + 1];
	int64_t quantity, from, until, pool;
	int32_t start_day, end_day;
	bool present;
};
static const struct form_field pool_form[] = {
    FORM_TEXT_OF(struct pool_form, contract, FORM_NEEDED, 1),
    FORM_TEXT_OF(struct pool_form, supplier, FORM_NEEDED, 0),
    FORM_I64_OF(struct pool_form, quantity, FORM_NEEDED, 0, MAX_LICENCE_QUANTITY),
    FORM_OF(struct pool_form, start_day, FORM_DAY, FORM_NEEDED),
    FORM_OF(struct pool_form, end_day, FORM_DAY, FORM_NEEDED),
    FORM_OF(struct pool_form, from, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct pool_form, until, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct pool_form, present, FORM_BOOL, FORM_OPTIONAL),
};

static int state_pool(struct db *db, struct call *c, int64_t pool_id)
{
	struct pool_form f = {.present = true};
	struct pool_statement s;
	struct err e = {0};
	int64_t id = pool_id;
	int r = CALL_FORM(c, pool_form, &f, NULL);

	if (r)
		return r;
	s = (struct pool_statement){pool_id, f.from ? f.from : day_first_us(f.start_day), f.until ? f.until : TIME_END,
	    f.present, f.contract, f.supplier, f.quantity, f.start_day, f.end_day};
	r = licence_state_pool(db, &c->ledger, &s, &id, &e);
	if (r)
		return call_refuse_err(c, r, "", &e);
	r = commit_entry(c, "pool.state", NODE_PROVINCE,
	    json_pack("{s:s, s:s, s:I, s:o, s:o, s:b, s:o}", "contract", f.contract, "supplier", f.supplier, "quantity",
	        (json_int_t)f.quantity, "start_day", say_day(f.start_day), "end_day", say_day(f.end_day), "present",
	        f.present, "valid_from", say_instant(s.valid_from)),
	    "pool:%" PRId64, id);
	return r ? r
	         : call_json(c, pool_id ? 200 : 201,
	               json_pack("{s:I, s:I}", "id", (json_int_t)id, "rev", (json_int_t)c->ledger.rev));
}

static int pool_create(struct db *db, struct call *c)
{
	return state_pool(db, c, 0);
}

static int pool_change(struct db *db, struct call *c)
{
	int64_t id;
	int r = call_param_id(c, "pool", &id);

	return r ? r : state_pool(db, c, id);
}

static json_t *or_null(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

static json_t *say_pool(const struct pool_row *p)
{
	return json_pack("{s:I, s:s, s:s, s:I, s:o, s:o, s:b, s:i, s:o, s:o, s:I}", "id", (json_int_t)p->pool_id,
	    "contract", p->contract, "supplier", p->supplier, "quantity", (json_int_t)p->quantity, "start_day",
	    say_day(p->start_day), "end_day", say_day(p->end_day), "in_force", p->in_force, "days_left",
	    (int)p->days_left, "allocated", or_null(p->allocated), "free", or_null(p->free), "rev", (json_int_t)p->rev);
}

static const struct form_field when_query[] = {WHEN_FIELDS(struct pool_form, when)};
static const struct form_field balance_query[] = {
    WHEN_FIELDS(struct pool_form, when),
    FORM_I64_OF(struct pool_form, pool, FORM_OPTIONAL, 1, INT64_MAX),
};

static int pools(struct db *db, struct call *c)
{
	struct pool_form q = {.when = WHEN_NOW};
	struct pool_row *rows = NULL;
	json_t *all = json_array();
	struct tree *t = NULL;
	struct as_of at;
	size_t n = 0;
	int r = CALL_QUERY(c, when_query, &q, NULL);

	if (!r)
		r = say_moment_tree(db, c, &q.when, &at, &t);
	if (!r)
		r = licence_pools(db, c->scope, t, &at, &rows, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, say_pool(&rows[i]));
	licence_pools_free(rows, n);
	tree_free(t);
	if (!r)
		return call_json(c, 200, json_pack("{s:o, s:o}", "as_of", say_instant(at.at), "pools", all));
	json_decref(all);
	return r;
}

static int balances(struct db *db, struct call *c)
{
	struct pool_form q = {.when = WHEN_NOW};
	struct licence_balance *rows = NULL;
	json_t *all = json_array();
	struct tree *t = NULL;
	struct as_of at;
	size_t n = 0;
	int r = CALL_QUERY(c, balance_query, &q, NULL);

	if (!r)
		r = say_moment_tree(db, c, &q.when, &at, &t);
	if (!r)
		r = licence_balances(db, c->scope, t, &at, q.pool, &rows, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all,
		    json_pack("{s:I, s:I}", "node", (json_int_t)rows[i].node_id, "amount", (json_int_t)rows[i].amount));
	free(rows);
	tree_free(t);
	if (!r)
		return call_json(c, 200, json_pack("{s:o, s:o}", "as_of", say_instant(at.at), "allocations", all));
	json_decref(all);
	return r;
}

/* Documents */
struct document_form {
	char number[MAX_TEXT + 1], note[MAX_TEXT + 1];
	int32_t day;
	int64_t from;
	const json_t *lines;
};
static const struct form_field document_form[] = {
    FORM_TEXT_OF(struct document_form, number, FORM_NEEDED, 1),
    FORM_TEXT_OF(struct document_form, note, FORM_OPTIONAL, 0),
    FORM_OF(struct document_form, day, FORM_DAY, FORM_NEEDED),
    FORM_OF(struct document_form, from, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct document_form, lines, FORM_JSON, FORM_NEEDED),
};
struct line_form {
	int64_t pool, node, amount;
};
static const struct form_field line_form[] = {
    FORM_I64_OF(struct line_form, pool, FORM_NEEDED, 1, INT64_MAX),
    FORM_I64_OF(struct line_form, node, FORM_NEEDED, 0, INT64_MAX),
    FORM_I64_OF(struct line_form, amount, FORM_NEEDED, -MAX_LICENCE_QUANTITY, MAX_LICENCE_QUANTITY),
};

static int read_lines(struct call *c, const json_t *lines, struct licence_line **ret, size_t *ret_n)
{
	size_t n = json_array_size(lines);
	struct licence_line *all;
	struct form_fault fault;
	struct line_form f;

	if (!n || n > MAX_DOCUMENT_LINES)
		return call_refuse(c, PROBLEM_INVALID, "lines", "1 to %d lines are expected", MAX_DOCUMENT_LINES);
	all = calloc(n, sizeof *all);
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (form_read(line_form, 3, json_array_get(lines, i), false, &f, NULL, &fault)) {
			free(all);
			return call_refuse(
			    c, PROBLEM_INVALID, "lines", "line %zu: %s: %s", i + 1, fault.field, fault.text);
		}
		all[i] = (struct licence_line){f.pool, f.node, f.amount};
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

static json_t *say_lines(const struct licence_document *d)
{
	json_t *all = json_array();

	for (size_t i = 0; i < d->n_lines; i++)
		json_array_append_new(
		    all, json_pack("{s:I, s:I, s:I}", "pool", (json_int_t)d->lines[i].pool_id, "node",
		             (json_int_t)d->lines[i].node_id, "amount", (json_int_t)d->lines[i].amount));
	return all;
}

static int end_document(struct db *db, struct call *c, const struct licence_document *d, const char *action)
{
	struct err e = {0};
	int64_t id = d->doc_id;
	int r = licence_state_document(db, &c->ledger, d, &id, &e);

	if (r)
		return call_refuse_err(c, r, "", &e);
	r = commit_entry(c, action, NODE_PROVINCE,
	    json_pack("{s:s, s:o, s:o, s:b, s:I, s:s}", "number", d->number, "day", say_day(d->doc_day), "valid_from",
	        say_instant(d->valid_from), "present", d->present, "lines", (json_int_t)d->n_lines, "note", d->note),
	    "allocation:%" PRId64, id);
	return r ? r
	         : call_json(c, d->doc_id ? 200 : 201,
	               json_pack("{s:I, s:I}", "id", (json_int_t)id, "rev", (json_int_t)c->ledger.rev));
}

static int state_document(struct db *db, struct call *c, int64_t doc_id)
{
	struct document_form f = {0};
	struct licence_document d = {.doc_id = doc_id, .present = true, .number = f.number, .note = f.note};
	struct licence_line *lines = NULL;
	int r = CALL_FORM(c, document_form, &f, NULL);

	if (!r)
		r = read_lines(c, f.lines, &lines, &d.n_lines);
	if (r)
		return r;
	d.lines = lines;
	d.doc_day = f.day;
	d.valid_from = f.from ? f.from : day_first_us(f.day);
	r = end_document(db, c, &d, doc_id ? "allocation.change" : "allocation.create");
	free(lines);
	return r;
}

static int document_create(struct db *db, struct call *c)
{
	return state_document(db, c, 0);
}

static int document_change(struct db *db, struct call *c)
{
	int64_t id;
	int r = call_param_id(c, "document", &id);

	return r ? r : state_document(db, c, id);
}

/* Cancelling states the document as it was, not present. */
struct cancelling {
	struct db *db;
	struct call *c;
	int64_t id;
};

static int cancel_found(void *arg, const struct licence_document_row *row)
{
	struct cancelling *k = arg;
	struct licence_document d = row->document;
	int r;

	if (d.doc_id != k->id)
		return 0;
	d.present = false;
	r = end_document(k->db, k->c, &d, "allocation.cancel");
	return r ? r : 1;
}

static int document_cancel(struct db *db, struct call *c)
{
	struct cancelling k = {db, c, 0};
	struct as_of at = {TIME_END - 1, INT64_MAX, TIME_END};
	struct tree *t = NULL;
	int r = call_param_id(c, "document", &k.id);

	if (!r)
		r = tree_load(db, &at, &t);
	if (!r)
		r = licence_documents(db, c->scope, t, &at, cancel_found, &k);
	tree_free(t);
	return r > 0 ? 0 : r ? r : -ENOENT;
}

static int add_document(void *arg, const struct licence_document_row *row)
{
	const struct licence_document *d = &row->document;

	return json_array_append_new(
	           arg, json_pack("{s:I, s:s, s:s, s:o, s:o, s:b, s:o, s:I, s:o}", "id", (json_int_t)d->doc_id,
	                    "number", d->number, "note", d->note, "day", say_day(d->doc_day), "valid_from",
	                    say_instant(d->valid_from), "present", d->present, "lines", say_lines(d), "rev",
	                    (json_int_t)row->rev, "recorded_at", say_instant(row->recorded_at)))
	           ? -ENOMEM
	           : 0;
}

static int documents(struct db *db, struct call *c)
{
	struct pool_form q = {.when = WHEN_NOW};
	json_t *all = json_array();
	struct tree *t = NULL;
	struct as_of at;
	int r = CALL_QUERY(c, when_query, &q, NULL);

	if (!r)
		r = say_moment_tree(db, c, &q.when, &at, &t);
	if (!r)
		r = licence_documents(db, c->scope, t, &at, add_document, all);
	tree_free(t);
	if (!r)
		return call_json(c, 200, json_pack("{s:o, s:o}", "as_of", say_instant(at.at), "documents", all));
	json_decref(all);
	return r;
}

static const struct route routes[] = {
    ROUTE("GET", "/api/v1/pools", MAY_READ_UNITS, AT_ANYWHERE, 0, pools),
    ROUTE("POST", "/api/v1/pools", MAY_CHANGE_LICENCES, AT_PROVINCE, ROUTE_WRITES, pool_create),
    ROUTE("PUT", "/api/v1/pools/{pool}", MAY_CHANGE_LICENCES, AT_PROVINCE, ROUTE_WRITES, pool_change),
    ROUTE("GET", "/api/v1/allocations", MAY_READ_UNITS, AT_ANYWHERE, 0, balances),
    ROUTE("GET", "/api/v1/allocation-documents", MAY_READ_UNITS, AT_ANYWHERE, 0, documents),
    ROUTE("POST", "/api/v1/allocation-documents", MAY_CHANGE_LICENCES, AT_PROVINCE, ROUTE_WRITES, document_create),
    ROUTE("PUT", "/api/v1/allocation-documents/{document}", MAY_CHANGE_LICENCES, AT_PROVINCE, ROUTE_WRITES,
        document_change),
    ROUTE("POST", "/api/v1/allocation-documents/{document}/cancel", MAY_CHANGE_LICENCES, AT_PROVINCE, ROUTE_WRITES,
        document_cancel),
};
const struct route_table licence_table = ROUTE_TABLE(routes);
