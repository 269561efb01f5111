/* Syncs that are held until there is something to say. */
#include "sync_int.h"

#include "policy_store.h"
#include "unit.h"

#include "clock.h"

#include <pthread.h>
#include <stdlib.h>

struct sync_desk {
	pthread_mutex_t lock;
	int64_t rev;      /* the last word on tree or policy that is loaded; -1: nothing is */
	int64_t until_us; /* business time: a statement may begin or end by itself */
	struct tree *tree;
	struct policy_table *policy;
};

/* Statements can begin and end by themselves; so old a copy is good enough. */
enum { DESK_KEEPS_S = 60 };

int sync_desk_new(struct sync_desk **ret)
{
	struct sync_desk *d = calloc(1, sizeof *d);
	if (!d)
		return -ENOMEM;
	pthread_mutex_init(&d->lock, NULL);
	d->rev = -1;
	*ret = d;
	return 0;
}

static void forget(struct sync_desk *d)
{
	policy_table_free(d->policy);
	tree_free(d->tree);
	d->policy = NULL;
	d->tree = NULL;
	d->rev = -1;
}

void sync_desk_free(struct sync_desk *d)
{
	if (!d)
		return;
	forget(d);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int last_word(struct db *db, int64_t *ret)
{
	int64_t policy, tree;
	int r = db_row(db, "select (select max(rev) from policy_fact), (select max(rev) from node_fact)", "", "ii",
	    &policy, &tree);
	if (r == 0)
		*ret = policy > tree ? policy : tree;
	return r;
}

/* Under the lock. A read transaction may still see an older revision than the one that is loaded: it loads its own. */
static int refresh(struct sync_desk *d, struct db *db)
{
	int64_t rev, now = clock_business_us();
	int r = last_word(db, &rev);
	if (r || (rev == d->rev && now < d->until_us && now >= d->until_us - DESK_KEEPS_S * US_PER_S))
		return r;
	forget(d);
	const struct as_of at = {.at = now, .rev = INT64_MAX, .known_at = TIME_END};
	r = tree_load(db, &at, &d->tree);
	if (r == 0)
		r = policy_table_load(db, &at, d->tree, &d->policy);
	if (r) {
		forget(d);
		return r;
	}
	d->rev = rev;
	d->until_us = now + DESK_KEEPS_S * US_PER_S;
	return 0;
}

int desk_policy(struct sync_desk *d, struct db *db, int64_t machine_id, struct policy *ret)
{
	int64_t node_id;
	int r = machine_node(db, machine_id, &node_id);
	if (r)
		return r;
	pthread_mutex_lock(&d->lock);
	r = refresh(d, db);
	if (r == 0)
		policy_effective(d->policy, node_id, ret);
	pthread_mutex_unlock(&d->lock);
	return r;
}

int sync_more(struct sync_desk *d, struct db *db, const struct sync_up *up, struct sync_taken *t)
{
	struct policy p;
	char hash[POLICY_HASH_TEXT];
	int64_t status, machine_id, version;
	int r = db_row(db,
	    "select i.status, i.machine_id, (select n from pulse where id = 1), (select max(version) from anchor)"
	    " from install i where i.id = $1",
	    "i", t->install_id, "iiii", &status, &machine_id, &t->beat, &version);
	if (r == 0 && (status == INSTALL_REVOKED || status == INSTALL_REFUSED)) {
		t->verdict = VERDICT_REVOKED;
		return 0;
	}
	/* superseded, or found to be another machine: what that means for it is the next sync's to say */
	if (r == 0 && (status != INSTALL_VALID || machine_id != t->machine_id)) {
		t->answer_now = true;
		return 0;
	}
	if (r == 0)
		r = desk_policy(d, db, t->machine_id, &p);
	if (r)
		return r;
	policy_hash(&p, hash);
	t->interval_s = p.set[SETTING_SYNC_INTERVAL_S].value;
	if (strcmp(hash, up->policy_hash) != 0)
		r = sync_policy_text(d, db, t->machine_id, &t->down);
	if (r == 0 && version > up->anchors_version)
		r = sync_anchors(db, &t->down);
	return r ? r : tasks_for(db, t->machine_id, up->task_seen, &t->down);
}

int sync_watch_begin(struct db *db, struct sync_watch *ret)
{
	int r = pulse_now(db, &ret->beat);
	return r ? r : last_word(db, &ret->rev);
}

int sync_watch_news(
    struct db *db, struct sync_watch *w, bool *ret_everyone, void (*fn)(void *arg, int64_t machine_id), void *arg)
{
	struct sync_watch now;
	struct db_rows *rows = NULL;
	int64_t anchors;
	int r = sync_watch_begin(db, &now);
	if (r == 0)
		r = db_row(db, "select count(*) from anchor where changed_beat > $1", "i", w->beat, "i", &anchors);
	if (r == 0)
		r = db_query(db, &rows,
		    "select machine_id from task_target where changed_beat > $1 union select machine_id from install "
		    "where changed_beat > $1",
		    "i", w->beat);
	while (r == 0 && db_next(rows))
		fn(arg, db_i64(rows, 0));
	int done = db_done(rows);
	r = r ? r : done;
	if (r)
		return r;
	*ret_everyone = anchors > 0 || now.rev != w->rev;
	*w = now;
	return 0;
}
