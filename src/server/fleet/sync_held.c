/* Syncs that are held until there is something to say. */
#include "sync_int.h"

#include "desk.h"

#include <stdlib.h>

/* The list, if it is another one than the agent has. */
static int more_allow(struct desk *d, struct db *db, const struct sync_up *up, struct sync_taken *t)
{
	struct allow_list *list;
	if (!up->knows_allowances)
		return 0;
	int r = desk_allow(d, db, t->machine_id, &list);
	if (r)
		return r;
	free(t->down.allow);
	t->down.allow = NULL;
	if (strcmp(list->hash, up->allow_hash) != 0)
		t->down.allow = list;
	else
		free(list);
	return 0;
}

int sync_more(struct desk *d, struct db *db, const struct sync_up *up, struct sync_taken *t)
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
	if (r == 0)
		r = more_allow(d, db, up, t);
	if (r == 0 && version > up->anchors_version)
		r = sync_anchors(db, &t->down);
	return r ? r : tasks_for(db, t->machine_id, up->task_seen, &t->down);
}

int sync_watch_begin(struct db *db, struct sync_watch *ret)
{
	int r = pulse_now(db, &ret->beat);
	return r ? r : desk_last_word(db, &ret->rev);
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
