#include "event_store.h"

#include "clock.h"
#include "machine.h"

/* What narrows it most stands first in the text that is taken, so that each has an index to go by. */
#define LIST(which)                                                                                                    \
	"select d.pos, d.at, d.received_at, m.uid, d.engine, d.name, d.type, d.path_form, d.path, d.path_display, "    \
	"d.md5, "                                                                                                      \
	"d.sha256,"                                                                                                    \
	" d.device, d.action, d.request,"                                                                              \
	" (select p.node_id from place_fact p where p.machine_id = s.machine_id and p.valid_from <= $1 and $1 < "      \
	"p.valid_to"                                                                                                   \
	" order by p.rev desc limit 1),"                                                                               \
	" (select n.name from name_fact n where n.machine_id = s.machine_id and n.valid_from <= $1 and $1 < "          \
	"n.valid_to"                                                                                                   \
	" order by n.rev desc limit 1)"                                                                                \
	" from detection d join stream s on s.num = d.stream_num join machine m on m.id = s.machine_id"                \
	" where " which                                                                                                \
	" and d.pos < $2 and d.received_at >= $3 and d.received_at <= $4 and ($5 = 0 or s.machine_id = $5)"            \
	" order by d.pos desc limit $6"

static bool take_digest(struct db_rows *rows, int column, uint8_t *dst, size_t size)
{
	size_t n;
	const void *p = db_blob(rows, column, &n);
	if (!p || n != size)
		return false;
	memcpy(dst, p, n);
	return true;
}

static void take_row(struct db_rows *rows, struct detection_row *ret)
{
	*ret = (struct detection_row){
	    .pos = db_i64(rows, 0),
	    .at_us = db_i64(rows, 1),
	    .received_at_us = db_i64(rows, 2),
	    .machine = db_text(rows, 3),
	    .machine_name = db_text(rows, 16),
	    .node_id = db_null(rows, 15) ? NODE_PROVINCE : db_i64(rows, 15),
	    .request = db_text(rows, 14),
	    .detection = {.engine = db_text(rows, 4),
	        .name = db_text(rows, 5),
	        .type = db_text(rows, 6),
	        .path = {.form = (enum path_form)db_i64(rows, 7), .display = db_text(rows, 9)},
	        .device = (enum device_type)db_i64(rows, 12),
	        .action = (enum detection_action)db_i64(rows, 13)},
	};
	struct detection *d = &ret->detection;
	d->path.raw = db_blob(rows, 8, &d->path.n);
	d->has_md5 = take_digest(rows, 10, d->md5, sizeof d->md5);
	d->has_sha256 = take_digest(rows, 11, d->sha256, sizeof d->sha256);
}

struct listing {
	const struct scope *scope;
	const struct tree *tree;
	const struct node *top; /* NULL: anywhere in scope */
	const struct detection_query *q;
	int64_t machine_id, before, told;
	int (*fn)(void *arg, const struct detection_row *d);
	void *arg;
};

static bool wanted(const struct listing *l, int64_t node_id)
{
	if (!scope_covers(l->scope, l->tree, node_id))
		return false;
	const struct node *n = tree_node(l->tree, node_id);
	return !l->top || (n && tree_below(n, l->top->id));
}

enum { LIST_PAGE = 1000 };

static int ask(struct db *db, const struct listing *l, struct db_rows **ret)
{
	const struct detection_query *q = l->q;
	int64_t now = clock_business_us(), until = q->until_us ? q->until_us : INT64_MAX;
	if (q->sha256)
		return db_query(db, ret, LIST("d.sha256 = $7 and ($8 = '' or d.name = $8)"), "iiiiiibt", now, l->before,
		    q->from_us, until, l->machine_id, (int64_t)LIST_PAGE, q->sha256, (size_t)SHA256_BYTES,
		    q->name ? q->name : "");
	if (q->name)
		return db_query(db, ret, LIST("d.name = $7"), "iiiiiit", now, l->before, q->from_us, until,
		    l->machine_id, (int64_t)LIST_PAGE, q->name);
	return db_query(
	    db, ret, LIST("1 = 1"), "iiiiii", now, l->before, q->from_us, until, l->machine_id, (int64_t)LIST_PAGE);
}

/* What is out of scope is passed over, so pages are read until enough has been told. 1: more may follow. */
static int list_page(struct db *db, struct listing *l)
{
	struct db_rows *rows;
	int64_t n = 0;
	int r = ask(db, l, &rows);
	while (r == 0 && l->told < l->q->limit && db_next(rows)) {
		struct detection_row row;
		take_row(rows, &row);
		n++;
		l->before = row.pos;
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

static int find_machine(struct db *db, const struct scope *scope, const char *uid, int64_t *ret)
{
	struct machine_row m = {0};
	int r = machine_get(db, scope, uid, &m);
	if (r == 0)
		*ret = m.machine_id;
	machine_row_release(&m);
	return r;
}

int detection_list(struct db *db, const struct scope *scope, const struct detection_query *q,
    int (*fn)(void *arg, const struct detection_row *d), void *arg)
{
	struct listing l = {
	    .scope = scope, .q = q, .before = q->before_pos ? q->before_pos : INT64_MAX, .fn = fn, .arg = arg};
	struct tree *t;
	int r = q->machine ? find_machine(db, scope, q->machine, &l.machine_id) : 0;
	if (r == 0)
		r = tree_load_now(db, &t);
	if (r)
		return r;
	l.tree = t;
	l.top = q->node_id ? tree_node(t, q->node_id) : NULL;
	if (q->node_id && !l.top)
		r = -ENOENT;
	if (r == 0)
		do
			r = list_page(db, &l);
		while (r == 1);
	tree_free(t);
	return r;
}
