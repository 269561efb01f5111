#include "machine.h"
#include "array.h"
#include "machine_set.h"
#include "moment.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void machine_row_release(struct machine_row *m)
{
	free(m->name);
	free(m->presence_reason);
	free(m->place_reason);
	free(m->agent_version);
	free(m->address);
	*m = (struct machine_row){0};
}

void machine_page_release(struct machine_page *p)
{
	for (size_t i = 0; i < p->n; i++)
		machine_row_release(&p->rows[i]);
	free(p->rows);
	*p = (struct machine_page){0};
}

/* The moment of now with all that judges a machine in it. */
struct present {
	struct as_of now;
	struct tree *tree;
	struct policy_table *policy;
	struct machine_set *set;
};

static void present_release(struct present *p)
{
	machine_set_free(p->set);
	policy_table_free(p->policy);
	tree_free(p->tree);
}

static int present_load(struct db *db, int64_t first, int64_t last, struct present *ret)
{
	struct present p = {0};
	int r = moment_now(db, &p.now);
	if (r == 0)
		r = tree_load(db, &p.now, &p.tree);
	if (r == 0)
		r = policy_table_load(db, &p.now, p.tree, &p.policy);
	if (r == 0)
		r = machine_set_load(db, &p.now, first, last, SET_TEXTS | SET_OBSERVATIONS, &p.set);
	if (r) {
		present_release(&p);
		return r;
	}
	machine_set_judge(p.set, p.policy, &p.now);
	*ret = p;
	return 0;
}

static int read_live(struct db *db, struct machine_row *m)
{
	int r = db_row(db,
	    "select last_seen, policy_version, agent_version, address from machine_live where machine_id = $1", "i",
	    m->machine_id, "iitt", &m->last_seen, &m->policy_version, &m->agent_version, &m->address);
	if (r != -ENOENT)
		return r;
	m->agent_version = strdup("");
	m->address = strdup("");
	return m->agent_version && m->address ? 0 : -ENOMEM;
}

/* Takes the texts out of the facts. */
static int make_row(struct db *db, struct machine_facts *f, struct machine_row *ret)
{
	*ret = (struct machine_row){.machine_id = f->machine_id,
	    .name = f->name,
	    .installed = f->installed,
	    .presence_reason = f->presence_reason,
	    .presence_since = f->since,
	    .node_id = f->node_id,
	    .basis = f->basis,
	    .rule_id = f->rule_id,
	    .place_reason = f->reason,
	    .last_day = f->last_day,
	    .active = f->active,
	    .protected_now = f->protected_now};
	memcpy(ret->uid, f->uid, sizeof ret->uid);
	f->name = f->presence_reason = f->reason = NULL;
	return read_live(db, ret);
}

/* A machine whose node is no longer present belongs to the nearest one above, as in the figures. */
static bool covers(const struct scope *scope, const struct tree *t, const struct machine_facts *m)
{
	return scope_covers(scope, t, tree_nearest_present(t, m->node_id)->id);
}

int machine_get(struct db *db, const struct scope *scope, const char *uid, struct machine_row *ret)
{
	struct machine_row row;
	struct present p;
	int64_t id;
	int r = machine_find(db, uid, &id);
	if (r == 0)
		r = present_load(db, id, id, &p);
	if (r)
		return r;
	if (p.set->n == 0 || !covers(scope, p.tree, &p.set->m[0]))
		r = -ENOENT;
	if (r == 0) {
		r = make_row(db, &p.set->m[0], &row);
		if (r)
			machine_row_release(&row);
		else
			*ret = row;
	}
	present_release(&p);
	return r;
}

static bool in_state(const struct machine_facts *m, enum machine_filter_state state)
{
	switch (state) {
	case MACHINES_INSTALLED:
		return m->installed;
	case MACHINES_ACTIVE:
		return m->active;
	case MACHINES_SILENT:
		return m->installed && !m->active;
	case MACHINES_PROTECTED:
		return m->protected_now;
	case MACHINES_GONE:
		return !m->installed;
	default:
		return true;
	}
}

static bool on_node(const struct tree *t, const struct machine_facts *m, const struct machine_query *q)
{
	if (q->node_id == 0)
		return true;
	const struct node *n = tree_nearest_present(t, m->node_id);
	return q->node_only ? n->id == q->node_id : tree_below(n, q->node_id);
}

static bool fits(const struct machine_facts *m, const char *search_fold)
{
	return strstr(m->name_fold, search_fold) != NULL || strncmp(m->uid, search_fold, strlen(search_fold)) == 0;
}

static int compare_facts(const void *pa, const void *pb)
{
	const struct machine_facts *a = *(struct machine_facts *const *)pa, *b = *(struct machine_facts *const *)pb;
	int r = strcmp(a->name_fold, b->name_fold);
	return r ? r : strcmp(a->uid, b->uid);
}

static bool behind(const struct machine_facts *m, const struct machine_query *q)
{
	if (q->after_name_fold == NULL)
		return true;
	int r = strcmp(m->name_fold, q->after_name_fold);
	return r > 0 || (r == 0 && strcmp(m->uid, q->after_uid ? q->after_uid : "") > 0);
}

static int select_machines(const struct scope *scope, struct present *p, const struct machine_query *q,
    struct machine_facts ***ret, size_t *ret_n)
{
	char fold[4 * MAX_HOST_NAME + 1] = "";
	struct machine_facts **chosen = NULL;
	size_t n = 0, cap = 0;
	int r = q->search ? text_fold(fold, sizeof fold, q->search) : 0;
	for (size_t i = 0; i < p->set->n && r == 0; i++) {
		struct machine_facts *m = &p->set->m[i];
		if (!in_state(m, q->state) || !on_node(p->tree, m, q) || !fits(m, fold) || !covers(scope, p->tree, m))
			continue;
		r = array_room(&chosen, &cap, n, sizeof(struct machine_facts *));
		if (r == 0)
			chosen[n++] = m;
	}
	if (r) {
		free(chosen);
		return r;
	}
	if (n > 0)
		qsort(chosen, n, sizeof(struct machine_facts *), compare_facts);
	*ret = chosen;
	*ret_n = n;
	return 0;
}

static int make_page(
    struct db *db, struct machine_facts **chosen, size_t n, const struct machine_query *q, struct machine_page *page)
{
	size_t first = 0;
	int r = 0;
	while (first < n && !behind(chosen[first], q))
		first++;
	size_t count = n - first < q->limit ? n - first : q->limit;
	page->total = (int64_t)n;
	page->rows = calloc(count + 1, sizeof page->rows[0]);
	if (page->rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++)
		r = make_row(db, chosen[first + i], &page->rows[page->n++]);
	if (r == 0 && count > 0 && first + count < n) {
		const struct machine_facts *last = chosen[first + count - 1];
		snprintf(page->next_name_fold, sizeof page->next_name_fold, "%s", last->name_fold);
		memcpy(page->next_uid, last->uid, sizeof page->next_uid);
	}
	return r;
}

int machine_list(struct db *db, const struct scope *scope, const struct machine_query *q, struct machine_page *ret)
{
	struct machine_page page = {0};
	struct machine_facts **chosen;
	struct present p;
	size_t n;
	if (q->limit == 0 || q->limit > 1000)
		return -EINVAL;
	int r = present_load(db, 0, INT64_MAX, &p);
	if (r)
		return r;
	r = select_machines(scope, &p, q, &chosen, &n);
	if (r == 0) {
		r = make_page(db, chosen, n, q, &page);
		free(chosen);
	}
	present_release(&p);
	if (r)
		machine_page_release(&page);
	else
		*ret = page;
	return r;
}

static int check_scope(struct db *db, const struct scope *scope, const char *uid, int64_t *ret_id)
{
	struct machine_row m;
	int r = machine_get(db, scope, uid, &m);
	if (r)
		return r;
	*ret_id = m.machine_id;
	machine_row_release(&m);
	return 0;
}

int machine_history(struct db *db, const struct scope *scope, const char *uid,
    int (*fn)(void *arg, const struct machine_history *h), void *arg)
{
	struct db_rows *rows;
	int64_t id;
	int r = check_scope(db, scope, uid, &id);
	if (r)
		return r;
	r = db_query(db, &rows,
	    "select h.kind, h.rev, a.recorded_at, h.valid_from, h.valid_to, h.node_id, h.installed, h.said from ("
	    "select 'presence' as kind, 1 as turn, rev, valid_from, valid_to, 0 as node_id, installed, reason as said"
	    " from presence_fact where machine_id = $1 union all "
	    "select 'name', 2, rev, valid_from, valid_to, 0, 0, name from name_fact where machine_id = $1 union all "
	    "select 'place', 3, rev, valid_from, valid_to, node_id, 0, reason from place_fact where machine_id = $1"
	    ") h left join audit a on a.rev = h.rev order by h.rev, h.turn",
	    "i", id);
	while (r == 0 && db_next(rows)) {
		const struct machine_history h = {.kind = db_text(rows, 0),
		    .rev = db_i64(rows, 1),
		    .recorded_at = db_i64(rows, 2),
		    .valid_from = db_i64(rows, 3),
		    .valid_to = db_i64(rows, 4),
		    .node_id = db_i64(rows, 5),
		    .installed = db_i64(rows, 6) != 0,
		    .text = db_text(rows, 7)};
		r = fn(arg, &h);
	}
	int done = db_done(rows);
	return r ? r : done;
}
