/* Events that speak of a quarantine. */
#include "event_int.h"

#include "clock.h"
#include "machine.h"
#include "quarantine_store.h"
#include "task_store.h"
#include "unit.h"

/* An order that is in force is taken to the machine of this find: what was made for a content "wherever it stands"
 * means the machines too whose word comes only now, of what they took before the order. What is taken later is not
 * meant: giving back again and again what is found again and again would be a circle. */
struct standing {
	int64_t task_id, node_id;
};
enum { MAX_STANDING = 64 };

static int read_standing(struct db *db, const struct event *e, struct standing v[MAX_STANDING], size_t *ret_n)
{
	struct db_rows *rows;
	size_t n = 0;
	int r = db_query(db, &rows,
	    "select id, node_id from task where sha256 = $1 and node_id > 0 and cancelled = 0 and created_real >= $2"
	    " and expires_real > $3 order by id limit $4",
	    "biii", e->detection.sha256, (size_t)SHA256_BYTES, e->at_us, clock_real_us(), (int64_t)MAX_STANDING);
	for (; r == 0 && n < MAX_STANDING && db_next(rows); n++)
		v[n] = (struct standing){db_i64(rows, 0), db_i64(rows, 1)};
	int done = db_done(rows);
	*ret_n = n;
	return r ? r : done;
}

static int join(struct batch_job *j, const struct standing *v, size_t n)
{
	int64_t node_id, beat;
	struct tree *t;
	int r = machine_node(j->db, j->machine_id, &node_id);
	if (r == 0)
		r = tree_load_now(j->db, &t);
	if (r)
		return r;
	const struct node *here = tree_node(t, node_id);
	for (size_t i = 0; i < n && here && r == 0; i++) {
		if (!tree_below(here, v[i].node_id))
			continue;
		r = store_beat(j->db);
		if (r == 0)
			r = pulse_now(j->db, &beat);
		if (r == 0)
			r = task_add_target(j->db, v[i].task_id, j->machine_id, beat, NULL);
	}
	tree_free(t);
	return r;
}

static int join_standing(struct batch_job *j, const struct event *e)
{
	struct standing v[MAX_STANDING];
	size_t n;
	int r = read_standing(j->db, e, v, &n);
	return r || n == 0 ? r : join(j, v, n);
}

int quarantine_found(struct batch_job *j, const struct event *e)
{
	const struct detection *d = &e->detection;
	int64_t added = 0;
	if (d->action != ACTION_QUARANTINED || !d->has_item || !d->has_sha256)
		return 0;
	int r = db_exec(j->db, &added,
	    "insert into quarantine_item(machine_id, item, install_id, state, sha256, name, path_form, path, "
	    "path_display,"
	    " taken_at, changed_at, why, task_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', 0)"
	    " on conflict(machine_id, item) do nothing",
	    "ibiibtibtii", j->machine_id, d->item.b, (size_t)ID_BYTES, j->install_id, (int64_t)ITEM_STANDS, d->sha256,
	    (size_t)SHA256_BYTES, d->name, (int64_t)d->path.form, d->path.raw, d->path.n, d->path.display, e->at_us,
	    j->at);
	return r || !added ? r : join_standing(j, e);
}

int quarantine_changed(struct batch_job *j, const struct event *e)
{
	static const enum quarantine_state states[QUARANTINE_CHANGE_END] = {
	    [QUARANTINE_RESTORED] = ITEM_WAS_RESTORED,
	    [QUARANTINE_DELETED] = ITEM_WAS_DELETED,
	    [QUARANTINE_FAILED] = ITEM_STANDS,
	};
	const struct quarantine_event *q = &e->quarantine;
	/* an item that the centre never heard of was in a stretch of events that is missing */
	int r = db_exec(j->db, NULL,
	    "insert into quarantine_item(machine_id, item, install_id, state, sha256, name, path_form, path, "
	    "path_display,"
	    " taken_at, changed_at, why, task_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
	    " on conflict(machine_id, item) do update set changed_at = excluded.changed_at, why = excluded.why,"
	    " task_id = excluded.task_id, state ="
	    " case when quarantine_item.state = 1 then excluded.state else quarantine_item.state end",
	    "ibiibtibtiiti", j->machine_id, q->item.b, (size_t)ID_BYTES, j->install_id, (int64_t)states[q->change],
	    q->sha256, (size_t)SHA256_BYTES, q->name, (int64_t)q->path.form, q->path.raw, q->path.n, q->path.display,
	    e->at_us, j->at, q->why, q->task_id);
	return r || !q->task_id ? r : task_ended(j, q->task_id, q->change != QUARANTINE_FAILED, e->body);
}

int scan_ended(struct batch_job *j, const struct event *e)
{
	return e->scan.task_id ? task_ended(j, e->scan.task_id, e->scan.end == SCAN_ENDED_WELL, e->body) : 0;
}
