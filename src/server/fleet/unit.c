#include "unit.h"
#include "clock.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What goes into a row: texts in their stored form. */
struct clean {
	char code[MAX_UNIT_CODE + 1];
	char name[MAX_TEXT + 1], name_fold[4 * MAX_TEXT + 1];
	char document[MAX_TEXT + 1];
};

static int text_error(struct err *e, int r, const char *what)
{
	switch (r) {
	case -EILSEQ:
		return err_set(e, -EINVAL, "%s is not UTF-8", what);
	case -ENAMETOOLONG:
		return err_set(e, -EINVAL, "%s is too long", what);
	case -EINVAL:
		return err_set(e, -EINVAL, "%s has a character that no name may have", what);
	default:
		return r;
	}
}

/* A code is what its folded form is made of, so that it can stand in a machine's name: letters, digits, "." "_" "-". */
static int clean_code(char dst[MAX_UNIT_CODE + 1], const char *src, struct err *e)
{
	char fold[4 * MAX_UNIT_CODE + 1];
	int r = text_nfc(dst, MAX_UNIT_CODE + 1, src);
	if (r == 0)
		r = text_fold(fold, sizeof fold, dst);
	if (r)
		return text_error(e, r, "the code");
	if (fold[0] == 0)
		return err_set(e, -EINVAL, "the code is empty");
	if (fold[strspn(fold, "abcdefghijklmnopqrstuvwxyz0123456789._-")])
		return err_set(
		    e, -EINVAL, "the code \"%s\" has a character other than letters, digits, \".\", \"_\", \"-\"", dst);
	return 0;
}

static int clean_texts(struct clean *c, const struct unit_statement *s, struct err *e)
{
	/* the province alone may do without a code */
	int r = s->node_id == NODE_PROVINCE && s->code[0] == 0 ? 0 : clean_code(c->code, s->code, e);
	if (r)
		return r;
	r = text_nfc(c->name, sizeof c->name, s->name);
	if (r == 0)
		r = text_fold(c->name_fold, sizeof c->name_fold, c->name);
	if (r)
		return text_error(e, r, "the name");
	if (c->name[0] == 0)
		return err_set(e, -EINVAL, "the name is empty");
	r = text_nfc(c->document, sizeof c->document, s->document ? s->document : "");
	return r ? text_error(e, r, "the document") : 0;
}

static int check_statement(const struct ledger_entry *l, const struct unit_statement *s, struct err *e)
{
	if (s->valid_from < 0 || s->valid_from >= s->valid_to || s->valid_to > TIME_END)
		return err_set(e, -EINVAL, "the interval is empty or outside the ledger's time");
	if (s->valid_from > l->recorded_at)
		return err_set(e, -EINVAL, "a change of the tree is stated when its day has come");
	if (s->node_id == NODE_PROVINCE && (!s->present || s->parent_id != 0))
		return err_set(e, -EINVAL, "the province is always there and hangs on nothing");
	return 0;
}

static int insert_fact(
    struct db *db, const struct ledger_entry *l, int64_t id, const struct unit_statement *s, struct err *e)
{
	struct clean c;
	int r = check_statement(l, s, e);
	if (r == 0)
		r = clean_texts(&c, s, e);
	if (r)
		return r;
	return db_exec(db, NULL,
	    "insert into node_fact(node_id, valid_from, valid_to, rev, present, parent_id, code, name, name_fold,"
	    " sort_order, document, document_day) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
	    "iiiiiitttiti", id, s->valid_from, s->valid_to, l->rev, (int64_t)s->present, s->parent_id, c.code, c.name,
	    c.name_fold, s->sort_order, c.document, (int64_t)s->document_day);
}

int unit_create_unchecked(struct db *db, const struct ledger_entry *l, enum node_kind kind,
    const struct unit_statement *s, int64_t *ret_id, struct err *e)
{
	int64_t count, id;
	if (kind != NODE_KIND_GROUP && kind != NODE_KIND_UNIT)
		return err_set(e, -EINVAL, "only groups and units can be made");
	int r = db_row(db, "select count(*) from node", "", "i", &count);
	if (r)
		return r;
	if (count >= MAX_NODES)
		return err_set(e, -ENOSPC, "the tree has %d nodes, its maximum", MAX_NODES);
	r = db_row(
	    db, "insert into node(kind, rev) values ($1, $2) returning id", "ii", (int64_t)kind, l->rev, "i", &id);
	if (r == 0)
		r = insert_fact(db, l, id, s, e);
	if (r == 0)
		*ret_id = id;
	return r;
}

int unit_state_unchecked(struct db *db, const struct ledger_entry *l, const struct unit_statement *s, struct err *e)
{
	int64_t kind;
	int r = db_row(db, "select kind from node where id = $1", "i", s->node_id, "i", &kind);
	if (r == -ENOENT)
		return err_set(e, r, "there is no node %lld", (long long)s->node_id);
	return r ? r : insert_fact(db, l, s->node_id, s, e);
}

int unit_create(struct db *db, const struct ledger_entry *l, enum node_kind kind, const struct unit_statement *s,
    int64_t *ret_id, struct err *e)
{
	int64_t id = 0;
	int r = unit_create_unchecked(db, l, kind, s, &id, e);
	if (r == 0)
		r = unit_check(db, s->valid_from, s->valid_to, e);
	if (r == 0)
		*ret_id = id;
	return r;
}

int unit_state(struct db *db, const struct ledger_entry *l, const struct unit_statement *s, struct err *e)
{
	int r = unit_state_unchecked(db, l, s, e);
	return r ? r : unit_check(db, s->valid_from, s->valid_to, e);
}

static int in_scope_now(struct db *db, const struct scope *scope, int64_t node_id)
{
	struct tree *t;
	int r = tree_load_now(db, &t);
	if (r)
		return r;
	r = scope_covers(scope, t, node_id) ? 0 : -ENOENT;
	tree_free(t);
	return r;
}

int unit_history(struct db *db, const struct scope *scope, int64_t node_id,
    int (*fn)(void *arg, const struct unit_history *h), void *arg)
{
	struct db_rows *rows;
	int r = in_scope_now(db, scope, node_id);
	if (r)
		return r;
	r = db_query(db, &rows,
	    "select f.rev, a.recorded_at, f.valid_from, f.valid_to, f.present, f.parent_id, f.code, f.name, "
	    "f.sort_order,"
	    " f.document, f.document_day from node_fact f left join audit a on a.rev = f.rev where f.node_id = $1"
	    " order by f.rev",
	    "i", node_id);
	while (r == 0 && db_next(rows)) {
		struct unit_history h = {.rev = db_i64(rows, 0),
		    .recorded_at = db_i64(rows, 1),
		    .statement = {.node_id = node_id,
		        .valid_from = db_i64(rows, 2),
		        .valid_to = db_i64(rows, 3),
		        .present = db_i64(rows, 4) != 0,
		        .parent_id = db_i64(rows, 5),
		        .code = db_text(rows, 6),
		        .name = db_text(rows, 7),
		        .sort_order = db_i64(rows, 8),
		        .document = db_text(rows, 9),
		        .document_day = (int32_t)db_i64(rows, 10)}};
		r = fn(arg, &h);
	}
	int done = db_done(rows);
	return r ? r : done;
}
