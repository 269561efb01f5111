#include "event_store.h"

#include "clock.h"
#include "identity_int.h"
#include "sync.h"
#include "task.h"

#include <stdlib.h>

struct batch_job {
	struct db *db;
	const struct agent_call *call;
	const struct event_batch *b;
	struct events_taken *ret;
	int64_t install_id, machine_id, status, not_after, branch_status;
	id16 branch;                             /* the current one */
	int64_t stream_num, stream_machine, hwm; /* stream_num 0: the centre has not heard of it */
	uint8_t hwm_id[8];
	size_t first_new; /* events before it are at or below the mark */
	bool gone;        /* what lies between the mark and `first` nobody has any more */
	int64_t at, pos;  /* received; the next position */
};

static int load(struct batch_job *j)
{
	return db_row(j->db,
	    "select c.install_id, i.machine_id, i.status, c.not_after, l.branch, b.status, s.num, s.machine_id, s.hwm, "
	    "s.hwm_id,"
	    " (select value from meta where key = 'epoch')"
	    " from cert c join install i on i.id = c.install_id join machine_live l on l.machine_id = i.machine_id"
	    " left join stream s on s.id = $2 left join branch b on b.id = $3 and b.install_id = c.install_id where "
	    "c.serial = $1",
	    "bbb", j->call->serial, j->call->serial_n, j->b->stream.b, (size_t)ID_BYTES, j->b->branch.b,
	    (size_t)ID_BYTES, "iiiibiiiibT", &j->install_id, &j->machine_id, &j->status, &j->not_after, j->branch.b,
	    (size_t)ID_BYTES, &j->branch_status, &j->stream_num, &j->stream_machine, &j->hwm, j->hwm_id,
	    sizeof j->hwm_id, j->ret->epoch, sizeof j->ret->epoch);
}

/* Who may send into this stream. Who is who is decided by syncs alone. */
static enum verdict standing(const struct batch_job *j)
{
	if (j->status == INSTALL_SUPERSEDED)
		return VERDICT_SYNC_FIRST;
	if (j->status != INSTALL_VALID)
		return VERDICT_REVOKED;
	if (j->not_after < clock_real_us())
		return VERDICT_EXPIRED;
	if (memcmp(&j->branch, &j->b->branch, sizeof j->branch) != 0)
		return j->branch_status == BRANCH_TOLD ? VERDICT_CLONE : VERDICT_SYNC_FIRST;
	if (j->stream_num && j->stream_machine != j->machine_id)
		return VERDICT_STREAM;
	return VERDICT_OK;
}

/* The id of the event at that place; -ENOENT. */
static int id_at(struct db *db, int64_t stream_num, int64_t seq, uint8_t ret[8])
{
	return db_row(db,
	    "select event_id from detection where stream_num = $1 and seq = $2 union all"
	    " select event_id from event where stream_num = $1 and seq = $2 union all"
	    " select event_id from event_again where stream_num = $1 and seq = $2",
	    "ii", stream_num, seq, "b", ret, (size_t)8);
}

/* A batch that reaches the mark must have the mark's event there; one that ends below it, the event that is stored. */
static int check_overlap(struct batch_job *j, enum verdict *ret)
{
	int64_t last = j->b->first + (int64_t)j->b->n - 1;
	uint8_t id[8];
	int r = 0;
	if (j->b->first == j->hwm + 1)
		memcpy(id, j->b->prev_id, sizeof id);
	else if (last >= j->hwm)
		memcpy(id, j->b->events[j->hwm - j->b->first].id, sizeof id);
	else
		r = id_at(j->db, j->stream_num, last, id);
	if (r == -ENOENT) /* a stretch that was missing once: nothing to compare */
		return 0;
	const uint8_t *mine = last < j->hwm ? j->b->events[j->b->n - 1].id : j->hwm_id;
	if (r == 0 && memcmp(id, mine, sizeof id) != 0)
		*ret = VERDICT_FORK;
	return r;
}

/* Where the batch stands to the mark. */
static int place(struct batch_job *j, enum verdict *ret)
{
	int64_t first = j->b->first, n = (int64_t)j->b->n;
	if (first > j->hwm + 1) {
		j->gone = j->b->floor > j->hwm + 1 && first == j->b->floor;
		if (!j->gone)
			*ret = VERDICT_GAP;
		return 0;
	}
	int64_t known = j->hwm + 1 - first;
	j->first_new = (size_t)(known < n ? known : n);
	return check_overlap(j, ret);
}

static int move_mark(struct batch_job *j)
{
	int64_t hwm = j->b->first + (int64_t)j->b->n - 1;
	const uint8_t *id = j->b->events[j->b->n - 1].id;
	int r;
	if (j->stream_num)
		r = db_exec(j->db, NULL, "update stream set hwm = $2, hwm_id = $3 where num = $1", "iib", j->stream_num,
		    hwm, id, (size_t)8);
	else
		r = db_row(j->db,
		    "insert into stream(id, machine_id, install_id, hwm, hwm_id, opened_at) values ($1, $2, $3, $4, "
		    "$5, $6) returning num",
		    "biiibi", j->b->stream.b, (size_t)ID_BYTES, j->machine_id, j->install_id, hwm, id, (size_t)8, j->at,
		    "i", &j->stream_num);
	if (r == 0) {
		j->hwm = hwm;
		memcpy(j->hwm_id, id, sizeof j->hwm_id);
	}
	return r;
}

static int store_detection(struct batch_job *j, const struct event *e)
{
	const struct detection *d = &e->detection;
	return db_exec(j->db, NULL,
	    "insert into detection(pos, stream_num, seq, event_id, at, received_at, engine, name, type, path_form, "
	    "path,"
	    " path_display, md5, sha256, device, action, request)"
	    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
	    "iiibiitttibtbbiit", j->pos, j->stream_num, e->seq, e->id, (size_t)8, e->at_us, j->at, d->engine, d->name,
	    d->type, (int64_t)d->path.form, d->path.raw, d->path.n, d->path.display, d->has_md5 ? d->md5 : NULL,
	    (size_t)MD5_BYTES, d->has_sha256 ? d->sha256 : NULL, (size_t)SHA256_BYTES, (int64_t)d->device,
	    (int64_t)d->action, j->call->request);
}

static int store_other(
    struct batch_job *j, int64_t seq, const uint8_t id[8], int64_t at, enum event_kind kind, const char *body)
{
	return db_exec(j->db, NULL,
	    "insert into event(pos, stream_num, seq, event_id, at, received_at, kind, body, request)"
	    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	    "iiibiiitt", j->pos, j->stream_num, seq, id, (size_t)8, at, j->at, (int64_t)kind, body, j->call->request);
}

/* A result that comes late counts still: it says what was done. One for another machine's task says nothing. */
static int task_result(struct batch_job *j, const struct event *e)
{
	return db_exec(j->db, NULL,
	    "update task_target set state = $3, done_at = $4, result = $5 where machine_id = $1 and task_id = $2 and "
	    "state not in ($6, $7)",
	    "iiiitii", j->machine_id, e->task_id, (int64_t)(e->task_ok ? TASK_DONE : TASK_FAILED), j->at, e->body,
	    (int64_t)TASK_DONE, (int64_t)TASK_FAILED);
}

static int store_event(struct batch_job *j, const struct event *e)
{
	int r = e->kind == EVENT_DETECTION ? store_detection(j, e)
	                                   : store_other(j, e->seq, e->id, e->at_us, e->kind, e->body);
	if (r == 0 && e->kind == EVENT_TASK_RESULT)
		r = task_result(j, e);
	j->pos++;
	j->ret->stored++;
	return r;
}

/* Stored already, where its agent had it before? */
static int stored_before(struct batch_job *j, const struct event *e, bool *ret)
{
	uint8_t id[8];
	int64_t num, machine_id;
	*ret = false;
	if (e->was.seq == 0)
		return 0;
	int r = db_row(j->db, "select num, machine_id from stream where id = $1", "b", e->was.stream.b,
	    (size_t)ID_BYTES, "ii", &num, &machine_id);
	if (r == 0 && machine_id == j->machine_id)
		r = id_at(j->db, num, e->was.seq, id);
	if (r == 0 && machine_id == j->machine_id)
		*ret = memcmp(id, e->id, sizeof id) == 0;
	return r == -ENOENT ? 0 : r;
}

static int note_again(struct batch_job *j, const struct event *e)
{
	j->ret->repeated++;
	return db_exec(j->db, NULL, "insert into event_again(stream_num, seq, event_id) values ($1, $2, $3)", "iib",
	    j->stream_num, e->seq, e->id, (size_t)8);
}

static int note_missing(struct batch_job *j, int64_t from)
{
	char body[96];
	snprintf(body, sizeof body, "{\"from\":%lld,\"to\":%lld}", (long long)from, (long long)j->b->first - 1);
	return store_other(j, j->b->first - 1, j->b->prev_id, j->at, EVENT_EVENTS_MISSING, body);
}

static int store_new(struct batch_job *j)
{
	bool again[MAX_BATCH_EVENTS] = {false};
	int64_t mark = j->hwm, fresh = j->gone;
	int r = 0;
	for (size_t i = j->first_new; i < j->b->n && r == 0; i++) {
		r = stored_before(j, &j->b->events[i], &again[i]);
		fresh += !again[i];
	}
	if (r == 0)
		r = move_mark(j);
	if (r == 0 && fresh)
		r = export_positions(j->db, fresh, &j->pos);
	if (r == 0 && j->gone) {
		r = note_missing(j, mark + 1);
		j->pos++;
	}
	for (size_t i = j->first_new; i < j->b->n && r == 0; i++)
		r = again[i] ? note_again(j, &j->b->events[i]) : store_event(j, &j->b->events[i]);
	return r;
}

int events_take(struct db *db, const struct agent_call *c, const struct event_batch *b, struct events_taken *ret)
{
	struct batch_job j = {.db = db, .call = c, .b = b, .ret = ret, .at = clock_business_us()};
	*ret = (struct events_taken){.verdict = VERDICT_REVOKED};
	if (b->n == 0 || b->n > MAX_BATCH_EVENTS || b->first < 1 || b->first > INT64_MAX / 2)
		return -EINVAL;
	int r = load(&j);
	if (r)
		return r == -ENOENT ? 0 : r;
	enum verdict verdict = standing(&j);
	if (verdict == VERDICT_OK)
		r = place(&j, &verdict);
	if (r == 0 && verdict == VERDICT_OK)
		ret->repeated = (int64_t)j.first_new;
	if (r == 0 && verdict == VERDICT_OK && j.first_new < b->n)
		r = store_new(&j);
	if (r)
		return r;
	ret->verdict = verdict;
	ret->hwm = j.hwm;
	memcpy(ret->hwm_id, j.hwm_id, sizeof ret->hwm_id);
	return 0;
}
