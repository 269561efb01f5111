/* The counter: one installation goes on in one place (PROTOCOL.md, "Counter"). */
#include "sync_int.h"

#include "clock.h"
#include "rnd.h"

struct branch {
	id16 id, parent;
	int64_t counter;
	uint8_t nonces[NONCES_BYTES];
	enum branch_status status;
};

static const id16 no_branch;

static bool same_id(const id16 *a, const id16 *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static uint8_t *slot(uint8_t nonces[NONCES_BYTES], int64_t counter)
{
	return nonces + (counter & (BRANCH_WINDOW - 1)) * NONCE_KEPT;
}

/* This very call was counted before, lately enough to be known. */
static bool repeats(const struct branch *b, const struct sync_up *up)
{
	return up->counter <= b->counter && up->counter > b->counter - BRANCH_WINDOW &&
	       memcmp(slot((uint8_t *)b->nonces, up->counter), up->nonce.b, NONCE_KEPT) == 0;
}

static int insert_branch(struct sync_job *j, const id16 *id, const id16 *parent)
{
	static const uint8_t zeros[NONCES_BYTES];
	const struct sync_up *up = j->up;
	return db_exec(j->db, NULL,
	    "insert into branch(id, install_id, parent, born_counter, born_nonce, counter, nonces, status, born_real)"
	    " values ($1, $2, $3, $4, $5, $4, $6, $7, $8)",
	    "bibibbii", id->b, (size_t)ID_BYTES, j->caller.install_id, parent->b, (size_t)ID_BYTES, up->counter,
	    up->nonce.b, (size_t)ID_BYTES, zeros, sizeof zeros, (int64_t)BRANCH_CURRENT, clock_real_us());
}

static int set_status(struct sync_job *j, const id16 *id, enum branch_status status)
{
	return db_exec(
	    j->db, NULL, "update branch set status = $2 where id = $1", "bi", id->b, (size_t)ID_BYTES, (int64_t)status);
}

/* The live row goes on with this branch at the counter of the sync. */
static void go_on(struct sync_job *j, const id16 *id)
{
	struct live *n = &j->now;
	n->branch = *id;
	n->counter = j->up->counter;
	memcpy(slot(n->nonces, n->counter), j->up->nonce.b, NONCE_KEPT);
	j->branch = *id;
	j->counter = n->counter;
	j->moved = true;
}

static void answer_only(struct sync_job *j, const id16 *id)
{
	j->branch = *id;
	j->counter = j->up->counter;
}

static int evidence(struct sync_job *j, const char *kind, enum apart apart, const id16 *other)
{
	struct detail d = DETAIL_INIT;
	detail_text(&d, "address", j->call->address);
	detail_hex(&d, "branch", j->up->branch.b, ID_BYTES);
	detail_int(&d, "counter", j->up->counter);
	detail_int(&d, "counter_known", j->was.counter);
	detail_hex(&d, "current", j->was.branch.b, ID_BYTES);
	detail_text(&d, "hardware", hw_match_name(j->hw));
	detail_int(&d, "installation", j->caller.install_id);
	detail_hex(&d, "other", other->b, ID_BYTES);
	int r = decision_write(j->db, &j->ch, &(struct decision){j->caller.machine_id, 0, kind, apart}, &d);
	detail_release(&d);
	return r;
}

/* A branch that begins here; what was current before is replaced. */
static int begin_branch(struct sync_job *j, const id16 *parent)
{
	id16 id;
	rnd_bytes(id.b, sizeof id.b);
	int r = branch_keep(j->db, j->caller.machine_id);
	if (r == 0 && !same_id(&j->was.branch, &no_branch))
		r = set_status(j, &j->was.branch, BRANCH_REPLACED);
	if (r == 0)
		r = insert_branch(j, &id, parent);
	memset(j->now.nonces, 0, sizeof j->now.nonces);
	go_on(j, &id);
	return r;
}

/* The caller must enrol anew; who it has the key of is untouched. One row and one decision for each hardware that
 * comes with this key. */
static int clone_by_hardware(struct sync_job *j, enum verdict *ret)
{
	struct clone_seen seen = {.machine_id = j->caller.machine_id,
	    .install_id = j->caller.install_id,
	    .address = j->call->address,
	    .state = j->up->state_text ? j->up->state_text : "{}"};
	int64_t known;
	*ret = VERDICT_CLONE;
	if (j->up->hardware)
		hardware_digest(j->up->hardware, seen.hw);
	else
		memcpy(seen.hw, j->up->hardware_hash.b, sizeof seen.hw);
	int r = db_row(j->db, "select count(*) from clone where install_id = $1 and hw = $2", "ib", seen.install_id,
	    seen.hw, sizeof seen.hw, "i", &known);
	if (r || known)
		return r;
	r = evidence(j, "clone-hardware", j->hw == HW_DIFFERENT ? APART_NOT : APART_PARTLY, &no_branch);
	return r ? r : clone_insert(j->db, &j->ch, &seen);
}

/* The same key steps back on the same hardware: a restored snapshot. */
static int step_back(struct sync_job *j, const id16 *parent, enum verdict *ret)
{
	if (j->hw == HW_SAME && !j->known_hardware) { /* the hash agreed: is there anything behind it? */
		int r = hardware_load(j->db, j->caller.install_id, &j->stored);
		if (r)
			return r;
		j->known_hardware = hw_compare(&j->stored, &j->stored) != HW_UNKNOWN;
	}
	if (j->hw != HW_SAME || !j->known_hardware)
		return clone_by_hardware(j, ret);
	int r = begin_branch(j, parent);
	return r ? r : evidence(j, "snapshot", APART_NOT, &j->branch);
}

/* A branch that another one had replaced goes on: both are alive with one key. The older goes on, the younger is told.
 */
static int take_back(struct sync_job *j, const struct branch *b)
{
	struct clone_seen seen = {
	    .machine_id = j->caller.machine_id, .install_id = j->caller.install_id, .branch = j->was.branch};
	char address[64], *state = NULL;
	struct hardware h;
	int r = hardware_load(j->db, j->caller.install_id, &h);
	if (r == 0)
		r = db_row(j->db,
		    "select l.address, coalesce(s.state, '{}') from machine_live l left join machine_state s on "
		    "s.machine_id = l.machine_id"
		    " where l.machine_id = $1",
		    "i", j->caller.machine_id, "Tt", address, sizeof address, &state);
	if (r)
		return r;
	hardware_digest(&h, seen.hw);
	seen.address = address;
	seen.state = state;
	r = branch_keep(j->db, j->caller.machine_id);
	if (r == 0)
		r = set_status(j, &j->was.branch, BRANCH_TOLD);
	if (r == 0)
		r = set_status(j, &b->id, BRANCH_CURRENT);
	memcpy(j->now.nonces, b->nonces, sizeof b->nonces);
	go_on(j, &b->id);
	if (r == 0)
		r = evidence(j, "forked", APART_WHOLLY, &j->was.branch);
	if (r == 0)
		r = clone_insert(j->db, &j->ch, &seen);
	free(state);
	return r;
}

/* -ENOENT: no branch of this installation. */
static int load_branch(struct sync_job *j, const id16 *id, struct branch *ret)
{
	struct branch b = {.id = *id};
	int64_t status;
	int r = db_row(j->db, "select parent, counter, nonces, status from branch where id = $1 and install_id = $2",
	    "bi", id->b, (size_t)ID_BYTES, j->caller.install_id, "bibi", b.parent.b, (size_t)ID_BYTES, &b.counter,
	    b.nonces, sizeof b.nonces, &status);
	if (r)
		return r;
	b.status = (enum branch_status)status;
	if (b.status == BRANCH_CURRENT) {
		b.counter = j->was.counter;
		memcpy(b.nonces, j->was.nonces, sizeof b.nonces);
	}
	*ret = b;
	return 0;
}

/* A branch that was born of this very call, whose answer was lost. */
static int load_child(struct sync_job *j, const id16 *parent, id16 *ret_id, enum branch_status *ret_status)
{
	int64_t status;
	int r = db_row(j->db,
	    "select id, status from branch where parent = $1 and born_counter = $2 and born_nonce = $3 and install_id "
	    "= $4 limit 1",
	    "bibi", parent->b, (size_t)ID_BYTES, j->up->counter, j->up->nonce.b, (size_t)ID_BYTES, j->caller.install_id,
	    "bi", ret_id->b, (size_t)ID_BYTES, &status);
	if (r == 0)
		*ret_status = (enum branch_status)status;
	return r;
}

/* At or before the last counter of its branch. */
static int counted_before(struct sync_job *j, const id16 *branch, enum verdict *ret)
{
	enum branch_status status;
	id16 child;
	int r = load_child(j, branch, &child, &status);
	if (r == -ENOENT)
		return step_back(j, branch, ret);
	if (r)
		return r;
	if (status == BRANCH_TOLD)
		*ret = VERDICT_CLONE;
	else if (same_id(&child, &j->was.branch) && j->was.counter == j->up->counter)
		go_on(j, &child);
	else
		answer_only(j, &child);
	return 0;
}

/* The store is behind the agent: it was restored from a backup. What the agent has is what was. */
static int adopt(struct sync_job *j, enum verdict *ret)
{
	if (j->hw != HW_SAME && !j->other_epoch)
		return clone_by_hardware(j, ret);
	int r = branch_keep(j->db, j->caller.machine_id);
	if (r == 0 && !same_id(&j->was.branch, &no_branch))
		r = set_status(j, &j->was.branch, BRANCH_REPLACED);
	if (r == 0)
		r = insert_branch(j, &j->up->branch, &no_branch);
	memset(j->now.nonces, 0, sizeof j->now.nonces);
	go_on(j, &j->up->branch);
	return r;
}

static int on_other_branch(struct sync_job *j, enum verdict *ret)
{
	struct branch b;
	int64_t taken;
	int r = load_branch(j, &j->up->branch, &b);
	if (r == -ENOENT) {
		r = db_row(j->db, "select count(*) from branch where id = $1", "b", j->up->branch.b, (size_t)ID_BYTES,
		    "i", &taken);
		return r ? r : taken ? clone_by_hardware(j, ret) : adopt(j, ret);
	}
	if (r)
		return r;
	if (b.status == BRANCH_TOLD)
		*ret = VERDICT_CLONE;
	else if (j->up->counter > b.counter)
		r = take_back(j, &b);
	else if (repeats(&b, j->up))
		answer_only(j, &b.id);
	else
		r = counted_before(j, &b.id, ret);
	return r;
}

static int on_current_branch(struct sync_job *j, enum verdict *ret)
{
	struct branch b = {.id = j->was.branch, .counter = j->was.counter};
	memcpy(b.nonces, j->was.nonces, sizeof b.nonces);
	/* above last + 1 only if the store has lost what it had confirmed: an agent counts answers */
	if (j->up->counter > b.counter || (j->up->counter == b.counter && repeats(&b, j->up))) {
		go_on(j, &b.id);
		return 0;
	}
	if (repeats(&b, j->up)) {
		answer_only(j, &b.id);
		return 0;
	}
	return counted_before(j, &b.id, ret);
}

int sync_count(struct sync_job *j, enum verdict *ret)
{
	if (j->hw == HW_DIFFERENT)
		return clone_by_hardware(j, ret);
	if (j->up->has_branch && same_id(&j->up->branch, &j->was.branch))
		return on_current_branch(j, ret);
	if (j->up->has_branch && !same_id(&j->up->branch, &no_branch))
		return on_other_branch(j, ret);
	if (j->up->counter != 1)
		return -EINVAL;
	return same_id(&j->was.branch, &no_branch) ? begin_branch(j, &no_branch) : counted_before(j, &no_branch, ret);
}
