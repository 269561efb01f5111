#include "machine_set.h"
#include "array.h"
#include "day.h"
#include "moment.h"
#include "state.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>

static void release_facts(struct machine_facts *m)
{
	free(m->presence_reason);
	free(m->name);
	free(m->name_fold);
	free(m->reason);
}

void machine_set_free(struct machine_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		release_facts(&s->m[i]);
	free(s->m);
	free(s);
}

static int replace_text(char **text, const char *by)
{
	char *copy = strdup(by);
	if (copy == NULL)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

struct loading {
	struct machine_set *set;
	size_t cap;
	size_t next; /* rows come by machine_id: where the search goes on */
	unsigned what;
};

static int take_machine(struct loading *l, struct db_rows *rows)
{
	struct machine_set *s = l->set;
	int r = array_room(&s->m, &l->cap, s->n, sizeof s->m[0]);
	if (r)
		return r;
	struct machine_facts *m = &s->m[s->n];
	*m = (struct machine_facts){
	    .machine_id = db_i64(rows, 0), .node_id = NODE_PROVINCE, .basis = PLACE_PROVINCE, .last_day = -1};
	r = str_copy(m->uid, sizeof m->uid, db_text(rows, 1));
	s->n++;
	if (r == 0 && l->what & SET_TEXTS) {
		m->presence_reason = strdup("");
		m->name = strdup("");
		m->name_fold = strdup("");
		m->reason = strdup("");
		if (!m->presence_reason || !m->name || !m->name_fold || !m->reason)
			r = -ENOMEM;
	}
	return r;
}

static struct machine_facts *find(struct loading *l, int64_t machine_id)
{
	struct machine_set *s = l->set;
	while (l->next < s->n && s->m[l->next].machine_id < machine_id)
		l->next++;
	return l->next < s->n && s->m[l->next].machine_id == machine_id ? &s->m[l->next] : NULL;
}

/* The last word about a machine wins: rows come by rev. */
static int take_presence(struct loading *l, struct db_rows *rows)
{
	struct machine_facts *m = find(l, db_i64(rows, 0));
	if (m == NULL)
		return 0;
	m->installed = db_i64(rows, 1) != 0;
	m->since = db_i64(rows, 2);
	return l->what & SET_TEXTS ? replace_text(&m->presence_reason, db_text(rows, 3)) : 0;
}

static int take_place(struct loading *l, struct db_rows *rows)
{
	struct machine_facts *m = find(l, db_i64(rows, 0));
	if (m == NULL)
		return 0;
	m->node_id = db_i64(rows, 1);
	m->basis = (enum place_basis)db_i64(rows, 2);
	m->rule_id = db_i64(rows, 3);
	return l->what & SET_TEXTS ? replace_text(&m->reason, db_text(rows, 4)) : 0;
}

static int take_name(struct loading *l, struct db_rows *rows)
{
	struct machine_facts *m = find(l, db_i64(rows, 0));
	if (m == NULL)
		return 0;
	int r = replace_text(&m->name, db_text(rows, 1));
	return r ? r : replace_text(&m->name_fold, db_text(rows, 2));
}

static int take_heard(struct loading *l, struct db_rows *rows)
{
	struct machine_facts *m = find(l, db_i64(rows, 0));
	if (m != NULL && !db_null(rows, 1))
		m->last_day = (int32_t)db_i64(rows, 1);
	return 0;
}

static int take_protection(struct loading *l, struct db_rows *rows)
{
	struct machine_facts *m = find(l, db_i64(rows, 0));
	if (m != NULL)
		m->protection = (struct protection){.seen = true,
		    .engine_ready = db_i64(rows, 1) == 1,
		    .on_access = db_i64(rows, 2) == TRI_YES,
		    .signature_day = (int32_t)db_i64(rows, 3),
		    .other_on = db_i64(rows, 4) == TRI_YES,
		    .other_signature_day = (int32_t)db_i64(rows, 5)};
	return 0;
}

/* Ends a query over machines: each row to `take`, in the order of machine_id. */
static int each(struct loading *l, int opened, struct db_rows *rows, int (*take)(struct loading *, struct db_rows *))
{
	int r = opened;
	l->next = 0;
	while (r == 0 && db_next(rows))
		r = take(l, rows);
	int done = db_done(rows);
	return r ? r : done;
}

static int load_facts(struct db *db, const struct as_of *at, int64_t first, int64_t last, struct loading *l)
{
	struct db_rows *rows;
	int r = db_query(
	    db, &rows, "select id, uid from machine where id between $1 and $2 order by id", "ii", first, last);
	r = each(l, r, rows, take_machine);
	if (r)
		return r;
	r = db_query(db, &rows,
	    "select machine_id, installed, valid_from, reason from presence_fact where machine_id between $1 and $2"
	    " and rev <= $3 and valid_from <= $4 and $4 < valid_to order by machine_id, rev",
	    "iiii", first, last, at->rev, at->at);
	r = each(l, r, rows, take_presence);
	if (r)
		return r;
	r = db_query(db, &rows,
	    "select machine_id, node_id, basis, rule_id, reason from place_fact where machine_id between $1 and $2"
	    " and rev <= $3 and valid_from <= $4 and $4 < valid_to order by machine_id, rev",
	    "iiii", first, last, at->rev, at->at);
	r = each(l, r, rows, take_place);
	if (r || (l->what & SET_TEXTS) == 0)
		return r;
	r = db_query(db, &rows,
	    "select machine_id, name, name_fold from name_fact where machine_id between $1 and $2"
	    " and rev <= $3 and valid_from <= $4 and $4 < valid_to order by machine_id, rev",
	    "iiii", first, last, at->rev, at->at);
	return each(l, r, rows, take_name);
}

/* One step into the index for each machine: these two tables grow by the day. */
static int load_observations(struct db *db, const struct as_of *at, int64_t first, int64_t last, struct loading *l)
{
	struct db_rows *rows;
	int64_t until = moment_seen_until(at);
	int r = db_query(db, &rows,
	    "select m.id, (select h.day from heard_day h where h.machine_id = m.id and h.day <= $3 and h.first_at <= $4"
	    " order by h.day desc limit 1) from machine m where m.id between $1 and $2 order by m.id",
	    "iiii", first, last, (int64_t)day_of(until), until);
	r = each(l, r, rows, take_heard);
	if (r)
		return r;
	r = db_query(db, &rows,
	    "select p.machine_id, p.engine_ready, p.on_access, p.signature_day, p.other_on, p.other_signature_day"
	    " from machine m join protection_seen p on p.machine_id = m.id and p.at = (select q.at from "
	    "protection_seen q"
	    " where q.machine_id = m.id and q.at <= $3 order by q.at desc limit 1)"
	    " where m.id between $1 and $2 order by m.id",
	    "iii", first, last, until);
	return each(l, r, rows, take_protection);
}

int machine_set_load(
    struct db *db, const struct as_of *at, int64_t first, int64_t last, unsigned what, struct machine_set **ret)
{
	struct machine_set *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	struct loading l = {.set = s, .what = what};
	int r = load_facts(db, at, first, last, &l);
	if (r == 0 && what & SET_OBSERVATIONS)
		r = load_observations(db, at, first, last, &l);
	if (r)
		machine_set_free(s);
	else
		*ret = s;
	return r;
}

/* A day in the future is no proof of freshness, but vendors date by UTC and ahead: one day is let pass. */
static bool current(int32_t signature_day, int32_t day)
{
	return signature_day > 0 && signature_day >= day - SIGNATURE_DAYS && signature_day <= day + 1;
}

static bool is_protected(const struct protection *p, int32_t day)
{
	if (!p->seen)
		return false;
	return (p->engine_ready && p->on_access && current(p->signature_day, day)) ||
	       (p->other_on && current(p->other_signature_day, day));
}

void machine_set_judge(struct machine_set *s, const struct policy_table *p, const struct as_of *at)
{
	int32_t day = day_of(at->at);
	struct policy effective = {0};
	int64_t asked = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct machine_facts *m = &s->m[i];
		/* neighbours mostly hang on the same node */
		if (m->node_id != asked)
			policy_effective(p, asked = m->node_id, &effective);
		m->active = m->installed && m->last_day >= 0 &&
		            m->last_day > day - effective.set[SETTING_ACTIVE_DAYS].value;
		m->protected_now = m->active && is_protected(&m->protection, day);
	}
}
