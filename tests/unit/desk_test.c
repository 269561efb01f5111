/* What a process keeps loaded must never be older than what its own transaction knows. */
#include "house.h"

#include "desk.h"

#include <string.h>

static bool knows_code(struct house *h, int64_t at, const char *code)
{
	struct desk_view view;
	assert_int_equal(desk_open(h->desk, h->db, at, &view), 0);
	bool known = tree_by_code(view.tree, code) != NULL;
	desk_shut(h->desk);
	return known;
}

static int64_t node_of(struct house *h, int64_t machine_id)
{
	int64_t node_id = 0;
	assert_int_equal(db_row(h->db, "select node_id from place_fact where machine_id = $1 order by rev desc limit 1",
	                     "i", machine_id, "i", &node_id),
	    0);
	return node_id;
}

static void what_was_undone_is_not_known(void **state)
{
	struct house *h = *state;
	const struct ledger_who who = {"system", ""};
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối");
	house_end(h);

	int64_t at = house_begin(h, house_day("2022-02-02"))->recorded_at, rev = h->l.rev;
	house_unit(h, group, "AA", "Sở A");
	assert_int_equal(ledger_end(h->db, &h->l, &who, "test", "test", NODE_PROVINCE, "{}"), 0);
	assert_true(knows_code(h, at, "AA"));
	house_undo(h);

	/* another entry with its revision and its time */
	house_begin(h, house_day("2022-02-02"));
	assert_int_equal(h->l.rev, rev);
	house_unit(h, group, "BB", "Sở B");
	house_end(h);
	assert_false(knows_code(h, at, "AA"));
	assert_true(knows_code(h, at, "BB"));
}

static void an_entry_knows_what_it_says_itself(void **state)
{
	struct house *h = *state;
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối");
	house_rule(h, "(?<unit>\\w+)-[0-9]{3}", 0);
	house_end(h);

	house_begin(h, house_day("2022-02-02"));
	int64_t a = house_unit(h, group, "AA", "Sở A"), on_a = house_machine(h, "AA-001", group),
	        lost = house_machine(h, "BB-001", group), b = house_unit(h, group, "BB", "Sở B"),
	        on_b = house_machine(h, "BB-002", group);
	house_end(h);
	assert_int_equal(node_of(h, on_a), a);
	assert_int_equal(node_of(h, lost), group);
	assert_int_equal(node_of(h, on_b), b);
}

static void a_rule_counts_from_its_entry_on(void **state)
{
	struct house *h = *state;
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối"), a = house_unit(h, group, "AA", "Sở A");
	house_end(h);
	house_begin(h, house_day("2022-02-02"));
	int64_t before = house_machine(h, "máy 1", 0);
	house_end(h);
	house_begin(h, house_day("2022-02-03"));
	house_rule(h, "kế toán [0-9]+", a);
	house_end(h);
	house_begin(h, house_day("2022-02-04"));
	int64_t after = house_machine(h, "kế toán 1", 0);
	house_end(h);
	assert_int_equal(node_of(h, before), NODE_PROVINCE);
	assert_int_equal(node_of(h, after), a);
}

static int64_t interval_on(struct house *h, int64_t machine_id, const char *day)
{
	struct policy p;
	clock_simulate(house_day(day));
	assert_int_equal(desk_policy(h->desk, h->db, machine_id, &p), 0);
	return p.set[SETTING_SYNC_INTERVAL_S].value;
}

static void statements_begin_and_end_by_themselves(void **state)
{
	struct house *h = *state;
	struct err e = {0};
	house_begin(h, house_day("2022-02-01"));
	int64_t m = house_machine(h, "x", 0);
	const struct policy_statement s = {.node_id = NODE_PROVINCE,
	    .setting = SETTING_SYNC_INTERVAL_S,
	    .valid_from = house_day("2022-02-10"),
	    .valid_to = house_day("2022-02-20"),
	    .present = true,
	    .value = 333};
	assert_int_equal(policy_state(h->db, &h->l, &s, &e), 0);
	house_end(h);
	int64_t standard = setting_defs[SETTING_SYNC_INTERVAL_S].standard;
	assert_int_equal(interval_on(h, m, "2022-02-09"), standard);
	assert_int_equal(interval_on(h, m, "2022-02-10"), 333);
	assert_int_equal(interval_on(h, m, "2022-02-19"), 333);
	assert_int_equal(interval_on(h, m, "2022-02-20"), standard);
	/* the clock of a simulation goes either way */
	assert_int_equal(interval_on(h, m, "2022-02-12"), 333);
	assert_int_equal(interval_on(h, m, "2022-02-02"), standard);
}

static int run(const char *kind)
{
	const struct CMUnitTest tests[] = {
	    EACH_WITH(what_was_undone_is_not_known, house_up, house_down),
	    EACH_WITH(an_entry_knows_what_it_says_itself, house_up, house_down),
	    EACH_WITH(a_rule_counts_from_its_entry_on, house_up, house_down),
	    EACH_WITH(statements_begin_and_end_by_themselves, house_up, house_down),
	};
	char name[64];
	snprintf(name, sizeof name, "desk-%s", kind);
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
