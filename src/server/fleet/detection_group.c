#include "detection_group.h"

#include "array.h"
#include "clock.h"
#include "machine.h"
#include "quarantine_store.h"
#include "str.h"
#include "text.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

/* Finds are read a page at a time, since PostgreSQL hands a whole answer over at once. */
enum { READ_PAGE = 20000 };

struct stream_of {
	int64_t num, machine_id;
	bool wanted;
};

struct counting {
	struct db *db;
	const struct scope *scope;
	const struct detection_group_query *q;
	const struct tree *tree;
	int64_t machine_id; /* 0: all */
	char name_fold[4 * MAX_TEXT + 1];

	size_t n_streams, cap_streams;
	struct stream_of *streams; /* by num */
	struct key_set *names, *keys;
	struct pair_set *seen;
	bool *name_wanted;
	size_t cap_names, n_names;
	struct group *groups; /* beside the keys */
	size_t cap_groups, n_groups;
	int64_t at, pos; /* read up to here */
};

static void release(struct counting *c)
{
	free(c->streams);
	key_set_free(c->names);
	key_set_free(c->keys);
	pair_set_free(c->seen);
	free(c->name_wanted);
	free(c->groups);
}

static bool node_wanted(const struct counting *c, int64_t node_id)
{
	const struct node *n = tree_node(c->tree, node_id);
	if (!scope_covers(c->scope, c->tree, node_id))
		return false;
	return !c->q->node_id || (n && tree_below(n, c->q->node_id));
}

static int load_streams(struct counting *c)
{
	struct db_rows *rows;
	int r = db_query(c->db, &rows,
	    "select s.num, s.machine_id, (select p.node_id from place_fact p where p.machine_id = s.machine_id"
	    " and p.valid_from <= $1 and $1 < p.valid_to order by p.rev desc limit 1) from stream s"
	    " where $2 = 0 or s.machine_id = $2 order by s.num",
	    "ii", clock_business_us(), c->machine_id);
	while (r == 0 && db_next(rows)) {
		r = array_room(&c->streams, &c->cap_streams, c->n_streams, sizeof *c->streams);
		if (r)
			break;
		int64_t node_id = db_null(rows, 2) ? NODE_PROVINCE : db_i64(rows, 2);
		c->streams[c->n_streams++] = (struct stream_of){
		    db_i64(rows, 0), db_i64(rows, 1), node_wanted(c, node_id)};
	}
	int done = db_done(rows);
	return r ? r : done;
}

static const struct stream_of *find_stream(const struct counting *c, int64_t num)
{
	size_t from = 0, to = c->n_streams;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (c->streams[middle].num == num)
			return c->streams[middle].wanted ? &c->streams[middle] : NULL;
		if (c->streams[middle].num < num)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

static bool name_fits(const struct counting *c, const char *name)
{
	char fold[4 * MAX_TEXT + 1];
	if (!*c->name_fold)
		return true;
	return text_fold(fold, sizeof fold, name) == 0 && strstr(fold, c->name_fold);
}

/* The name's number; what it is asked for is worked out once for each name. */
static int take_name(struct counting *c, const char *name, size_t *ret)
{
	int r = key_set_add(c->names, name, strlen(name), ret);
	if (r || *ret < c->n_names)
		return r;
	r = array_room(&c->name_wanted, &c->cap_names, c->n_names, sizeof *c->name_wanted);
	if (r == 0)
		c->name_wanted[c->n_names++] = name_fits(c, name);
	return r;
}

static int take_group(struct counting *c, const void *key, size_t n, size_t *ret)
{
	int r = key_set_add(c->keys, key, n, ret);
	if (r || *ret < c->n_groups)
		return r;
	r = array_room(&c->groups, &c->cap_groups, c->n_groups, sizeof *c->groups);
	if (r == 0)
		c->groups[c->n_groups++] = (struct group){.first_at = INT64_MAX};
	return r;
}

static int count_find(struct counting *c, struct db_rows *rows, const struct stream_of *s, size_t name)
{
	size_t group, n = sizeof s->machine_id;
	const void *key = &s->machine_id;
	int64_t at = db_i64(rows, 0), action = db_i64(rows, 3);
	bool fresh;
	if (c->q->by == BY_MALWARE)
		key = key_set_at(c->names, name, &n);
	else if (c->q->by == BY_HASH)
		key = db_blob(rows, 5, &n);
	int r = take_group(c, key ? key : "", key ? n : 0, &group);
	if (r == 0)
		r = pair_set_add(c->seen, group, (size_t)s->machine_id, &fresh);
	if (r)
		return r;
	struct group *g = &c->groups[group];
	g->found++;
	g->machines += fresh;
	if (action >= 0 && action <= ACTION_FAILED)
		g->by_action[action]++;
	if (at < g->first_at)
		g->first_at = at;
	if (at >= g->last_at) {
		g->last_at = at;
		g->last_name = name;
	}
	return 0;
}

#define FINDS(where) "select received_at, pos, stream_num, action, name, sha256 from detection where " where

static int ask(struct counting *c, struct db_rows **ret)
{
	int64_t until = c->q->until_us ? c->q->until_us : INT64_MAX;
	if (c->q->sha256)
		return db_query(c->db, ret,
		    FINDS("sha256 = $1 and pos > $2 and received_at >= $3 and received_at <= $4 order by pos limit $5"),
		    "biiii", c->q->sha256, (size_t)SHA256_BYTES, c->pos, c->q->from_us, until, (int64_t)READ_PAGE);
	return db_query(c->db, ret,
	    FINDS("(received_at, pos) > ($1, $2) and received_at <= $3 order by received_at, pos limit $4"), "iiii",
	    c->at, c->pos, until, (int64_t)READ_PAGE);
}

/* 1: more may follow. */
static int read_page(struct counting *c)
{
	struct db_rows *rows;
	int64_t n = 0;
	int r = ask(c, &rows);
	for (; r == 0 && db_next(rows); n++) {
		size_t name;
		c->at = db_i64(rows, 0);
		c->pos = db_i64(rows, 1);
		const struct stream_of *s = find_stream(c, db_i64(rows, 2));
		if (!s)
			continue;
		r = take_name(c, db_text(rows, 4), &name);
		if (r == 0 && c->name_wanted[name])
			r = count_find(c, rows, s, name);
	}
	int done = db_done(rows);
	return r || done ? (r ? r : done) : n == READ_PAGE;
}

static int count_all(struct counting *c)
{
	int r = key_set_new(&c->names);
	if (r == 0)
		r = key_set_new(&c->keys);
	if (r == 0)
		r = pair_set_new(&c->seen);
	if (r == 0)
		r = load_streams(c);
	c->at = c->q->from_us;
	c->pos = -1;
	if (r)
		return r;
	do
		r = read_page(c);
	while (r == 1);
	return r;
}

/* ---- telling ---- */

static int64_t order_of(const struct counting *c, const struct group *g)
{
	return c->q->order == ORDER_FOUND ? g->found : c->q->order == ORDER_MACHINES ? g->machines : g->last_at;
}

struct place {
	int64_t order;
	size_t group;
	const char *key; /* compared as bytes */
	size_t key_n;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->order != y->order)
		return x->order > y->order ? -1 : 1;
	size_t n = x->key_n < y->key_n ? x->key_n : y->key_n;
	int k = memcmp(x->key, y->key, n);
	return k ? k : (x->key_n > y->key_n) - (x->key_n < y->key_n);
}

/* The last group of the page before, as a place. */
static int cursor_place(struct counting *c, uint8_t room[SHA256_BYTES], struct place *ret)
{
	const char *key = c->q->after_key;
	int64_t machine_id;
	*ret = (struct place){.order = c->q->after_order, .key = key, .key_n = strlen(key)};
	if (c->q->by == BY_HASH && *key) {
		if (strlen(key) != 2 * SHA256_BYTES || hex_decode(room, SHA256_BYTES, key))
			return -EINVAL;
		ret->key = (const char *)room;
		ret->key_n = SHA256_BYTES;
	} else if (c->q->by == BY_MACHINE) {
		if (machine_find(c->db, key, &machine_id))
			return -EINVAL;
		memcpy(room, &machine_id, sizeof machine_id);
		ret->key = (const char *)room;
		ret->key_n = sizeof machine_id;
	}
	return 0;
}

static int sort_places(struct counting *c, struct place **ret, size_t *ret_n)
{
	uint8_t room[SHA256_BYTES];
	struct place after = {0};
	int r = c->q->paged ? cursor_place(c, room, &after) : 0;
	struct place *v = r ? NULL : malloc((c->n_groups + 1) * sizeof *v);
	size_t n = 0;
	if (!v)
		return r ? r : -ENOMEM;
	for (size_t i = 0; i < c->n_groups; i++) {
		v[n] = (struct place){.order = order_of(c, &c->groups[i]), .group = i};
		v[n].key = key_set_at(c->keys, i, &v[n].key_n);
		if (!c->q->paged || compare_places(&after, &v[n]) < 0)
			n++;
	}
	qsort(v, n, sizeof *v, compare_places);
	*ret = v;
	*ret_n = n;
	return 0;
}

static bool machine_wanted(const struct counting *c, int64_t node_id, int64_t machine_id)
{
	return (!c->machine_id || c->machine_id == machine_id) && node_wanted(c, node_id);
}

#define ITEMS(where)                                                                                                   \
	"select q.machine_id, q.state, count(*), (select p.node_id from place_fact p where p.machine_id = "            \
	"q.machine_id"                                                                                                 \
	" and p.valid_from <= $1 and $1 < p.valid_to order by p.rev desc limit 1) from quarantine_item q where " where \
	" group by q.machine_id, q.state"

static int count_items(struct counting *c, const struct place *at, struct detection_group *g)
{
	int64_t now = clock_business_us(), machine_id = 0;
	struct db_rows *rows;
	int r;
	if (c->q->by == BY_MACHINE) {
		memcpy(&machine_id, at->key, sizeof machine_id);
		r = db_query(c->db, &rows, ITEMS("q.machine_id = $2"), "ii", now, machine_id);
	} else if (c->q->by == BY_HASH) {
		r = db_query(c->db, &rows, ITEMS("q.sha256 = $2"), "ib", now, at->key, at->key_n);
	} else {
		r = db_query(c->db, &rows, ITEMS("q.name = $2"), "it", now, at->key);
	}
	while (r == 0 && db_next(rows)) {
		int64_t node_id = db_null(rows, 3) ? NODE_PROVINCE : db_i64(rows, 3), n = db_i64(rows, 2);
		if (!machine_wanted(c, node_id, db_i64(rows, 0)))
			continue;
		g->stands += db_i64(rows, 1) == ITEM_STANDS ? n : 0;
		g->restored += db_i64(rows, 1) == ITEM_WAS_RESTORED ? n : 0;
		g->deleted += db_i64(rows, 1) == ITEM_WAS_DELETED ? n : 0;
	}
	int done = db_done(rows);
	return r ? r : done;
}

struct words {
	char key[2 * SHA256_BYTES + 1], machine_name[MAX_HOST_NAME + 1];
};

static int name_machine(struct counting *c, int64_t machine_id, struct words *w, struct detection_group *g)
{
	int r = db_row(c->db,
	    "select m.uid, (select p.node_id from place_fact p where p.machine_id = m.id and p.valid_from <= $2"
	    " and $2 < p.valid_to order by p.rev desc limit 1),"
	    " (select n.name from name_fact n where n.machine_id = m.id and n.valid_from <= $2 and $2 < n.valid_to"
	    " order by n.rev desc limit 1) from machine m where m.id = $1",
	    "ii", machine_id, clock_business_us(), "TiT", w->key, sizeof w->key, &g->node_id, w->machine_name,
	    sizeof w->machine_name);
	g->machine_name = w->machine_name;
	if (!g->node_id)
		g->node_id = NODE_PROVINCE;
	return r;
}

static int fill(struct counting *c, const struct place *at, struct words *w, struct detection_group *g)
{
	int64_t machine_id;
	*g = (struct detection_group){.key = w->key, .count = c->groups[at->group], .order = at->order};
	g->name = key_set_at(c->names, g->count.last_name, NULL);
	w->key[0] = 0;
	if (c->q->by == BY_MALWARE) {
		g->key = at->key;
	} else if (c->q->by == BY_HASH && at->key_n == SHA256_BYTES) {
		hex_encode(w->key, at->key, SHA256_BYTES);
	} else if (c->q->by == BY_MACHINE) {
		memcpy(&machine_id, at->key, sizeof machine_id);
		int r = name_machine(c, machine_id, w, g);
		if (r)
			return r;
	}
	return count_items(c, at, g);
}

static int tell_page(struct counting *c, int (*fn)(void *arg, const struct detection_group *g), void *arg)
{
	struct detection_group g;
	struct place *v = NULL;
	struct words w;
	size_t n = 0;
	int r = sort_places(c, &v, &n);
	for (size_t i = 0; r == 0 && i < n && (int64_t)i < c->q->limit; i++) {
		r = fill(c, &v[i], &w, &g);
		if (r == 0)
			r = fn(arg, &g);
	}
	free(v);
	return r;
}

static int find_subject(struct counting *c)
{
	struct machine_row m = {0};
	int r = c->q->machine ? machine_get(c->db, c->scope, c->q->machine, &m) : 0;
	c->machine_id = m.machine_id;
	machine_row_release(&m);
	if (r == 0 && c->q->name)
		r = text_fold(c->name_fold, sizeof c->name_fold, c->q->name);
	return r;
}

int detection_groups(struct db *db, const struct scope *scope, const struct detection_group_query *q,
    int (*fn)(void *arg, const struct detection_group *g), void *arg, int64_t *ret_groups)
{
	struct counting c = {.db = db, .scope = scope, .q = q};
	struct tree *t = NULL;
	int r = find_subject(&c);
	if (r == 0)
		r = tree_load_now(db, &t);
	c.tree = t;
	if (r == 0 && q->node_id && !tree_node(t, q->node_id))
		r = -ENOENT;
	if (r == 0)
		r = count_all(&c);
	if (r == 0)
		r = tell_page(&c, fn, arg);
	if (r == 0 && ret_groups)
		*ret_groups = (int64_t)c.n_groups;
	release(&c);
	tree_free(t);
	return r;
}
