/* Random histories told to the ledger and to a naive model (replay_model.h); then both are asked for figures as of
 * random moments, as known at random moments. A history lives in one transaction that is rolled back. What the ledger
 * refuses, the model must refuse as well. */
#include "house.h"

#include "declared.h"
#include "policy_store.h"
#include "replay_model.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_SAID = 400, ACTIONS = 28, QUESTIONS = 4 };

struct history {
	struct house *h;
	uint64_t random;
	uint64_t seed;
	int32_t first_day;
	int now; /* an odd slot: a noon */
	struct said log[MAX_SAID];
	int n_said;
	struct known known; /* all of the log */
	int64_t node_id[NODES], machine_id[MACHINES], document_id[DOCUMENTS], pool_id, rule_id;
	int name_code[MACHINES], token[MACHINES]; /* as they are now; -1: none */
	bool exists[MACHINES], heard[MACHINES][DAYS];
	int accepted, refused;
};

/* splitmix64: any seed gives a history again */
static int pick(struct history *y, int n)
{
	uint64_t z = y->random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (int)((z ^ z >> 31) % (uint64_t)n);
}

static int64_t slot_us(const struct history *y, int slot)
{
	return slot >= SLOTS ? TIME_END : day_first_us(y->first_day + slot / 2) + (slot % 2) * 12 * 3600 * US_PER_S;
}

static int64_t slot_last_us(const struct history *y, int slot)
{
	return slot_us(y, slot) + 12 * 3600 * US_PER_S - 1;
}

static void say(struct history *y, struct said s)
{
	s.recorded = y->now;
	assert_in_range(y->n_said, 0, MAX_SAID - 1);
	y->log[y->n_said++] = s;
	known_add(&y->known, &s);
}

static const char *const codes[CODES] = {"UA", "UB", "UC", "UD", "UE", "UF"};
static const char *const group_codes[GROUPS] = {"khoi-mot", "khoi-hai"};

static void name_of(const struct history *y, int machine, char dst[16])
{
	if (y->name_code[machine] < 0)
		snprintf(dst, 16, "PC%d", machine);
	else
		snprintf(dst, 16, "%s-%d", codes[y->name_code[machine]], machine);
}

/* The model's own idea of where a machine belongs now; told when it differs from what holds. */
static void model_place(struct history *y, int m)
{
	struct said s = {.kind = SAID_PLACE, .subject = m, .from = y->now, .to = SLOTS, .node = PROVINCE};
	if (y->known.machine[m][y->now].overruled)
		return;
	if (y->token[m] >= 0)
		s.node = known_nearest(&y->known, y->token[m], y->now);
	for (int n = FIRST_UNIT; n < NODES && y->rule_id != 0 && y->name_code[m] >= 0; n++) {
		if (y->known.node[n][y->now].present && y->known.node[n][y->now].code == y->name_code[m])
			s.node = n;
	}
	say(y, s);
}

static void model_place_all(struct history *y)
{
	for (int m = 0; m < MACHINES; m++) {
		if (y->exists[m])
			model_place(y, m);
	}
}

/* Each action: tells the ledger, returns its answer; fills what the model is to know and whether the model takes it. */
struct deed {
	struct said said[2];
	int n;
	bool sound;
	bool place_one, place_all;
	int machine;
};

static bool sound_with(const struct history *y, const struct said *s)
{
	struct known tried = y->known;
	known_add(&tried, s);
	return s->kind == SAID_NODE ? known_tree_is_sound(&tried, s->from) : known_licences_are_sound(&tried);
}

static int do_unit(struct history *y, struct deed *d, struct err *e)
{
	int n = FIRST_GROUP + pick(y, NODES - 1), r;
	bool group = n < FIRST_UNIT, fresh = y->node_id[n] == 0;
	struct said s = {.kind = SAID_NODE,
	    .subject = n,
	    .from = pick(y, 3) ? y->now : pick(y, y->now + 1),
	    .to = SLOTS,
	    .present = fresh || pick(y, 4) != 0,
	    .parent = group ? PROVINCE : FIRST_GROUP + pick(y, NODES - 1),
	    .code = group ? CODES + n : pick(y, CODES)};
	/* some corrections speak about a stretch of the past alone */
	if (!fresh && s.from < y->now && pick(y, 2))
		s.to = s.from + 1 + pick(y, y->now - s.from);
	if (!group && pick(y, 3))
		s.parent = FIRST_GROUP + pick(y, GROUPS);
	if (y->node_id[s.parent] == 0)
		return -ECANCELED;
	const struct unit_statement u = {.node_id = y->node_id[n],
	    .valid_from = slot_us(y, s.from),
	    .valid_to = slot_us(y, s.to),
	    .present = s.present,
	    .parent_id = y->node_id[s.parent],
	    .code = group ? group_codes[n - FIRST_GROUP] : codes[s.code],
	    .name = "Đơn vị",
	    .sort_order = n};
	d->said[d->n++] = s;
	d->sound = sound_with(y, &s);
	d->place_all = true;
	if (fresh)
		r = unit_create(y->h->db, &y->h->l, group ? NODE_KIND_GROUP : NODE_KIND_UNIT, &u, &y->node_id[n], e);
	else
		r = unit_state(y->h->db, &y->h->l, &u, e);
	return r ? r : machine_place_all(y->h->db, &y->h->l, NULL);
}

static int random_node(struct history *y)
{
	int n = pick(y, NODES);
	return y->node_id[n] ? n : PROVINCE;
}

static int do_enrol(struct history *y, struct deed *d, struct err *e)
{
	char name[16], uid[MACHINE_UID_TEXT];
	int m = pick(y, MACHINES);
	(void)e;
	d->sound = true;
	d->place_one = true;
	d->machine = m;
	d->said[d->n++] = (struct said){
	    .kind = SAID_INSTALLED, .subject = m, .from = y->now, .to = SLOTS, .present = true};
	y->token[m] = pick(y, 4) ? random_node(y) : -1;
	int64_t token = y->token[m] < 0 ? 0 : y->node_id[y->token[m]];
	if (y->exists[m]) { /* reinstalled: the same machine with another key, perhaps with another token */
		bool changed;
		int r = machine_set_token_node(y->h->db, &y->h->l, y->h->desk, y->machine_id[m], token);
		return r ? r
		         : machine_set_installed(y->h->db, &y->h->l, y->machine_id[m], true, "reinstalled", &changed);
	}
	y->exists[m] = true;
	y->name_code[m] = pick(y, CODES + 2) - 2;
	name_of(y, m, name);
	snprintf(uid, sizeof uid, "%016" PRIx64 "%016x", y->seed, m);
	return machine_create(y->h->db, &y->h->l, y->h->desk, uid, y->h->l.recorded_at, name, token, &y->machine_id[m]);
}

static int do_rename(struct history *y, struct deed *d, struct err *e)
{
	char name[16];
	int m = pick(y, MACHINES);
	(void)e;
	if (!y->exists[m])
		return -ECANCELED;
	y->name_code[m] = pick(y, CODES + 2) - 2;
	d->sound = d->place_one = true;
	d->machine = m;
	name_of(y, m, name);
	return machine_rename(y->h->db, &y->h->l, y->h->desk, y->machine_id[m], name, NULL);
}

static int do_presence(struct history *y, struct deed *d, struct err *e)
{
	int m = pick(y, MACHINES);
	struct said s = {.kind = SAID_INSTALLED, .subject = m, .from = y->now, .to = SLOTS, .present = pick(y, 2)};
	(void)e;
	if (!y->exists[m])
		return -ECANCELED;
	d->sound = true;
	if (pick(y, 2)) {
		d->said[d->n++] = s;
		return machine_set_installed(y->h->db, &y->h->l, y->machine_id[m], s.present, "retired", NULL);
	}
	s.from = pick(y, y->now);
	s.to = s.from + 1 + pick(y, y->now - s.from);
	d->said[d->n++] = s;
	return machine_state_presence(
	    y->h->db, &y->h->l, y->machine_id[m], slot_us(y, s.from), slot_us(y, s.to), s.present, "corrected");
}

static int do_overrule(struct history *y, struct deed *d, struct err *e)
{
	int m = pick(y, MACHINES), n = random_node(y);
	struct said s = {.kind = SAID_PLACE, .subject = m, .from = y->now, .to = SLOTS, .node = n, .overruled = 1};
	if (!y->exists[m])
		return -ECANCELED;
	if (pick(y, 2)) {
		s.from = pick(y, y->now);
		s.to = s.from + 1 + pick(y, y->now - s.from);
	}
	d->said[d->n++] = s;
	d->sound = y->known.node[n][s.from].stated && y->known.node[n][s.from].present;
	if (s.to == SLOTS)
		return machine_overrule(y->h->db, &y->h->l, y->machine_id[m], y->node_id[n], "chuyển", e);
	return machine_correct_place(
	    y->h->db, &y->h->l, y->machine_id[m], slot_us(y, s.from), slot_us(y, s.to), y->node_id[n], "đính chính", e);
}

static int do_lift(struct history *y, struct deed *d, struct err *e)
{
	int m = pick(y, MACHINES);
	if (!y->exists[m])
		return -ECANCELED;
	d->sound = y->known.machine[m][y->now].overruled;
	d->place_one = true;
	d->machine = m;
	d->said[d->n++] = (struct said){.kind = SAID_PLACE, .subject = m, .from = y->now, .to = SLOTS};
	return machine_lift(y->h->db, &y->h->l, y->machine_id[m], e);
}

static int do_document(struct history *y, struct deed *d, struct err *e)
{
	int doc = pick(y, DOCUMENTS), giver = pick(y, 3) ? -1 : FIRST_UNIT + pick(y, UNITS),
	    taker = FIRST_UNIT + pick(y, UNITS);
	struct said s = {.kind = SAID_DOCUMENT,
	    .subject = doc,
	    .from = pick(y, SLOTS),
	    .giver = giver,
	    .taker = taker,
	    .amount = 1 + pick(y, 25),
	    .present = y->document_id[doc] == 0 || pick(y, 5) != 0};
	if (giver == taker || y->node_id[taker] == 0 || (giver >= 0 && y->node_id[giver] == 0))
		return -ECANCELED;
	const struct licence_line lines[] = {
	    {y->pool_id, giver < 0 ? 0 : y->node_id[giver], -s.amount}, {y->pool_id, y->node_id[taker], s.amount}};
	const struct licence_document doc_stated = {.doc_id = y->document_id[doc],
	    .present = s.present,
	    .valid_from = slot_us(y, s.from),
	    .number = "1/QĐ",
	    .n_lines = 2,
	    .lines = lines};
	d->said[d->n++] = s;
	d->sound = sound_with(y, &s) && y->known.node[taker][s.from].present &&
	           (giver < 0 || y->known.node[giver][s.from].stated);
	return licence_state_document(y->h->db, &y->h->l, &doc_stated, &y->document_id[doc], e);
}

static int do_declare(struct history *y, struct deed *d, struct err *e)
{
	int n = FIRST_UNIT + pick(y, UNITS);
	struct said s = {.kind = SAID_DECLARED,
	    .subject = n,
	    .from = pick(y, SLOTS),
	    .to = SLOTS,
	    .present = pick(y, 5) != 0,
	    .value = pick(y, 9)};
	if (y->node_id[n] == 0)
		return -ECANCELED;
	if (pick(y, 2))
		s.to = s.from + 1 + pick(y, SLOTS - s.from);
	const struct declared stated = {.node_id = y->node_id[n],
	    .valid_from = slot_us(y, s.from),
	    .valid_to = slot_us(y, s.to),
	    .present = s.present,
	    .servers = s.value / 2,
	    .workstations = s.value - s.value / 2};
	d->said[d->n++] = s;
	d->sound = true;
	return declared_state(y->h->db, &y->h->l, &stated, e);
}

static int do_policy(struct history *y, struct deed *d, struct err *e)
{
	int n = random_node(y);
	bool locked_above = false;
	struct said s = {.kind = SAID_POLICY,
	    .subject = n,
	    .from = y->now,
	    .to = SLOTS,
	    .present = pick(y, 4) != 0,
	    .value = 1 + pick(y, 6),
	    .locked = pick(y, 4) == 0};
	const struct policy_statement stated = {.node_id = y->node_id[n],
	    .setting = SETTING_ACTIVE_DAYS,
	    .valid_from = slot_us(y, s.from),
	    .valid_to = TIME_END,
	    .present = s.present,
	    .value = s.value,
	    .locked = s.locked != 0};
	d->said[d->n++] = s;
	if (n != PROVINCE && y->known.node[n][y->now].present)
		known_days(&y->known, y->known.node[n][y->now].parent, y->now, &locked_above);
	d->sound = y->known.node[n][y->now].present && !locked_above;
	return policy_state(y->h->db, &y->h->l, &stated, e);
}

static int do_rule(struct history *y, struct deed *d, struct err *e)
{
	const struct naming_rule rule = {
	    .rule_id = y->rule_id, .priority = 1, .pattern = "(?<unit>[A-Z]+)-[0-9]+", .note = ""};
	int r = naming_state(y->h->db, &y->h->l, &rule, rule.rule_id != 0, &y->rule_id, NULL, e);
	if (rule.rule_id != 0)
		y->rule_id = 0;
	d->sound = d->place_all = true;
	return r;
}

static int do_hear(struct history *y, struct deed *d, struct err *e)
{
	int m = pick(y, MACHINES);
	(void)d;
	(void)e;
	if (!y->exists[m])
		return -ECANCELED;
	y->heard[m][y->now / 2] = true;
	house_heard(y->h, y->machine_id[m], slot_us(y, y->now));
	d->sound = true;
	return 0;
}

static int (*const deeds[])(struct history *, struct deed *, struct err *) = {do_unit, do_unit, do_unit, do_enrol,
    do_enrol, do_rename, do_presence, do_overrule, do_lift, do_document, do_document, do_document, do_declare,
    do_policy, do_rule, do_hear, do_hear};

static void settle(struct history *y, const struct deed *d)
{
	for (int i = 0; i < d->n; i++)
		say(y, d->said[i]);
	if (d->place_one)
		model_place(y, d->machine);
	if (d->place_all)
		model_place_all(y);
}

static void act(struct history *y)
{
	const struct ledger_who who = {"system", ""};
	struct history before = *y;
	struct deed d = {0};
	struct err e = {0};
	int which = pick(y, (int)(sizeof deeds / sizeof deeds[0]));
	clock_simulate(slot_us(y, y->now));
	assert_int_equal(db_savepoint(y->h->db), 0);
	assert_int_equal(ledger_begin(y->h->db, &y->h->l), 0);
	int r = deeds[which](y, &d, &e);
	if (r == -ECANCELED || r != 0) {
		if (r != -ECANCELED && d.sound)
			fail_msg("seed %" PRIu64 ": deed %d refused: %d %s", y->seed, which, r, e.text);
		assert_int_equal(db_rollback_savepoint(y->h->db), 0);
		before.random = y->random;
		before.refused += r != -ECANCELED;
		*y = before;
		return;
	}
	if (!d.sound)
		fail_msg("seed %" PRIu64 ": deed %d accepted", y->seed, which);
	settle(y, &d);
	assert_int_equal(ledger_end(y->h->db, &y->h->l, &who, "test", "test", NODE_PROVINCE, "{}"), 0);
	assert_int_equal(db_release_savepoint(y->h->db), 0);
	y->accepted++;
}

#define SAME(what, got, expected)                                                                                      \
	do {                                                                                                           \
		if ((int64_t)(got) != (int64_t)(expected))                                                             \
			fail_msg("seed %" PRIu64 ", slot %d known at %d: %s is %" PRId64 ", the model says %" PRId64,  \
			    y->seed, slot, known_slot, what, (int64_t)(got), (int64_t)(expected));                     \
	} while (0)

static void compare_row(
    const struct history *y, int slot, int known_slot, const struct figure_row *row, const struct model_row *m)
{
	SAME("a row's node", row->node_id, y->node_id[m->node]);
	SAME("a row's kind", row->kind == ROW_MISNAMED, m->misnamed);
	SAME("installed", row->counts.installed, m->installed);
	SAME("active", row->counts.active, m->active);
	SAME("silent", row->counts.silent, m->installed - m->active);
	SAME("has allocation", row->counts.has_allocation, m->has_allocation);
	SAME("allocated", row->counts.allocated, m->allocated);
	SAME("within", row->counts.within, m->within);
	SAME("existing known", row->counts.existing_known, m->existing_known);
	if (m->existing_known)
		SAME("existing", row->counts.existing, m->existing);
}

static void compare(
    const struct history *y, int slot, int known_slot, const struct figures *f, const struct model_figures *m)
{
	size_t g = 0;
	for (int i = 0; i < GROUPS; i++) {
		if (!m->group_present[i])
			continue;
		SAME("the number of groups", g < f->n_groups, 1);
		SAME("the number of rows", f->groups[g].n_rows, m->n_rows[i]);
		for (int k = 0; k < m->n_rows[i]; k++)
			compare_row(y, slot, known_slot, &f->groups[g].rows[k], &m->row[i][k]);
		g++;
	}
	SAME("the number of groups", f->n_groups, g);
	SAME("unplaced", f->unplaced.installed, m->unplaced);
	SAME("total installed", f->total.installed, m->installed);
	SAME("total active", f->total.active, m->active);
	SAME("total allocated", f->total.allocated, m->allocated);
	SAME("total within", f->total.within, m->within);
	SAME("unallocated", f->pool.unallocated, POOL - m->allocated);
}

static void ask(struct history *y)
{
	int slot = pick(y, y->now + 1), known_slot = pick(y, 3) ? pick(y, y->now + 1) : y->now;
	struct as_of at = {.at = slot_last_us(y, slot), .known_at = slot_last_us(y, known_slot)};
	struct model_figures model;
	struct known known;
	assert_int_equal(ledger_rev_at(y->h->db, at.known_at, &at.rev), 0);
	known_begin(&known);
	for (int i = 0; i < y->n_said; i++) {
		if (y->log[i].recorded <= known_slot)
			known_add(&known, &y->log[i]);
	}
	model_count(&known, y->heard, slot, known_slot, &model);
	/* the pool is known and in force from the first noon on */
	if (slot < 1 || known_slot < 1)
		return;
	struct figures *f = house_figures(y->h, at);
	compare(y, slot, known_slot, f, &model);
	figures_free(f);
}

static void one_history(struct house *h, uint64_t seed, int64_t *accepted, int64_t *refused)
{
	static struct history history;
	struct history *y = &history;
	*y = (struct history){.h = h, .random = seed, .seed = seed, .now = 1};
	day_parse("2022-02-01", &y->first_day);
	y->node_id[PROVINCE] = NODE_PROVINCE;
	known_begin(&y->known);
	house_begin(h, slot_us(y, 1));
	y->pool_id = house_pool(h, POOL);
	assert_int_equal(
	    ledger_end(h->db, &h->l, &(struct ledger_who){"system", ""}, "test", "test", NODE_PROVINCE, "{}"), 0);
	for (int i = 0; i < ACTIONS; i++) {
		if (pick(y, 2) && y->now + 2 < SLOTS)
			y->now += 2;
		act(y);
	}
	for (int i = 0; i < QUESTIONS; i++)
		ask(y);
	house_undo(h);
	*accepted += y->accepted;
	*refused += y->refused;
}

static void as_of_answers_equal_a_replay_of_the_log(void **state)
{
	const char *wanted = getenv("KHIEN_HISTORIES"), *first = getenv("KHIEN_SEED");
	/* make test asks for 10.000; a PostgreSQL's round trips are slow, so that it is asked about fewer */
	int64_t n = (wanted ? strtoll(wanted, NULL, 10) : 1000) / (fixture_is_postgres() ? 20 : 1);
	uint64_t seed = first ? strtoull(first, NULL, 10) : 1;
	int64_t accepted = 0, refused = 0;
	for (int64_t i = 0; i < n; i++)
		one_history(*state, seed + (uint64_t)i, &accepted, &refused);
	print_message("# %" PRId64 " histories, %" PRId64 " statements taken, %" PRId64 " refused by both\n", n,
	    accepted, refused);
	assert_true(accepted > 8 * n);
	assert_true(refused > n / 4);
}

static int run(const char *kind)
{
	const struct CMUnitTest tests[] = {EACH_WITH(as_of_answers_equal_a_replay_of_the_log, house_up, house_down)};
	char name[64];
	snprintf(name, sizeof name, "replay-%s", kind);
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
