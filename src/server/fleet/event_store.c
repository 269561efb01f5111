#include "event_int.h"

#include "clock.h"

static int load(struct batch_job *j)
{
	return db_row(j->db,
	    "select c.install_id, i.machine_id, i.status, c.not_after, l.branch, b.status, s.num, s.machine_id, s.hwm, "
	    "s.hwm_id,"
	    " (select value from meta where key = 'epoch'),"
	    " (select count(*) from event_again g where g.stream_num = s.num and g.seq > s.hwm)"
	    " from cert c join install i on i.id = c.install_id join machine_live l on l.machine_id = i.machine_id"
	    " left join stream s on s.id = $2 left join branch b on b.id = $3 and b.install_id = c.install_id where "
	    "c.serial = $1",
	    "bbb", j->call->serial, j->call->serial_n, j->b->stream.b, (size_t)ID_BYTES, j->b->branch.b,
	    (size_t)ID_BYTES, "iiiibiiiibTi", &j->install_id, &j->machine_id, &j->status, &j->not_after, j->branch.b,
	    (size_t)ID_BYTES, &j->branch_status, &j->stream_num, &j->stream_machine, &j->hwm, j->hwm_id,
	    sizeof j->hwm_id, j->ret->epoch, sizeof j->ret->epoch, &j->elsewhere);
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
	if (j->branch_status != BRANCH_CURRENT || memcmp(&j->branch, &j->b->branch, sizeof j->branch) != 0)
		return j->branch_status == BRANCH_TOLD ? VERDICT_CLONE : VERDICT_SYNC_FIRST;
	if (j->stream_num && j->stream_machine != j->machine_id)
		return VERDICT_STREAM;
	return VERDICT_OK;
}

/* A batch that reaches the mark must have the mark's event there; one that ends below it, the event that is stored. A
 * place where nothing is (a stretch that was missing) proves nothing. */
static int check_overlap(struct batch_job *j, enum verdict *ret)
{
	int64_t last = j->b->first + (int64_t)j->b->n - 1;
	const uint8_t *id = j->b->prev_id;
	enum place place;
	if (last < j->hwm) {
		int r = event_place(j->db, j->stream_num, last, j->b->events[j->b->n - 1].id, &place);
		if (r == 0 && place == PLACE_ANOTHER)
			*ret = VERDICT_FORK;
		return r;
	}
	if (j->b->first <= j->hwm)
		id = j->b->events[j->hwm - j->b->first].id;
	if (memcmp(id, j->hwm_id, sizeof j->hwm_id) != 0)
		*ret = VERDICT_FORK;
	return 0;
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
		r = events_store(&j);
	if (r)
		return r;
	ret->verdict = verdict;
	ret->hwm = j.hwm;
	memcpy(ret->hwm_id, j.hwm_id, sizeof ret->hwm_id);
	return 0;
}
