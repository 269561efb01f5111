#include "sync_store.h"

#include "clock.h"
#include "sync_int.h"

/* Everything that a sync in which nothing is new needs, at once. */
static const char load_sql[] =
    "select c.install_id, i.machine_id, m.uid, i.status, c.key_hash, c.not_after,"
    " l.installed, l.counter, l.heard_day, l.policy_key, l.policy_interval_s, l.branch, l.state_hash, l.hw_hash, "
    "l.nonces,"
    " l.policy_hash, l.allow_hash, (select n from pulse where id = 1),"
    " (select max(version) from anchor), (select max(rev) from policy_fact), (select max(rev) from node_fact),"
    " (select max(rev) from allow_fact),"
    " (select max(rev) from place_fact p where p.machine_id = i.machine_id),"
    " (select count(*) from task_target t where t.machine_id = i.machine_id and t.state <= 2),"
    " (select value from meta where key = 'epoch'), s.hwm, s.hwm_id"
    " from cert c join install i on i.id = c.install_id join machine m on m.id = i.machine_id"
    " join machine_live l on l.machine_id = i.machine_id left join stream s on s.id = $2 where c.serial = $1";

static int load(struct sync_job *j)
{
	static const id16 none;
	const struct sync_up *up = j->up;
	const id16 *stream = up->n_streams ? &up->streams[0].id : &none;
	struct caller *c = &j->caller;
	struct live *l = &j->was;
	int64_t status, policy_rev, node_rev, allow_rev, place_rev;
	int r = db_row(j->db, load_sql, "bb", j->call->serial, j->call->serial_n, stream->b, (size_t)ID_BYTES,
	    "iiTibiiiiiibbbbTTiiiiiiiTib", &c->install_id, &c->machine_id, c->machine, sizeof c->machine, &status,
	    c->key_hash, sizeof c->key_hash, &c->not_after, &l->installed, &l->counter, &l->heard_day, &l->policy_key,
	    &l->interval_s, l->branch.b, (size_t)ID_BYTES, l->state_hash.b, (size_t)ID_BYTES, l->hw_hash.b,
	    (size_t)ID_BYTES, l->nonces, sizeof l->nonces, l->policy_hash, sizeof l->policy_hash, l->allow_hash,
	    sizeof l->allow_hash, &j->beat, &j->anchors_version, &policy_rev, &node_rev, &allow_rev, &place_rev,
	    &j->open_tasks, j->ret->down.epoch, sizeof j->ret->down.epoch, &j->first_stream.hwm, j->first_stream.hwm_id,
	    sizeof j->first_stream.hwm_id);
	if (r)
		return r;
	c->status = (enum install_status)status;
	j->policy_key = policy_rev > node_rev ? policy_rev : node_rev;
	if (allow_rev > j->policy_key)
		j->policy_key = allow_rev;
	if (place_rev > j->policy_key)
		j->policy_key = place_rev;
	j->other_epoch = strcmp(up->epoch, j->ret->down.epoch) != 0;
	j->now = j->was;
	return 0;
}

/* Who calls, and whether it may sync. An expired certificate renews first, unless it is of no use anyway. */
static int standing(struct sync_job *j, enum verdict *ret)
{
	*ret = VERDICT_REVOKED;
	int r = load(j);
	if (r)
		return r == -ENOENT ? 0 : r;
	if (j->caller.status == INSTALL_SUPERSEDED) {
		const char *name = j->up->state ? j->up->state->inventory.host_name : NULL;
		r = install_speaks_again(j->db, &j->ch, j->call, &j->caller, name);
		if (r == 0)
			r = load(j);
	}
	if (r == 0 && j->caller.status == INSTALL_VALID)
		*ret = j->caller.not_after < clock_real_us() ? VERDICT_EXPIRED : VERDICT_OK;
	return r;
}

static bool id_equal(const id16 *a, const id16 *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static bool says_anything(const struct hardware *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].kind != HW_MACHINE_ID)
			return true;
	return false;
}

/* The stored values are read only when the hash is another one. */
static int compare_hardware(struct sync_job *j)
{
	j->hw = HW_SAME;
	if (id_equal(&j->up->hardware_hash, &j->was.hw_hash))
		return 0;
	int r = hardware_load(j->db, j->caller.install_id, &j->stored);
	if (r)
		return r;
	j->hw = j->up->hardware ? hw_compare(&j->stored, j->up->hardware) : HW_UNKNOWN;
	j->known_hardware = says_anything(&j->stored);
	return 0;
}

static int write_live(struct sync_job *j)
{
	const struct live *n = &j->now;
	const char *version = j->up->state ? j->up->state->inventory.agent_version : NULL;
	return db_exec(j->db, NULL,
	    "update machine_live set installed = 1, last_seen = $2, last_seen_real = $3, branch = $4, counter = $5, "
	    "nonces = $6,"
	    " state_hash = $7, hw_hash = $8, heard_day = $9, policy_key = $10, policy_hash = $11, policy_interval_s = "
	    "$12,"
	    " policy_version = $13, address = $14, agent_version = coalesce($15, agent_version),"
	    " allow_hash = $16 where machine_id = $1",
	    "iiibibbbiitiittt", j->caller.machine_id, clock_business_us(), clock_real_us(), n->branch.b,
	    (size_t)ID_BYTES, n->counter, n->nonces, sizeof n->nonces, n->state_hash.b, (size_t)ID_BYTES, n->hw_hash.b,
	    (size_t)ID_BYTES, n->heard_day, n->policy_key, n->policy_hash, n->interval_s, j->up->policy_version,
	    j->call->address, version, n->allow_hash);
}

static int answer(struct sync_job *j)
{
	struct sync_taken *t = j->ret;
	struct sync_down *d = &t->down;
	t->machine_id = j->caller.machine_id;
	t->install_id = j->caller.install_id;
	memcpy(t->machine, j->caller.machine, sizeof t->machine);
	t->beat = j->beat;
	t->interval_s = j->now.interval_s;
	t->answer_now = d->need || j->other_epoch || !j->up->has_branch || !id_equal(&j->branch, &j->up->branch);
	d->branch = j->branch;
	d->counter = j->counter;
	d->server_time_us = clock_real_us();
	int r = sync_streams(j);
	if (r == 0 && strcmp(j->now.policy_hash, j->up->policy_hash) != 0)
		r = sync_policy_text(j->desk, j->db, t->machine_id, d);
	if (r == 0 && j->up->knows_allowances && strcmp(j->now.allow_hash, j->up->allow_hash) != 0)
		r = sync_allow_list(j->desk, j->db, t->machine_id, d);
	if (r == 0 && j->anchors_version > j->up->anchors_version)
		r = sync_anchors(j->db, d);
	if (r == 0 && j->open_tasks)
		r = sync_tasks(j);
	return r;
}

static int take(struct sync_job *j)
{
	enum verdict verdict;
	int r = standing(j, &verdict);
	if (r == 0 && verdict == VERDICT_OK)
		r = compare_hardware(j);
	if (r == 0 && verdict == VERDICT_OK)
		r = sync_count(j, &verdict);
	if (r == 0 && verdict == VERDICT_OK && j->moved)
		r = sync_observe(j);
	if (r == 0 && verdict == VERDICT_OK)
		r = sync_policy(j);
	if (r == 0 && verdict == VERDICT_OK)
		r = answer(j);
	if (r == 0 && verdict == VERDICT_OK && j->moved)
		r = write_live(j);
	if (r == 0)
		r = change_close(j->db, &j->ch, j->call, j->caller.machine_id);
	if (r == 0)
		j->ret->verdict = verdict;
	return r;
}

int sync_take(
    struct desk *d, struct db *db, const struct agent_call *c, const struct sync_up *up, struct sync_taken *ret)
{
	struct sync_job j = {.desk = d, .db = db, .call = c, .up = up, .ret = ret, .ch = CHANGE_INIT(d)};
	sync_down_release(&ret->down);
	*ret = (struct sync_taken){0};
	int r = take(&j);
	change_release(&j.ch);
	return r;
}

bool sync_has_news(const struct sync_taken *t)
{
	return t->verdict != VERDICT_OK || t->answer_now || t->down.policy_json || t->down.allow || t->down.anchors ||
	       t->down.n_tasks;
}
