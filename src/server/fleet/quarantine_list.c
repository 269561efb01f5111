#include "quarantine_store.h"

#include "clock.h"
#include "machine.h"

#include <errno.h>

static const char *const states[QUARANTINE_STATE_END] = {
    [ITEM_STANDS] = "stands", [ITEM_WAS_RESTORED] = "restored", [ITEM_WAS_DELETED] = "deleted"};

const char *quarantine_state_name(enum quarantine_state s)
{
	return s > 0 && s < QUARANTINE_STATE_END ? states[s] : NULL;
}

int quarantine_state_find(const char *name, enum quarantine_state *ret)
{
	for (int s = 1; s < QUARANTINE_STATE_END; s++)
		if (strcmp(states[s], name) == 0) {
			*ret = (enum quarantine_state)s;
			return 0;
		}
	return -ENOENT;
}

#define ROWS(which)                                                                                                    \
	"select q.item, m.uid, q.machine_id, q.state, q.sha256, q.name, q.why, q.path_form, q.path, q.path_display,"   \
	" q.taken_at, q.changed_at, q.task_id,"                                                                        \
	" (select p.node_id from place_fact p where p.machine_id = q.machine_id and p.valid_from <= $1 and $1 < "      \
	"p.valid_to"                                                                                                   \
	" order by p.rev desc limit 1),"                                                                               \
	" (select n.name from name_fact n where n.machine_id = q.machine_id and n.valid_from <= $1 and $1 < "          \
	"n.valid_to"                                                                                                   \
	" order by n.rev desc limit 1)"                                                                                \
	" from quarantine_item q join machine m on m.id = q.machine_id where " which " and ($2 = 0 or q.state = $2)"   \
	" and (q.changed_at < $3 or (q.changed_at = $3 and (q.machine_id < $4 or (q.machine_id = $4 and q.item < "     \
	"$5))))"                                                                                                       \
	" order by q.changed_at desc, q.machine_id desc, q.item desc limit $6"

enum { LIST_PAGE = 1000 };

struct listing {
	const struct scope *scope;
	const struct tree *tree;
	const struct quarantine_query *q;
	int64_t machine_id, at, machine, told;
	id16 item;
	int (*fn)(void *arg, const struct quarantine_row *row);
	void *arg;
};

static int ask(struct db *db, struct listing *l, struct db_rows **ret)
{
	int64_t now = clock_business_us(), state = l->q->state;
	if (l->machine_id)
		return db_query(db, ret, ROWS("q.machine_id = $7 and ($8 = 0 or q.sha256 = $9)"), "iiiibiiib", now,
		    state, l->at, l->machine, l->item.b, (size_t)ID_BYTES, (int64_t)LIST_PAGE, l->machine_id,
		    (int64_t)(l->q->sha256 != NULL), l->q->sha256 ? (const void *)l->q->sha256 : "",
		    (size_t)(l->q->sha256 ? SHA256_BYTES : 0));
	if (l->q->sha256)
		return db_query(db, ret, ROWS("q.sha256 = $7"), "iiiibib", now, state, l->at, l->machine, l->item.b,
		    (size_t)ID_BYTES, (int64_t)LIST_PAGE, l->q->sha256, (size_t)SHA256_BYTES);
	return db_query(db, ret, ROWS("1 = 1"), "iiiibi", now, state, l->at, l->machine, l->item.b, (size_t)ID_BYTES,
	    (int64_t)LIST_PAGE);
}

static int take_row(struct db_rows *rows, struct quarantine_row *ret)
{
	size_t item_n, hash_n;
	const void *item = db_blob(rows, 0, &item_n), *hash = db_blob(rows, 4, &hash_n);
	*ret = (struct quarantine_row){.machine = db_text(rows, 1),
	    .machine_id = db_i64(rows, 2),
	    .state = (enum quarantine_state)db_i64(rows, 3),
	    .name = db_text(rows, 5),
	    .why = db_text(rows, 6),
	    .path = {.form = (enum path_form)db_i64(rows, 7), .display = db_text(rows, 9)},
	    .taken_at = db_i64(rows, 10),
	    .changed_at = db_i64(rows, 11),
	    .task_id = db_i64(rows, 12),
	    .node_id = db_null(rows, 13) ? NODE_PROVINCE : db_i64(rows, 13),
	    .machine_name = db_text(rows, 14)};
	if (item_n != ID_BYTES || hash_n != SHA256_BYTES)
		return -EBADMSG;
	memcpy(ret->item.b, item, item_n);
	memcpy(ret->sha256, hash, hash_n);
	ret->path.raw = db_blob(rows, 8, &ret->path.n);
	return 0;
}

static bool wanted(const struct listing *l, int64_t node_id)
{
	const struct node *n = tree_node(l->tree, node_id);
	if (!scope_covers(l->scope, l->tree, node_id))
		return false;
	return !l->q->node_id || (n && tree_below(n, l->q->node_id));
}

/* 1: more may follow. */
static int list_page(struct db *db, struct listing *l)
{
	struct db_rows *rows;
	int64_t n = 0;
	int r = ask(db, l, &rows);
	while (r == 0 && l->told < l->q->limit && db_next(rows)) {
		struct quarantine_row row;
		r = take_row(rows, &row);
		if (r)
			break;
		n++;
		l->at = row.changed_at;
		l->machine = row.machine_id;
		l->item = row.item;
		if (wanted(l, row.node_id)) {
			l->told++;
			r = l->fn(l->arg, &row);
		}
	}
	int done = db_done(rows);
	if (r || done)
		return r ? r : done;
	return n == LIST_PAGE && l->told < l->q->limit;
}

int quarantine_rows(struct db *db, const struct scope *scope, const struct quarantine_query *q,
    int (*fn)(void *arg, const struct quarantine_row *row), void *arg)
{
	struct machine_row m = {0};
	struct listing l = {.scope = scope,
	    .q = q,
	    .at = q->before_at ? q->before_at : INT64_MAX,
	    .machine = q->before_machine,
	    .item = q->before_item,
	    .fn = fn,
	    .arg = arg};
	struct tree *t;
	int r = q->machine ? machine_get(db, scope, q->machine, &m) : 0;
	l.machine_id = m.machine_id;
	machine_row_release(&m);
	if (r == 0)
		r = tree_load_now(db, &t);
	if (r)
		return r;
	l.tree = t;
	if (q->node_id && !tree_node(t, q->node_id))
		r = -ENOENT;
	if (r == 0)
		do
			r = list_page(db, &l);
		while (r == 1);
	tree_free(t);
	return r;
}
