/* A superseded installation speaks again: what looked like one machine, reinstalled, is two. */
#include "clock.h"
#include "day.h"
#include "identity_int.h"
#include "machine.h"
#include "rnd.h"

struct successor {
	int64_t id, machine_id, enrolled_at, rev;
	enum joined joined;
	bool current; /* the machine is this installation now */
};

static int load_successor(struct db *db, int64_t install_id, struct successor *ret)
{
	int64_t joined, live;
	struct successor s;
	int r = db_row(db,
	    "select n.id, n.machine_id, n.enrolled_at, n.rev, n.joined, l.install_id from install i"
	    " join install n on n.id = i.successor join machine_live l on l.machine_id = i.machine_id"
	    " where i.id = $1 and n.machine_id = i.machine_id",
	    "i", install_id, "iiiiii", &s.id, &s.machine_id, &s.enrolled_at, &s.rev, &joined, &live);
	if (r)
		return r;
	s.joined = (enum joined)joined;
	s.current = live == s.id;
	*ret = s;
	return 0;
}

/* What the machine was called before the newcomer came. */
static int old_name(struct db *db, int64_t machine_id, int64_t before_rev, char *dst, size_t size)
{
	dst[0] = 0;
	int r = db_row(db, "select name from name_fact where machine_id = $1 and rev < $2 order by rev desc limit 1",
	    "ii", machine_id, before_rev, "T", dst, size);
	return r == -ENOENT ? 0 : r;
}

static int token_node(struct db *db, int64_t machine_id, int64_t *ret)
{
	*ret = 0;
	int r = db_row(db, "select node_id from machine_token_node where machine_id = $1 order by rev desc limit 1",
	    "i", machine_id, "i", ret);
	return r == -ENOENT ? 0 : r;
}

/* What was observed of the newcomer while it passed for the old machine becomes its own. */
static int move_observations(struct db *db, const struct successor *s, int64_t to)
{
	int r = db_exec(db, NULL, "update stream set machine_id = $2 where install_id = $1", "ii", s->id, to);
	if (r == 0)
		r = db_exec(
		    db, NULL, "update quarantine_item set machine_id = $2 where install_id = $1", "ii", s->id, to);
	if (r == 0)
		r = db_exec(db, NULL,
		    "insert into heard_day(machine_id, day, first_at) select $2, day, first_at from heard_day"
		    " where machine_id = $1 and first_at >= $3",
		    "iii", s->machine_id, to, s->enrolled_at);
	if (r == 0)
		r = db_exec(db, NULL,
		    "insert into heard_day(machine_id, day, first_at) values ($1, $2, $3) on conflict(machine_id, day) "
		    "do nothing",
		    "iii", to, (int64_t)day_of(s->enrolled_at), s->enrolled_at);
	if (r == 0)
		r = db_exec(db, NULL,
		    "insert into protection_seen(machine_id, at, engine_ready, on_access, signature_day, other_on, "
		    "other_signature_day,"
		    " problems) select $2, at, engine_ready, on_access, signature_day, other_on, other_signature_day, "
		    "problems"
		    " from protection_seen where machine_id = $1 and at >= $3",
		    "iii", s->machine_id, to, s->enrolled_at);
	if (r == 0)
		r = db_exec(
		    db, NULL, "update machine_live set machine_id = $2 where machine_id = $1", "ii", s->machine_id, to);
	if (r == 0)
		r = db_exec(db, NULL, "update machine_state set machine_id = $2 where machine_id = $1", "ii",
		    s->machine_id, to);
	return r;
}

/* The live row of an installation that comes back: its counter goes on where it stood. */
static int live_restore(struct db *db, int64_t machine_id, int64_t install_id)
{
	int r = live_insert(db, machine_id, install_id);
	if (r)
		return r;
	return db_exec(db, NULL,
	    "update machine_live set branch = b.id, counter = b.counter, nonces = b.nonces from branch b"
	    " where machine_live.machine_id = $1 and b.install_id = $2 and b.status = $3",
	    "iii", machine_id, install_id, (int64_t)BRANCH_CURRENT);
}

static int set_valid(struct db *db, const struct change *ch, int64_t install_id, int64_t machine_id)
{
	return db_exec(db, NULL,
	    "update install set status = $2, machine_id = $3, successor = 0, changed_beat = $4 where id = $1", "iiii",
	    install_id, (int64_t)INSTALL_VALID, machine_id, ch->beat);
}

/* The newcomer leaves the machine to the one that was there before. */
static int newcomer_leaves(
    struct db *db, struct change *ch, struct caller *c, const struct successor *s, const char *name, int64_t *ret_other)
{
	char uid[ID_TEXT], its_name[MAX_HOST_NAME + 1], mine[MAX_HOST_NAME + 1];
	int64_t node, other = 0;
	rnd_hex(uid, ID_BYTES);
	int r = machine_name(db, s->machine_id, its_name, sizeof its_name);
	if (r == 0)
		r = old_name(db, s->machine_id, s->rev, mine, sizeof mine);
	if (r == 0)
		r = token_node(db, s->machine_id, &node);
	if (r == 0)
		r = machine_create(db, &ch->l, ch->desk, uid, s->enrolled_at, its_name, node, &other);
	if (r == 0)
		r = move_observations(db, s, other);
	if (r == 0)
		r = db_exec(db, NULL,
		    "update install set machine_id = $2, joined = $3, changed_beat = $4 where id = $1", "iiii", s->id,
		    other, (int64_t)JOINED_NEW, ch->beat);
	if (r == 0)
		r = live_restore(db, c->machine_id, c->install_id);
	if (r == 0)
		r = set_valid(db, ch, c->install_id, c->machine_id);
	if (r == 0 && (name || mine[0]))
		r = machine_rename(db, &ch->l, ch->desk, c->machine_id, name ? name : mine, NULL);
	if (r == 0)
		*ret_other = other;
	return r;
}

/* Another installation has the machine by now: the one that comes back is a machine of its own from now on. */
static int comes_back_apart(struct db *db, struct change *ch, struct caller *c, const char *name, int64_t *ret_other)
{
	char uid[ID_TEXT], its_name[MAX_HOST_NAME + 1];
	int64_t node, other = c->machine_id, mine = 0;
	rnd_hex(uid, ID_BYTES);
	int r = machine_name(db, other, its_name, sizeof its_name);
	if (r == 0)
		r = token_node(db, other, &node);
	if (r == 0)
		r = machine_create(db, &ch->l, ch->desk, uid, ch->l.recorded_at, name ? name : its_name, node, &mine);
	if (r == 0)
		r = live_restore(db, mine, c->install_id);
	if (r == 0)
		r = set_valid(db, ch, c->install_id, mine);
	if (r)
		return r;
	c->machine_id = mine;
	memcpy(c->machine, uid, sizeof uid);
	*ret_other = other;
	return 0;
}

static int split(struct db *db, struct change *ch, struct caller *c, const struct successor *s, const char *name)
{
	struct detail d = DETAIL_INIT;
	int64_t other;
	int r = change_beat(db, ch);
	bool leaves = s && s->current;
	if (r == 0)
		r = leaves ? newcomer_leaves(db, ch, c, s, name, &other) : comes_back_apart(db, ch, c, name, &other);
	if (r)
		return r;
	c->status = INSTALL_VALID;
	detail_int(&d, "installation", c->install_id);
	detail_int(&d, "since_us", leaves ? s->enrolled_at : ch->l.recorded_at);
	detail_int(&d, "successor", s ? s->id : 0);
	const struct decision decided = {c->machine_id, other, leaves ? "split" : "split-late", APART_PARTLY};
	r = decision_write(db, ch, &decided, &d);
	detail_release(&d);
	return r;
}

/* It had the machine's very hardware: no telling which of the two is the machine. The one that has it keeps it, and
 * whoever enrols with that hardware from now on is a machine of its own. */
static int refuse(struct db *db, struct change *ch, const struct agent_call *call, struct caller *c)
{
	struct clone_seen seen = {
	    .machine_id = c->machine_id, .install_id = c->install_id, .address = call->address, .state = "{}"};
	struct detail d = DETAIL_INIT;
	struct hardware h;
	int r = hardware_load(db, c->install_id, &h);
	if (r)
		return r;
	hardware_digest(&h, seen.hw);
	detail_text(&d, "address", call->address);
	detail_int(&d, "installation", c->install_id);
	r = decision_write(db, ch, &(struct decision){c->machine_id, 0, "superseded-speaks", APART_WHOLLY}, &d);
	if (r == 0)
		r = clone_insert(db, ch, &seen);
	if (r == 0)
		r = db_exec(db, NULL, "update install set status = $2 where id = $1", "ii", c->install_id,
		    (int64_t)INSTALL_REFUSED);
	if (r == 0)
		c->status = INSTALL_REFUSED;
	detail_release(&d);
	return r;
}

int install_speaks_again(
    struct db *db, struct change *ch, const struct agent_call *call, struct caller *c, const char *name)
{
	struct successor s;
	int r = load_successor(db, c->install_id, &s);
	if (r && r != -ENOENT)
		return r;
	if (r == 0 && s.joined == JOINED_SAME)
		return refuse(db, ch, call, c);
	return split(db, ch, c, r == 0 ? &s : NULL, name);
}
