/* What there is to say to a machine. */
#include "sync_int.h"

#include "anchor.h"
#include "clock.h"
#include "policy_store.h"

#include <stdlib.h>

int sync_policy(struct sync_job *j)
{
	struct policy p;
	if (j->was.policy_key == j->policy_key && j->now.heard_day == j->was.heard_day)
		return 0;
	int r = desk_policy(j->desk, j->db, j->caller.machine_id, &p);
	if (r)
		return r;
	j->now.policy_key = j->policy_key;
	j->now.interval_s = p.set[SETTING_SYNC_INTERVAL_S].value;
	policy_hash(&p, j->now.policy_hash);
	struct allow_list *allow;
	r = desk_allow(j->desk, j->db, j->caller.machine_id, &allow);
	if (r)
		return r;
	memcpy(j->now.allow_hash, allow->hash, sizeof j->now.allow_hash);
	free(allow);
	return 0;
}

int sync_allow_list(struct desk *d, struct db *db, int64_t machine_id, struct sync_down *down)
{
	struct allow_list *list;
	int r = desk_allow(d, db, machine_id, &list);
	if (r)
		return r;
	free(down->allow);
	down->allow = list;
	return 0;
}

static int take_policy(const struct policy *p, struct sync_down *down)
{
	char json[POLICY_JSON];
	policy_agent_json(p, json);
	char *copy = strdup(json);
	if (!copy)
		return -ENOMEM;
	free(down->policy_json);
	down->policy_json = copy;
	down->policy_version = p->version;
	policy_hash(p, down->policy_hash);
	return 0;
}

int sync_policy_text(struct desk *d, struct db *db, int64_t machine_id, struct sync_down *down)
{
	struct policy p;
	int r = desk_policy(d, db, machine_id, &p);
	return r ? r : take_policy(&p, down);
}

int sync_anchors(struct db *db, struct sync_down *down)
{
	struct anchors *a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	int r = anchor_load(db, a);
	if (r) {
		free(a);
		return r;
	}
	if (down->anchors)
		anchors_release(down->anchors);
	free(down->anchors);
	down->anchors = a;
	return 0;
}

static int mark_of(struct db *db, const id16 *id, struct sync_mark *ret)
{
	*ret = (struct sync_mark){.id = *id};
	int r = db_row(db, "select hwm, hwm_id from stream where id = $1", "b", id->b, (size_t)ID_BYTES, "ib",
	    &ret->hwm, ret->hwm_id, sizeof ret->hwm_id);
	return r == -ENOENT ? 0 : r;
}

int sync_streams(struct sync_job *j)
{
	struct sync_down *d = &j->ret->down;
	d->n_streams = j->up->n_streams;
	if (d->n_streams == 0)
		return 0;
	d->streams[0] = j->first_stream;
	d->streams[0].id = j->up->streams[0].id;
	int r = 0;
	for (size_t i = 1; i < d->n_streams && r == 0; i++)
		r = mark_of(j->db, &j->up->streams[i].id, &d->streams[i]);
	return r;
}

static bool has_task(const struct sync_down *d, int64_t id)
{
	for (size_t i = 0; i < d->n_tasks; i++)
		if (d->tasks[i].task.id == id)
			return true;
	return false;
}

static int take_task(struct db_rows *rows, struct sync_down *down)
{
	int64_t id = db_i64(rows, 0);
	if (has_task(down, id))
		return 0;
	char *args = strdup(db_text(rows, 3));
	if (!args)
		return -ENOMEM;
	down->tasks[down->n_tasks++] = (struct sync_task){
	    .task = {.id = id, .kind = (enum task_kind)db_i64(rows, 1), .expires_us = db_i64(rows, 2)}, .args = args};
	return 0;
}

int tasks_for(struct db *db, int64_t machine_id, int64_t seen, struct sync_down *down)
{
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select k.id, k.kind, k.expires_real, k.args from task_target t join task k on k.id = t.task_id"
	    " where t.machine_id = $1 and t.task_id > $2 and t.state <= 2 and k.expires_real > $3 order by t.task_id "
	    "limit $4",
	    "iiii", machine_id, seen, clock_real_us(), (int64_t)MAX_TASKS_ANSWER);
	while (r == 0 && down->n_tasks < MAX_TASKS_ANSWER && db_next(rows))
		r = take_task(rows, down);
	int done = db_done(rows);
	return r ? r : done;
}

/* A task is delivered when its agent says that it has taken it; one whose time is over is closed here. */
int sync_tasks(struct sync_job *j)
{
	int r = db_exec(j->db, NULL,
	    "update task_target set state = $3, delivered_at = $4 where machine_id = $1 and task_id <= $2 and state = "
	    "$5",
	    "iiiii", j->caller.machine_id, j->up->task_seen, (int64_t)TASK_DELIVERED, clock_business_us(),
	    (int64_t)TASK_WAITING);
	if (r == 0)
		r = db_exec(j->db, NULL,
		    "update task_target set state = $2, done_at = $3 where machine_id = $1 and state = $4 and task_id "
		    "in"
		    " (select k.id from task k join task_target t on t.task_id = k.id where t.machine_id = $1 and "
		    "t.state = $4"
		    " and k.expires_real <= $5)",
		    "iiiii", j->caller.machine_id, (int64_t)TASK_EXPIRED, clock_business_us(), (int64_t)TASK_WAITING,
		    clock_real_us());
	return r ? r : tasks_for(j->db, j->caller.machine_id, j->up->task_seen, &j->ret->down);
}
