/* Changing the tree: units made, changed and dissolved, declarations, lists imported. Each is one statement of the
 * ledger, and machines are placed anew in the same commit. */
#include "commit.h"
#include "machine.h"
#include "routes.h"
#include "say.h"
#include "str.h"
#include "unit_import.h"

#include "clock.h"

#include <inttypes.h>

struct unit_form {
	char kind[16], code[MAX_UNIT_CODE + 1], name[MAX_TEXT + 1], document[MAX_TEXT + 1];
	int64_t parent, sort_order, from, until;
	int32_t document_day;
};
#define DOCUMENT_FIELDS                                                                                                \
	FORM_TEXT_OF(struct unit_form, document, FORM_OPTIONAL, 0),                                                    \
	    FORM_OF(struct unit_form, document_day, FORM_DAY, FORM_OPTIONAL),                                          \
	    FORM_OF(struct unit_form, from, FORM_FROM, FORM_OPTIONAL),                                                 \
	    FORM_OF(struct unit_form, until, FORM_FROM, FORM_OPTIONAL)
enum { MAX_ORDER = 1000000 };

static const struct form_field create_form[] = {
    FORM_TEXT_OF(struct unit_form, kind, FORM_NEEDED, 1),
    FORM_TEXT_OF(struct unit_form, code, FORM_NEEDED, 1),
    FORM_TEXT_OF(struct unit_form, name, FORM_NEEDED, 1),
    FORM_I64_OF(struct unit_form, parent, FORM_NEEDED, 1, INT64_MAX),
    FORM_I64_OF(struct unit_form, sort_order, FORM_OPTIONAL, 0, MAX_ORDER),
    DOCUMENT_FIELDS,
};

static struct unit_statement statement(const struct call *c, const struct unit_form *f, int64_t node_id)
{
	return (struct unit_statement){
	    .node_id = node_id,
	    .valid_from = f->from ? f->from : c->ledger.recorded_at,
	    .valid_to = f->until ? f->until : TIME_END,
	    .present = true,
	    .parent_id = f->parent,
	    .code = f->code,
	    .name = f->name,
	    .sort_order = f->sort_order,
	    .document = f->document,
	    .document_day = f->document_day,
	};
}

static int end_change(struct db *db, struct call *c, const char *action, const struct unit_statement *s, int64_t id)
{
	int64_t moved = 0;
	int r = machine_place_all(db, &c->ledger, &moved);

	if (!r)
		r = store_beat(db);
	if (!r)
		r = commit_entry(c, action, id,
		    json_pack("{s:s, s:s, s:I, s:o, s:o, s:s, s:o, s:I}", "code", s->code, "name", s->name, "parent",
		        (json_int_t)s->parent_id, "valid_from", say_instant(s->valid_from), "valid_to",
		        say_instant(s->valid_to), "document", s->document, "document_day", say_day(s->document_day),
		        "machines_moved", (json_int_t)moved),
		    "unit:%" PRId64, id);
	return r ? r
	         : call_json(c, str_eq(action, "unit.create") ? 201 : 200,
	               json_pack("{s:I, s:I, s:I}", "id", (json_int_t)id, "rev", (json_int_t)c->ledger.rev,
	                   "machines_moved", (json_int_t)moved));
}

static int create(struct db *db, struct call *c)
{
	struct unit_form f = {0};
	struct unit_statement s;
	struct err e = {0};
	int64_t id;
	int r = CALL_FORM(c, create_form, &f, NULL);
	bool group = str_eq(f.kind, "group");

	if (r)
		return r;
	if (!group && !str_eq(f.kind, "unit"))
		return call_refuse(c, PROBLEM_INVALID, "kind", "group or unit");
	s = statement(c, &f, 0);
	r = unit_create(db, &c->ledger, group ? NODE_KIND_GROUP : NODE_KIND_UNIT, &s, &id, &e);
	return r ? call_refuse_err(c, r, r == -EEXIST ? "code" : "", &e) : end_change(db, c, "unit.create", &s, id);
}

static const struct form_field change_form[] = {
    FORM_TEXT_OF(struct unit_form, code, FORM_OPTIONAL, 1),
    FORM_TEXT_OF(struct unit_form, name, FORM_OPTIONAL, 1),
    FORM_I64_OF(struct unit_form, parent, FORM_OPTIONAL, 1, INT64_MAX),
    FORM_I64_OF(struct unit_form, sort_order, FORM_OPTIONAL, 0, MAX_ORDER),
    DOCUMENT_FIELDS,
};

/* What the node is at the moment from which the change speaks: what is not given stays so. The document does not: it is
 * the document of one statement. */
static int as_it_was(struct db *db, struct call *c, int64_t from, struct unit_form *f)
{
	struct as_of at = {from ? from : c->ledger.recorded_at, INT64_MAX, TIME_END};
	const struct node *n;
	struct tree *t = NULL;
	int r = tree_load(db, &at, &t);

	if (r)
		return r;
	n = tree_present(t, c->node);
	if (!n)
		r = call_refuse(c, PROBLEM_CONFLICT, "from", "there was no such unit at that time");
	if (!r)
		r = str_copy(f->code, sizeof f->code, n->code);
	if (!r)
		r = str_copy(f->name, sizeof f->name, n->name);
	if (!r) {
		f->parent = n->parent_id;
		f->sort_order = n->sort_order;
	}
	tree_free(t);
	return r;
}

static int change(struct db *db, struct call *c)
{
	struct unit_form f = {0}, given = {0};
	struct unit_statement s;
	struct err e = {0};
	int64_t parent;
	int r = CALL_FORM(c, change_form, &given, NULL);

	if (!r)
		r = as_it_was(db, c, given.from, &f);
	parent = f.parent;
	if (!r)
		r = CALL_FORM(c, change_form, &f, NULL);
	if (!r && f.parent != parent)
		r = access_require(db, c, f.parent);
	if (r)
		return r;
	s = statement(c, &f, c->node);
	r = unit_state(db, &c->ledger, &s, &e);
	return r ? call_refuse_err(c, r, r == -EEXIST ? "code" : "", &e)
	         : end_change(db, c, "unit.change", &s, c->node);
}

static const struct form_field dissolve_form[] = {DOCUMENT_FIELDS};

static int dissolve(struct db *db, struct call *c)
{
	struct unit_form f = {0};
	struct unit_statement s;
	struct err e = {0};
	int r = CALL_FORM(c, dissolve_form, &f, NULL);

	if (!r)
		r = as_it_was(db, c, f.from, &f);
	if (r)
		return r;
	s = statement(c, &f, c->node);
	s.present = false;
	r = unit_state(db, &c->ledger, &s, &e);
	return r ? call_refuse_err(c, r, "", &e) : end_change(db, c, "unit.dissolve", &s, c->node);
}

/* How many computers a unit says that it has. */
struct declaration_form {
	int64_t servers, workstations, from, until;
	char document[MAX_TEXT + 1];
	int32_t document_day;
};
enum { MAX_DECLARED = 10000000 };
static const struct form_field declare_form[] = {
    FORM_I64_OF(struct declaration_form, servers, FORM_NEEDED, 0, MAX_DECLARED),
    FORM_I64_OF(struct declaration_form, workstations, FORM_NEEDED, 0, MAX_DECLARED),
    FORM_TEXT_OF(struct declaration_form, document, FORM_OPTIONAL, 0),
    FORM_OF(struct declaration_form, document_day, FORM_DAY, FORM_OPTIONAL),
    FORM_OF(struct declaration_form, from, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct declaration_form, until, FORM_FROM, FORM_OPTIONAL),
};
static const struct form_field withdraw_query[] = {
    FORM_OF(struct declaration_form, from, FORM_FROM, FORM_OPTIONAL),
    FORM_OF(struct declaration_form, until, FORM_FROM, FORM_OPTIONAL),
};

static int declare(struct db *db, struct call *c, const struct declaration_form *f, bool present)
{
	struct declared d = {
	    .node_id = c->node,
	    .valid_from = f->from ? f->from : c->ledger.recorded_at,
	    .valid_to = f->until ? f->until : TIME_END,
	    .present = present,
	    .servers = f->servers,
	    .workstations = f->workstations,
	    .document = f->document,
	    .document_day = f->document_day,
	};
	struct err e = {0};
	int r = declared_state(db, &c->ledger, &d, &e);

	c->answer.status = 204;
	if (r)
		return call_refuse_err(c, r, "", &e);
	return commit_entry(c, present ? "declaration.state" : "declaration.withdraw", c->node,
	    json_pack("{s:I, s:I, s:o, s:o, s:s}", "servers", (json_int_t)d.servers, "workstations",
	        (json_int_t)d.workstations, "valid_from", say_instant(d.valid_from), "valid_to",
	        say_instant(d.valid_to), "document", d.document),
	    "unit:%" PRId64, c->node);
}

static int declare_state(struct db *db, struct call *c)
{
	struct declaration_form f = {0};
	int r = CALL_FORM(c, declare_form, &f, NULL);

	return r ? r : declare(db, c, &f, true);
}

static int declare_withdraw(struct db *db, struct call *c)
{
	struct declaration_form f = {0};
	int r = CALL_QUERY(c, withdraw_query, &f, NULL);

	return r ? r : declare(db, c, &f, false);
}

/* Lists: parsed on a worker, applied in one commit. */
struct import_call {
	struct unit_import *import;
	char kind[16], document[MAX_TEXT + 1];
	int64_t from, pool;
	int32_t document_day;
};
static const struct form_field import_query[] = {
    FORM_TEXT_OF(struct import_call, kind, FORM_NEEDED, 1),
    FORM_TEXT_OF(struct import_call, document, FORM_OPTIONAL, 0),
    FORM_OF(struct import_call, document_day, FORM_DAY, FORM_OPTIONAL),
    FORM_OF(struct import_call, from, FORM_FROM, FORM_OPTIONAL),
    FORM_I64_OF(struct import_call, pool, FORM_OPTIONAL, 1, INT64_MAX),
};
static const struct {
	const char *name;
	enum import_kind kind;
} import_kinds[] = {{"groups", IMPORT_GROUPS}, {"units", IMPORT_UNITS}, {"declarations", IMPORT_DECLARED}};

static void import_release(void *state)
{
	unit_import_free(((struct import_call *)state)->import);
}

static int import_first(struct db *db, struct call *c)
{
	struct import_call *i = call_state(c, sizeof *i, import_release);
	int r = i ? CALL_QUERY(c, import_query, i, NULL) : -ENOMEM;

	(void)db;
	for (size_t k = 0; !r && k < sizeof import_kinds / sizeof import_kinds[0]; k++)
		if (str_eq(i->kind, import_kinds[k].name))
			return unit_import_new(&i->import, import_kinds[k].kind);
	return r ? r : call_refuse(c, PROBLEM_INVALID, "kind", "groups, units or declarations");
}

static int import_work(struct call *c)
{
	struct import_call *i = c->state;
	struct err e = {0};
	size_t n;
	const void *body = http_body(c->req, &n);
	int r = unit_import_feed(i->import, body, n, &e);

	if (!r)
		r = unit_import_finish(i->import, &e);
	return r ? call_refuse_err(c, r, "", &e) : 0;
}

static int import_run(struct db *db, struct call *c)
{
	struct import_call *i = c->state;
	struct import_options o = {i->from, i->document, i->document_day, i->pool};
	struct import_result n = {0};
	struct err e = {0};
	int r = unit_import_apply(i->import, db, &c->ledger, &o, &n, &e);

	if (!r)
		r = store_beat(db);
	if (r)
		return call_refuse_err(c, r, "", &e);
	r = commit_entry(c, "unit.import", NODE_PROVINCE,
	    json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "kind", i->kind, "document", i->document, "created",
	        (json_int_t)n.created, "changed", (json_int_t)n.changed, "declared", (json_int_t)n.declared,
	        "machines_moved", (json_int_t)n.moved),
	    "unit:%d", NODE_PROVINCE);
	return r ? r
	         : call_json(c, 200,
	               json_pack("{s:I, s:I, s:I, s:I, s:o, s:I, s:I}", "created", (json_int_t)n.created, "changed",
	                   (json_int_t)n.changed, "unchanged", (json_int_t)n.unchanged, "declared",
	                   (json_int_t)n.declared, "allocation_document",
	                   n.doc_id ? json_integer(n.doc_id) : json_null(), "machines_moved", (json_int_t)n.moved,
	                   "rev", (json_int_t)c->ledger.rev));
}

static const struct route routes[] = {
    ROUTE("POST", "/api/v1/units", MAY_CHANGE_UNITS, AT_BODY_PARENT, ROUTE_WRITES, create),
    ROUTE("POST", "/api/v1/units/import", MAY_CHANGE_UNITS, AT_PROVINCE, ROUTE_WRITES | ROUTE_BULK | ROUTE_CSV,
        import_run, import_first, import_work),
    ROUTE("PATCH", "/api/v1/units/{node}", MAY_CHANGE_UNITS, AT_NODE, ROUTE_WRITES, change),
    ROUTE("POST", "/api/v1/units/{node}/dissolve", MAY_CHANGE_UNITS, AT_NODE, ROUTE_WRITES, dissolve),
    ROUTE("PUT", "/api/v1/units/{node}/declaration", MAY_DECLARE, AT_NODE, ROUTE_WRITES, declare_state),
    ROUTE("DELETE", "/api/v1/units/{node}/declaration", MAY_DECLARE, AT_NODE, ROUTE_WRITES, declare_withdraw),
};
const struct route_table unit_change_table = ROUTE_TABLE(routes);
