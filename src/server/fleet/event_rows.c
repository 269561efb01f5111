#include "event_int.h"

#include "task.h"

int event_place(struct db *db, int64_t stream_num, int64_t seq, const uint8_t id[8], enum place *ret)
{
	struct db_rows *rows;
	enum place place = PLACE_EMPTY;
	int r = db_query(db, &rows,
	    "select event_id from detection where stream_num = $1 and seq = $2 union all"
	    " select event_id from event where stream_num = $1 and seq = $2 union all"
	    " select event_id from event_again where stream_num = $1 and seq = $2",
	    "ii", stream_num, seq);
	while (r == 0 && place != PLACE_THIS && db_next(rows)) {
		size_t n;
		const void *p = db_blob(rows, 0, &n);
		place = n == 8 && memcmp(p, id, 8) == 0 ? PLACE_THIS : PLACE_ANOTHER;
	}
	int done = db_done(rows);
	*ret = place;
	return r ? r : done;
}

static int move_mark(struct batch_job *j)
{
	int64_t hwm = j->b->first + (int64_t)j->b->n - 1;
	const uint8_t *id = j->b->events[j->b->n - 1].id;
	int r;
	if (j->stream_num)
		r = db_send(j->db, "update stream set hwm = $2, hwm_id = $3 where num = $1", "iib", j->stream_num, hwm,
		    id, (size_t)8);
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
	return db_send(j->db,
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
	return db_send(j->db,
	    "insert into event(pos, stream_num, seq, event_id, at, received_at, kind, body, request)"
	    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	    "iiibiiitt", j->pos, j->stream_num, seq, id, (size_t)8, at, j->at, (int64_t)kind, body, j->call->request);
}

/* A result that comes late counts still: it says what was done. One for another machine's task says nothing. */
static int task_result(struct batch_job *j, const struct event *e)
{
	if (e->task_ok && e->task_started)
		return db_exec(j->db, NULL,
		    "update task_target set state = $3, result = $4,"
		    " delivered_at = case when delivered_at = 0 then $5 else delivered_at end"
		    " where machine_id = $1 and task_id = $2 and state in ($6, $7)",
		    "iiitiii", j->machine_id, e->task_id, (int64_t)TASK_RUNNING, e->body, j->at, (int64_t)TASK_WAITING,
		    (int64_t)TASK_DELIVERED);
	return db_exec(j->db, NULL,
	    "update task_target set state = $3, done_at = $4, result = $5,"
	    " delivered_at = case when delivered_at = 0 then $4 else delivered_at end"
	    " where machine_id = $1 and task_id = $2 and state not in ($6, $7)",
	    "iiiitii", j->machine_id, e->task_id, (int64_t)(e->task_ok ? TASK_DONE : TASK_FAILED), j->at, e->body,
	    (int64_t)TASK_DONE, (int64_t)TASK_FAILED);
}

int task_ended(struct batch_job *j, int64_t task_id, bool ok, const char *body)
{
	return db_exec(j->db, NULL,
	    "update task_target set state = $3, done_at = $4, result = $5 where machine_id = $1 and task_id = $2 and "
	    "state "
	    "= $6",
	    "iiiiti", j->machine_id, task_id, (int64_t)(ok ? TASK_DONE : TASK_FAILED), j->at, body,
	    (int64_t)TASK_RUNNING);
}

static int settle_kind(struct batch_job *j, const struct event *e)
{
	switch (e->kind) {
	case EVENT_DETECTION:
		return quarantine_found(j, e);
	case EVENT_TASK_RESULT:
		return task_result(j, e);
	case EVENT_QUARANTINE:
		return quarantine_changed(j, e);
	case EVENT_SCAN:
		return scan_ended(j, e);
	default:
		return 0;
	}
}

static int store_event(struct batch_job *j, const struct event *e)
{
	int r = e->kind == EVENT_DETECTION ? store_detection(j, e)
	                                   : store_other(j, e->seq, e->id, e->at_us, e->kind, e->body);
	if (r == 0)
		r = settle_kind(j, e);
	j->pos++;
	j->ret->stored++;
	return r;
}

/* What is to be done with an event of the batch. */
enum fate { FATE_STORE, FATE_STORE_MOVED, FATE_AGAIN, FATE_KNOWN_ELSEWHERE };

struct sorting {
	enum fate fate[MAX_BATCH_EVENTS];
	int64_t first_stream[MAX_BATCH_EVENTS]; /* where it stood first; of those that moved */
};

/* A stream that the centre knows by name only (its events came under another) is there as well: its places are kept. */
static int stream_number(struct batch_job *j, const id16 *id, int64_t *ret_num, int64_t *ret_machine)
{
	static const uint8_t no_id[8];
	int r = db_row(j->db, "select num, machine_id from stream where id = $1", "b", id->b, (size_t)ID_BYTES, "ii",
	    ret_num, ret_machine);
	if (r != -ENOENT)
		return r;
	*ret_machine = j->machine_id;
	return db_row(j->db,
	    "insert into stream(id, machine_id, install_id, hwm, hwm_id, opened_at) values ($1, $2, $3, 0, $4, $5) "
	    "returning num",
	    "biibi", id->b, (size_t)ID_BYTES, j->machine_id, j->install_id, no_id, sizeof no_id, j->at, "i", ret_num);
}

/* An event that has moved is known by where it stood first; one that comes to its first place after all may be stored
 * under the stream that it had moved to. */
static int sort_event(struct batch_job *j, size_t i, struct sorting *s)
{
	const struct event *e = &j->b->events[i];
	enum place place;
	int64_t num, machine_id;
	int r = 0;
	s->fate[i] = FATE_STORE;
	if (j->elsewhere) {
		r = event_place(j->db, j->stream_num, e->seq, e->id, &place);
		if (r == 0 && place == PLACE_THIS)
			s->fate[i] = FATE_KNOWN_ELSEWHERE;
	}
	if (r || e->was.seq <= 0 || s->fate[i] != FATE_STORE)
		return r;
	r = stream_number(j, &e->was.stream, &num, &machine_id);
	if (r || machine_id != j->machine_id)
		return r;
	s->first_stream[i] = num;
	r = event_place(j->db, num, e->was.seq, e->id, &place);
	s->fate[i] = place == PLACE_THIS ? FATE_AGAIN : FATE_STORE_MOVED;
	return r;
}

static int note_place(struct batch_job *j, int64_t stream_num, int64_t seq, const uint8_t id[8])
{
	return db_send(j->db,
	    "insert into event_again(stream_num, seq, event_id) values ($1, $2, $3) on conflict(stream_num, seq) do "
	    "nothing",
	    "iib", stream_num, seq, id, (size_t)8);
}

static int settle_event(struct batch_job *j, size_t i, const struct sorting *s)
{
	const struct event *e = &j->b->events[i];
	if (s->fate[i] == FATE_AGAIN || s->fate[i] == FATE_KNOWN_ELSEWHERE)
		j->ret->repeated++;
	if (s->fate[i] == FATE_KNOWN_ELSEWHERE)
		return 0;
	if (s->fate[i] == FATE_AGAIN)
		return note_place(j, j->stream_num, e->seq, e->id);
	int r = store_event(j, e);
	return r || s->fate[i] == FATE_STORE ? r : note_place(j, s->first_stream[i], e->was.seq, e->id);
}

static int note_missing(struct batch_job *j, int64_t from)
{
	char body[96];
	snprintf(body, sizeof body, "{\"from\":%lld,\"to\":%lld}", (long long)from, (long long)j->b->first - 1);
	int r = store_other(j, j->b->first - 1, j->b->prev_id, j->at, EVENT_EVENTS_MISSING, body);
	j->pos++;
	return r;
}

int events_store(struct batch_job *j)
{
	struct sorting s;
	int64_t mark = j->hwm, fresh = j->gone;
	int r = 0;
	for (size_t i = j->first_new; i < j->b->n && r == 0; i++) {
		r = sort_event(j, i, &s);
		fresh += s.fate[i] == FATE_STORE || s.fate[i] == FATE_STORE_MOVED;
	}
	if (r == 0)
		r = move_mark(j);
	if (r == 0 && fresh)
		r = export_positions(j->db, fresh, &j->pos);
	if (r == 0 && j->gone)
		r = note_missing(j, mark + 1);
	for (size_t i = j->first_new; i < j->b->n && r == 0; i++)
		r = settle_event(j, i, &s);
	return r;
}
