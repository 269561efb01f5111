/* What the centre makes of finds: quarantines as it sees them, orders for a content wherever it stands, allowances,
 * groups. */
#include "agent_fixture.h"

#include "allow_store.h"
#include "detection_group.h"
#include "event_store.h"
#include "machine.h"
#include "quarantine_store.h"
#include "rnd.h"
#include "task_store.h"
#include "unit.h"

#include "clock.h"

#include <stdio.h>

static struct centre centre, *c = &centre;
static const struct ledger_who tester = {"account:1", "request-1"};

static int up(void **state)
{
	(void)state;
	centre_open(c);
	centre_new_token(c, 100);
	return 0;
}

static int down(void **state)
{
	(void)state;
	centre_close(c);
	return 0;
}

/* An agent with one stream, which sends an event at a time. */
struct teller {
	struct agent a;
	id16 stream;
	int64_t seq;
	uint8_t last[8];
};

static void enrolled(struct teller *t, const char *host, int n)
{
	*t = (struct teller){0};
	agent_new(&t->a, host, hardware_of(n, n, n, n));
	assert_int_equal(agent_enrol(c, &t->a, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(agent_sync(c, &t->a, NOTHING_LOST), VERDICT_OK);
	rnd_bytes(t->stream.b, ID_BYTES);
}

struct take_job {
	struct teller *t;
	struct event_batch b;
	struct events_taken taken;
};

static int take(struct db *db, void *arg)
{
	struct take_job *j = arg;
	const struct agent_call call = {j->t->a.serial, SERIAL_MAX, "10.0.0.1", "request-7"};
	return events_take(db, &call, &j->b, &j->taken);
}

static void tell(struct teller *t, struct event e)
{
	e.seq = ++t->seq;
	rnd_bytes(e.id, sizeof e.id);
	if (!e.body)
		e.body = "{}";
	struct take_job j = {.t = t,
	    .b = {.stream = t->stream, .first = e.seq, .floor = 1, .branch = t->a.branch, .n = 1, .events = &e}};
	memcpy(j.b.prev_id, t->last, sizeof t->last);
	assert_int_equal(centre_job(c, take, &j), 0);
	assert_int_equal(j.taken.verdict, VERDICT_OK);
	memcpy(t->last, e.id, sizeof t->last);
	/* the same again, as after a lost reply: nothing is counted twice */
	assert_int_equal(centre_job(c, take, &j), 0);
	assert_int_equal(j.taken.repeated, 1);
}

#define ITEM(n) ((id16){.b = {n, 1}})

static struct event find(const char *name, uint8_t hash, uint8_t item, int64_t at)
{
	return (struct event){.at_us = at,
	    .kind = EVENT_DETECTION,
	    .detection = {.engine = "image",
	        .name = name,
	        .type = "test",
	        .path = {.form = PATH_BYTES, .raw = "/a", .n = 2, .display = "/a"},
	        .has_sha256 = true,
	        .sha256 = {hash},
	        .device = DEVICE_FIXED,
	        .action = item ? ACTION_QUARANTINED : ACTION_NONE,
	        .has_item = item != 0,
	        .item = ITEM(item)}};
}

static struct event change(enum quarantine_change what, uint8_t item, int64_t task)
{
	return (struct event){.at_us = 9,
	    .kind = EVENT_QUARANTINE,
	    .quarantine = {.change = what,
	        .item = ITEM(item),
	        .sha256 = {7},
	        .name = "M",
	        .path = {.form = PATH_BYTES, .raw = "/a", .n = 2, .display = "/a"},
	        .why = what == QUARANTINE_FAILED ? "no folder" : "",
	        .task_id = task},
	    .body = "{\"change\":1}"};
}

/* ---- quarantine ---- */

struct seen {
	int n;
	enum quarantine_state state;
	char why[64];
};

static int see(void *arg, const struct quarantine_row *row)
{
	struct seen *s = arg;
	s->n++;
	s->state = row->state;
	snprintf(s->why, sizeof s->why, "%s", row->why);
	assert_string_equal(row->path.display, "/a");
	return 0;
}

static struct seen look(const char *machine, const uint8_t *sha256, enum quarantine_state state)
{
	struct seen s = {0};
	const struct quarantine_query q = {.machine = machine, .sha256 = sha256, .state = state, .limit = 100};
	assert_int_equal(quarantine_rows(c->db, scope_everything(), &q, see, &s), 0);
	return s;
}

static void a_quarantine_is_what_its_events_tell(void **state)
{
	(void)state;
	static const uint8_t seven[SHA256_BYTES] = {7}, eight[SHA256_BYTES] = {8};
	struct teller a, b;
	enrolled(&a, "MAY-01", 1);
	enrolled(&b, "MAY-02", 2);
	tell(&a, find("M", 7, 1, 5));
	tell(&a, find("M", 7, 0, 5)); /* reported only */
	tell(&b, find("M", 7, 1, 5)); /* the same item's name on another machine is another item */
	assert_int_equal(look(NULL, NULL, 0).n, 2);
	assert_int_equal(look(a.a.machine, seven, ITEM_STANDS).n, 1);
	assert_int_equal(look(NULL, eight, 0).n, 0);
	tell(&a, change(QUARANTINE_FAILED, 1, 0));
	assert_int_equal(look(a.a.machine, NULL, 0).state, ITEM_STANDS);
	assert_string_equal(look(a.a.machine, NULL, 0).why, "no folder");
	tell(&a, change(QUARANTINE_RESTORED, 1, 0));
	assert_int_equal(look(a.a.machine, NULL, 0).state, ITEM_WAS_RESTORED);
	assert_int_equal(look(b.a.machine, NULL, 0).state, ITEM_STANDS);
	tell(&b, change(QUARANTINE_DELETED, 9, 0)); /* its find was in a stretch that is missing */
	assert_int_equal(look(b.a.machine, NULL, ITEM_WAS_DELETED).n, 1);
}

/* ---- tasks ---- */

struct wish_job {
	struct task_wish w;
	int64_t id, targets;
	int r;
};

static int create(struct db *db, void *arg)
{
	struct wish_job *j = arg;
	struct err e = {0};
	return task_create(db, &tester, scope_everything(), &j->w, &j->id, &j->targets, &e);
}

static struct wish_job restore_everywhere(uint8_t hash)
{
	struct wish_job j = {.w = {.kind = TASK_QUARANTINE_RESTORE,
	                         .args = {.quarantine = {.sha256 = {hash}}},
	                         .args_text = "{}",
	                         .expires_real = TIME_END,
	                         .node_id = NODE_PROVINCE}};
	j.r = centre_job(c, create, &j);
	return j;
}

struct cancel_job {
	int64_t id, n;
};

static int cancel(struct db *db, void *arg)
{
	struct cancel_job *j = arg;
	return task_cancel(db, &tester, scope_everything(), j->id, &j->n);
}

static int64_t targets_of(int64_t id)
{
	char sql[96];
	snprintf(sql, sizeof sql, "select count(*) from task_target where task_id = %lld", (long long)id);
	return centre_number(c, sql);
}

static void an_order_reaches_every_machine_on_which_the_content_stands(void **state)
{
	(void)state;
	struct teller a, b, late, none;
	int64_t long_ago = clock_real_us() - 3600 * US_PER_S, ahead = clock_real_us() + 3600 * US_PER_S;
	enrolled(&a, "MAY-01", 1);
	enrolled(&b, "MAY-02", 2);
	enrolled(&late, "MAY-03", 3);
	enrolled(&none, "MAY-04", 4);
	tell(&a, find("M", 7, 1, long_ago));
	tell(&a, find("M", 7, 2, long_ago));
	tell(&b, find("M", 7, 1, long_ago));
	tell(&none, find("M", 8, 1, long_ago));
	struct wish_job j = restore_everywhere(7);
	assert_int_equal(j.r, 0);
	assert_int_equal(j.targets, 2);
	/* a year and more later it is still there for a machine that was off */
	assert_int_equal(centre_number(c, "select count(*) from task where expires_real > 200000000000000000"), 1);
	assert_int_equal(agent_sync(c, &b.a, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(b.a.tasks_got, 1);
	/* what was taken before the order, and is told only now, is meant; what is taken afterwards is not */
	tell(&late, find("M", 7, 1, ahead));
	assert_int_equal(targets_of(j.id), 2);
	tell(&late, find("M", 7, 2, long_ago));
	assert_int_equal(targets_of(j.id), 3);
	assert_int_equal(agent_sync(c, &late.a, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(late.a.tasks_got, 1);
	/* nobody joins an order that was taken back */
	struct cancel_job k = {.id = j.id};
	assert_int_equal(centre_job(c, cancel, &k), 0);
	assert_int_equal(k.n, 3);
	tell(&none, find("M", 7, 3, long_ago));
	assert_int_equal(targets_of(j.id), 3);
	/* where it stands nowhere yet the order waits */
	assert_int_equal(restore_everywhere(99).r, 0);
}

static int note_target(void *arg, const struct task_target_row *t)
{
	*(enum task_state *)arg = t->state;
	return 0;
}

static enum task_state state_of(int64_t id)
{
	enum task_state s = 0;
	assert_int_equal(task_targets(c->db, scope_everything(), id, note_target, &s), 0);
	return s;
}

static struct event result(int64_t task, bool ok, bool started)
{
	return (struct event){.kind = EVENT_TASK_RESULT, .task_id = task, .task_ok = ok, .task_started = started};
}

static void a_scan_is_done_when_its_account_comes(void **state)
{
	(void)state;
	struct teller a;
	enrolled(&a, "MAY-01", 1);
	const char *one[] = {a.a.machine};
	struct wish_job j = {.w = {.kind = TASK_SCAN,
	                         .args = {.scan = {.extent = SCAN_QUICK}},
	                         .args_text = "{\"extent\":\"quick\"}",
	                         .expires_real = clock_real_us() + 3600 * US_PER_S,
	                         .n_machines = 1,
	                         .machines = one}};
	assert_int_equal(centre_job(c, create, &j), 0);
	int64_t first = j.id;
	assert_int_equal(centre_job(c, create, &j), 0);
	assert_int_equal(agent_sync(c, &a.a, NOTHING_LOST), VERDICT_OK);
	tell(&a, result(first, true, true));
	assert_int_equal(state_of(first), TASK_RUNNING);
	struct event e = {.kind = EVENT_SCAN,
	    .scan = {.extent = SCAN_QUICK, .end = SCAN_ENDED_WELL, .task_id = j.id, .why = ""},
	    .body = "{\"files\":12}"};
	tell(&a, e); /* of a task that was not begun: says nothing */
	assert_int_equal(state_of(j.id), TASK_WAITING);
	e.scan.task_id = first;
	tell(&a, e);
	assert_int_equal(state_of(first), TASK_DONE);
	assert_int_equal(centre_number(c, "select count(*) from task_target where result = '{\"files\":12}'"), 1);
	tell(&a, result(j.id, false, true)); /* refused is refused */
	assert_int_equal(state_of(j.id), TASK_FAILED);
	/* arguments that are of no scan are of no task */
	j.w.args.scan.extent = SCAN_CUSTOM;
	assert_int_equal(centre_job(c, create, &j), -EINVAL);
	j.w.args.scan.extent = SCAN_QUICK;
	j.w.expires_real = TIME_END; /* only what is about quarantine lasts */
	assert_int_equal(centre_job(c, create, &j), -EINVAL);
}

/* ---- allowances ---- */

struct say_job {
	struct allow_statement s;
	int n;
};

static int say(struct db *db, void *arg)
{
	struct say_job *j = arg;
	struct ledger_entry l;
	struct err e = {0};
	int r = ledger_begin(db, &l);
	for (int i = 0; r == 0 && i < j->n; i++) {
		struct allow_statement s = j->s;
		s.sha256[1] = (uint8_t)i;
		s.sha256[2] = (uint8_t)(i >> 8);
		if (!s.valid_from)
			s.valid_from = l.recorded_at;
		r = allow_state(db, &l, &s, &e);
	}
	if (r == 0)
		r = ledger_end(db, &l, &tester, "allow.set", "test", NODE_PROVINCE, "{}");
	return r;
}

static int allow_many(uint8_t hash, int64_t node_id, int64_t machine_id, bool present, int n)
{
	struct say_job j = {.n = n,
	    .s = {.sha256 = {hash},
	        .node_id = node_id,
	        .machine_id = machine_id,
	        .valid_to = TIME_END,
	        .present = present,
	        .reason = "nội bộ",
	        .document = ""}};
	return centre_job(c, say, &j);
}

static int64_t allowed(struct teller *t)
{
	assert_int_equal(agent_sync(c, &t->a, NOTHING_LOST), VERDICT_OK);
	return t->a.allowed;
}

static void an_allowance_reaches_who_is_there_and_who_comes_later(void **state)
{
	(void)state;
	struct teller a, b, later;
	enrolled(&a, "MAY-01", 1);
	enrolled(&b, "MAY-02", 2);
	assert_int_equal(allowed(&a), 0);
	assert_string_equal(a.a.allow_hash, "");
	assert_int_equal(allow_many(7, NODE_PROVINCE, 0, true, 1), 0);
	assert_int_equal(allow_many(8, 0, centre_machine(c, &b.a), true, 1), 0);
	assert_int_equal(allowed(&a), 1);
	assert_int_equal(allowed(&b), 2);
	enrolled(&later, "MAY-03", 3);
	assert_int_equal(later.a.allowed, 1);
	/* the same said for one of them too is one entry; told again only when it is another list */
	char before[ID_TEXT];
	memcpy(before, a.a.allow_hash, sizeof before);
	assert_int_equal(allow_many(7, 0, centre_machine(c, &a.a), true, 1), 0);
	assert_int_equal(allowed(&a), 1);
	assert_string_equal(a.a.allow_hash, before);
	assert_int_equal(allow_many(7, NODE_PROVINCE, 0, false, 1), 0);
	assert_int_equal(allowed(&a), 1);
	assert_int_equal(allowed(&b), 1);
	assert_int_equal(allowed(&later), 0);
	assert_string_equal(later.a.allow_hash, "");
}

static void allowances_are_bounded_and_have_reasons(void **state)
{
	(void)state;
	struct teller a;
	enrolled(&a, "MAY-01", 1);
	int64_t machine = centre_machine(c, &a.a);
	assert_int_equal(allow_many(7, NODE_PROVINCE, 0, true, 448), 0);
	assert_int_equal(allow_many(8, NODE_PROVINCE, 0, true, 1), -ENOSPC);
	assert_int_equal(allow_many(9, 0, machine, true, 64), 0);
	assert_int_equal(allow_many(10, 0, machine, true, 1), -ENOSPC);
	assert_int_equal(allowed(&a), MAX_ALLOWANCES);
	assert_int_equal(allow_many(7, NODE_PROVINCE, 0, false, 1), 0); /* taking back needs no room */
	assert_int_equal(allow_many(7, NODE_PROVINCE, machine, true, 1), -EINVAL);
	assert_int_equal(allow_many(7, 12345, 0, true, 1), -ENOENT);
	struct say_job j = {.n = 1,
	    .s = {.sha256 = {1}, .node_id = 1, .valid_to = TIME_END, .present = true, .reason = "", .document = ""}};
	assert_int_equal(centre_job(c, say, &j), -EINVAL);
}

/* ---- groups ---- */

struct told {
	int n;
	char key[4][80], name[4][32];
	int64_t found[4], machines[4], quarantined[4], stands[4], order[4];
};

static int note_group(void *arg, const struct detection_group *g)
{
	struct told *t = arg;
	assert_true(t->n < 4);
	snprintf(t->key[t->n], sizeof t->key[0], "%s", g->key);
	snprintf(t->name[t->n], sizeof t->name[0], "%s", g->name);
	t->found[t->n] = g->count.found;
	t->machines[t->n] = g->count.machines;
	t->quarantined[t->n] = g->count.by_action[ACTION_QUARANTINED];
	t->stands[t->n] = g->stands;
	t->order[t->n++] = g->order;
	return 0;
}

static struct told groups(struct detection_group_query q, int64_t expected)
{
	struct told t = {0};
	int64_t total = -1;
	if (!q.limit)
		q.limit = 4;
	assert_int_equal(detection_groups(c->db, scope_everything(), &q, note_group, &t, &total), 0);
	assert_int_equal(total, expected);
	return t;
}

static void finds_are_grouped(void **state)
{
	(void)state;
	static const uint8_t seven[SHA256_BYTES] = {7};
	struct teller a, b;
	enrolled(&a, "MAY-01", 1);
	enrolled(&b, "MAY-02", 2);
	tell(&a, find("Đồ Xấu", 7, 1, 5));
	tell(&a, find("Đồ Xấu", 7, 0, 5));
	tell(&b, find("Đồ Xấu", 8, 2, 5));
	tell(&b, find("Other", 7, 0, 5));
	tell(&b, change(QUARANTINE_RESTORED, 2, 0));

	struct told t = groups((struct detection_group_query){.by = BY_MALWARE, .order = ORDER_FOUND}, 2);
	assert_string_equal(t.key[0], "Đồ Xấu");
	assert_true(t.found[0] == 3 && t.machines[0] == 2 && t.quarantined[0] == 2 && t.stands[0] == 1);
	assert_true(t.found[1] == 1 && t.machines[1] == 1 && t.quarantined[1] == 0);

	t = groups((struct detection_group_query){.by = BY_HASH, .order = ORDER_MACHINES}, 2);
	assert_int_equal(strncmp(t.key[0], "0700", 4), 0);
	assert_true(t.found[0] == 3 && t.machines[0] == 2 && t.stands[0] == 1);
	assert_string_equal(t.name[0], "Other"); /* of the newest */
	assert_true(t.found[1] == 1 && t.machines[1] == 1 && t.stands[1] == 0);

	t = groups((struct detection_group_query){.by = BY_MACHINE, .order = ORDER_FOUND}, 2);
	assert_true(t.found[0] == 2 && t.found[1] == 2);
	t = groups((struct detection_group_query){.by = BY_MACHINE, .machine = b.a.machine}, 1);
	assert_string_equal(t.key[0], b.a.machine);

	assert_int_equal(groups((struct detection_group_query){.by = BY_HASH, .name = "do xau"}, 2).n, 2);
	assert_int_equal(groups((struct detection_group_query){.by = BY_MACHINE, .name = "OTHER"}, 1).n, 1);
	t = groups((struct detection_group_query){.by = BY_MALWARE, .sha256 = seven, .order = ORDER_FOUND}, 2);
	assert_true(t.found[0] == 2 && t.found[1] == 1);
	assert_int_equal(groups((struct detection_group_query){.by = BY_HASH, .until_us = 1}, 0).n, 0);
	assert_int_equal(groups((struct detection_group_query){.by = BY_HASH, .from_us = TIME_END}, 0).n, 0);
}

static void a_page_of_groups_begins_where_the_last_one_ended(void **state)
{
	(void)state;
	static const enum detection_by all[] = {BY_MALWARE, BY_HASH, BY_MACHINE};
	struct teller t[3];
	const char *names[] = {"A", "B", "C"};
	for (int i = 0; i < 3; i++) {
		enrolled(&t[i], i == 0 ? "MAY-01" : i == 1 ? "MAY-02" : "MAY-03", i + 1);
		tell(&t[i], find(names[i], (uint8_t)(i + 1), 0, 5));
	}
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct detection_group_query q = {.by = all[i], .order = ORDER_FOUND, .limit = 1};
		char seen[3][80];
		for (int k = 0; k < 3; k++) {
			struct told one = groups(q, 3);
			assert_int_equal(one.n, 1);
			memcpy(seen[k], one.key[0], sizeof seen[k]);
			for (int before = 0; before < k; before++)
				assert_string_not_equal(seen[before], seen[k]);
			q.paged = true;
			q.after_key = seen[k];
			q.after_order = one.order[0];
		}
		assert_int_equal(groups(q, 3).n, 0);
	}
}

#define EACH(f) EACH_WITH(f, up, down)

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    EACH(a_quarantine_is_what_its_events_tell),
	    EACH(an_order_reaches_every_machine_on_which_the_content_stands),
	    EACH(a_scan_is_done_when_its_account_comes),
	    EACH(an_allowance_reaches_who_is_there_and_who_comes_later),
	    EACH(allowances_are_bounded_and_have_reasons),
	    EACH(finds_are_grouped),
	    EACH(a_page_of_groups_begins_where_the_last_one_ended),
	};
	return cmocka_run_group_tests_name(kind, cases, fixture_store, fixture_close);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
