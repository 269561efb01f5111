#include "house.h"

#include "naming.h"
#include "policy_store.h"

#include <string.h>

static struct unit_statement said(const struct house *h, int64_t id, int64_t above, const char *code)
{
	return (struct unit_statement){.node_id = id,
	    .valid_from = h->l.recorded_at,
	    .valid_to = TIME_END,
	    .present = true,
	    .parent_id = above,
	    .code = code,
	    .name = "Đơn vị"};
}

static int state_unit(struct house *h, const struct unit_statement *s, const char *error)
{
	struct err e = {0};
	int r = unit_state(h->db, &h->l, s, &e);
	if (error)
		assert_string_equal(e.text, error);
	else if (r)
		fail_msg("%s", e.text);
	return r;
}

static void the_tree_stays_a_tree(void **state)
{
	struct house *h = *state;
	struct err e = {0};
	int64_t id;
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối"), a = house_unit(h, group, "AA", "Sở A"),
	        b = house_unit(h, a, "BB", "B");
	house_end(h);

	house_begin(h, house_day("2022-02-02"));
	struct unit_statement s = said(h, a, b, "AA");
	assert_int_equal(state_unit(h, &s, "a node would hang below itself"), -ELOOP);
	house_undo(h);
	house_begin(h, house_day("2022-02-02"));
	s = said(h, a, group, "AA");
	s.present = false;
	assert_int_equal(
	    state_unit(h, &s, "as of 2022-02-02: \"B\" (BB) would hang on a node that is not there"), -ENOENT);
	house_undo(h);
	house_begin(h, house_day("2022-02-02"));
	s = said(h, b, group,
	    "a\xcc\x81"
	    "A"); /* folds to the code that is taken */
	s.name = "Đơn vị";
	assert_int_equal(
	    state_unit(h, &s, "as of 2022-02-02: \"Sở A\" and \"Đơn vị\" would have the same code áA"), -EEXIST);
	house_undo(h);
	house_begin(h, house_day("2022-02-02"));
	s = said(h, b, NODE_PROVINCE, "BB");
	assert_int_equal(
	    state_unit(h, &s, "as of 2022-02-02: \"Đơn vị\" (BB): a unit hangs on a group or on another unit"),
	    -EINVAL);
	house_undo(h);
	house_begin(h, house_day("2022-02-02"));
	s = said(h, b, a, "BB");
	s.valid_from++;
	assert_int_equal(state_unit(h, &s, "a change of the tree is stated when its day has come"), -EINVAL);
	s = said(h, b, a, "B B");
	assert_int_equal(
	    state_unit(h, &s, "the code \"B B\" has a character other than letters, digits, \".\", \"_\", \"-\""),
	    -EINVAL);
	s = said(h, 99, a, "CC");
	assert_int_equal(state_unit(h, &s, "there is no node 99"), -ENOENT);
	int64_t above = b;
	for (int i = 0; i < MAX_TREE_DEPTH - 4; i++) {
		char code[16];
		snprintf(code, sizeof code, "T%d", i);
		above = house_unit(h, above, code, "Tổ");
	}
	s = said(h, 0, above, "T99");
	assert_int_equal(unit_create(h->db, &h->l, NODE_KIND_UNIT, &s, &id, &e), -ELOOP);
	house_undo(h);
}

static void a_correction_of_the_past_is_checked_where_it_speaks(void **state)
{
	struct house *h = *state;
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối"), a = house_unit(h, group, "AA", "Sở A");
	house_end(h);
	house_begin(h, house_day("2022-02-10"));
	struct unit_statement s = said(h, a, group, "AX");
	state_unit(h, &s, NULL);
	int64_t b = house_unit(h, group, "AA", "Sở B"); /* the code is free from today on */
	house_end(h);
	house_begin(h, house_day("2022-02-11"));
	s = said(h, b, group, "AA");
	s.valid_from = house_day("2022-02-05"); /* when it was the other's */
	assert_int_equal(
	    state_unit(h, &s, "as of 2022-02-05: \"Sở A\" and \"Đơn vị\" would have the same code AA"), -EEXIST);
	house_undo(h);
}

static int state_lines(struct house *h, int64_t *doc, bool present, int64_t from, size_t n,
    const struct licence_line *lines, const char *error)
{
	const struct licence_document d = {
	    .doc_id = *doc, .present = present, .valid_from = from, .number = "1/QĐ", .n_lines = n, .lines = lines};
	struct err e = {0};
	int r = licence_state_document(h->db, &h->l, &d, doc, &e);
	if (error)
		assert_string_equal(e.text, error);
	else if (r)
		fail_msg("%s", e.text);
	return r;
}

static void licences_are_paired_and_bounded(void **state)
{
	struct house *h = *state;
	int64_t doc = 0, transfer = 0;
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối"), a = house_unit(h, group, "AA", "Sở A"),
	        b = house_unit(h, group, "BB", "Sở B"), pool = house_pool(h, 100);
	const struct licence_line give[] = {{pool, 0, -60}, {pool, a, 60}};
	assert_int_equal(state_lines(h, &doc, true, house_day("2022-02-01"), 2, give, NULL), 0);
	house_end(h);
	house_begin(h, house_day("2022-02-02"));
	const struct licence_line uneven[] = {{pool, 0, -60}, {pool, a, 59}};
	assert_int_equal(state_lines(h, &transfer, true, house_day("2022-02-02"), 2, uneven,
	                     "the lines of pool 1 sum to -1, not to zero"),
	    -EINVAL);
	const struct licence_line to_group[] = {{pool, 0, -1}, {pool, group, 1}};
	assert_int_equal(state_lines(h, &transfer, true, house_day("2022-02-02"), 2, to_group,
	                     "line 2: licences are allocated to units; \"Khối\" is none"),
	    -EINVAL);
	const struct licence_line too_many[] = {{pool, 0, -41}, {pool, b, 41}};
	assert_int_equal(state_lines(h, &transfer, true, house_day("2022-02-02"), 2, too_many,
	                     "contract 01/HĐ has 100 licences; 101 would be allocated on 2022-02-02"),
	    -EDQUOT);
	house_undo(h);
	transfer = 0;
	house_begin(h, house_day("2022-02-02"));
	const struct licence_line too_much[] = {{pool, a, -61}, {pool, b, 61}};
	assert_int_equal(state_lines(h, &transfer, true, house_day("2022-02-02"), 2, too_much,
	                     "unit AA would have -1 licences of pool 1 on 2022-02-02"),
	    -EDQUOT);
	house_undo(h);
	transfer = 0;
	house_begin(h, house_day("2022-02-02"));
	const struct licence_line half[] = {{pool, a, -30}, {pool, b, 30}};
	assert_int_equal(state_lines(h, &transfer, true, house_day("2022-02-02"), 2, half, NULL), 0);
	house_end(h);
	house_begin(h, house_day("2022-02-03"));
	/* what was transferred on cannot be cancelled under it */
	assert_int_equal(state_lines(h, &doc, false, house_day("2022-02-01"), 2, give,
	                     "unit AA would have -30 licences of pool 1 on 2022-02-02"),
	    -EDQUOT);
	house_undo(h);
}

static void the_end_of_a_contract_ends_its_licences(void **state)
{
	struct house *h = *state;
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối"), a = house_unit(h, group, "AA", "Sở A"),
	        pool = house_pool(h, 100);
	house_allocate(h, pool, a, 60);
	house_end(h);
	struct figures *f = house_figures(h, house_at(day_last_us(day_of(house_day("2022-12-31")))));
	assert_int_equal(f->total.allocated, 60);
	assert_int_equal(f->pool.quantity, 100);
	figures_free(f);
	f = house_figures(h, house_at(house_day("2023-01-01")));
	assert_false(f->total.has_allocation);
	assert_false(f->pool.exists);
	figures_free(f);
}

static void expect_place(struct house *h, int64_t machine, int64_t node, enum place_basis basis)
{
	char uid[MACHINE_UID_TEXT];
	struct machine_row row;
	assert_int_equal(db_row(h->db, "select uid from machine where id = $1", "i", machine, "T", uid, sizeof uid), 0);
	assert_int_equal(machine_get(h->db, scope_everything(), uid, &row), 0);
	assert_int_equal(row.node_id, node);
	assert_int_equal(row.basis, basis);
	machine_row_release(&row);
}

static void names_lead_to_units(void **state)
{
	struct house *h = *state;
	struct err e = {0};
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối"), hlv = house_unit(h, group, "HLV", "Huyện Lập Vò"),
	        hlvg = house_unit(h, group, "HLVG", "Huyện Lai Vung"),
	        gd = house_unit(h, group, "SGDĐT", "Sở Giáo dục");
	house_end(h);
	house_begin(h, house_day("2022-02-02"));
	int64_t rule = house_rule(h, "(?<unit>\\w+)-[A-Z0-9]+-[0-9]{3}", 0);
	house_end(h);
	house_begin(h, house_day("2022-02-03"));
	int64_t m1 = house_machine(h, "hlv-VP-001", group), m2 = house_machine(h, "HLVG-VP-001", group),
	        m3 = house_machine(h, "HLVX-VP-001", group), m4 = house_machine(h, "SGD\xc4\x90T-VP-001", 0),
	        m5 = house_machine(h, "SGDDT-VP-001", 0), m6 = house_machine(h, "HLV-VP-001-OLD", 0);
	house_end(h);
	expect_place(h, m1, hlv, PLACE_RULE);
	expect_place(h, m2, hlvg, PLACE_RULE);
	expect_place(h, m3, group, PLACE_TOKEN);
	expect_place(h, m4, gd, PLACE_RULE);
	expect_place(h, m5, gd, PLACE_RULE);
	expect_place(h, m6, NODE_PROVINCE, PLACE_PROVINCE);

	house_begin(h, house_day("2022-02-04"));
	bool changed;
	assert_int_equal(machine_rename(h->db, &h->l, h->desk, m1, "hlv-VP-001", &changed), 0);
	assert_false(changed);
	assert_int_equal(machine_rename(h->db, &h->l, h->desk, m1, "HLVG-VP-002", &changed), 0);
	assert_true(changed);
	assert_int_equal(machine_overrule(h->db, &h->l, m2, gd, "cho mượn", &e), 0);
	house_end(h);
	expect_place(h, m1, hlvg, PLACE_RULE);
	expect_place(h, m2, gd, PLACE_OVERRULED);

	int64_t tried, moved;
	const struct naming_rule gone = {.rule_id = rule};
	const struct naming_trial trial = {.rule = &gone, .remove = true};
	assert_int_equal(naming_try(h->db, scope_everything(), &trial, &tried, &moved, &e), 0);
	assert_int_equal(tried, 6);
	assert_int_equal(moved, 3); /* m1, m4, m5; the overruled one stays */
	house_begin(h, house_day("2022-02-05"));
	assert_int_equal(naming_state(h->db, &h->l, &gone, true, NULL, &moved, &e), 0);
	house_end(h);
	assert_int_equal(moved, 3);
	expect_place(h, m1, group, PLACE_TOKEN);
	expect_place(h, m2, gd, PLACE_OVERRULED);
	expect_place(h, m4, NODE_PROVINCE, PLACE_PROVINCE);
	house_begin(h, house_day("2022-02-06"));
	assert_int_equal(machine_lift(h->db, &h->l, m2, &e), 0);
	house_end(h);
	expect_place(h, m2, group, PLACE_TOKEN);
}

static void hostile_patterns_are_refused_or_bounded(void **state)
{
	struct house *h = *state;
	house_begin(h, house_day("2022-02-01"));
	static const struct {
		const char *pattern, *error;
	} cases[] = {
	    {"(", "the pattern, at byte 1: missing closing parenthesis"},
	    {"a\\Cb(?<unit>x)", "the pattern, at byte 3: using \\C is disabled by the application"},
	    {"(a+)+(?<unit>[bc])", "the pattern takes too long on a long name that does not fit it"},
	    {"(?<unit>(?:[a-z0-9]*)*[xy])", "the pattern takes too long on a long name that does not fit it"},
	    {"PC", "the pattern has no group `unit`, and the rule names no node"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct naming_rule rule = {.priority = 1, .pattern = cases[i].pattern};
		struct err e = {0};
		int64_t id;
		assert_int_equal(naming_state(h->db, &h->l, &rule, false, &id, NULL, &e), -EINVAL);
		assert_string_equal(e.text, cases[i].error);
	}
	char nested[MAX_PATTERN + 1];
	memset(nested, '(', sizeof nested - 1);
	nested[sizeof nested - 1] = 0;
	bool names_unit;
	assert_int_equal(naming_check_pattern(nested, &names_unit, NULL), -EINVAL);
	house_undo(h);
}

static void policy_is_inherited_and_locked(void **state)
{
	struct house *h = *state;
	struct err e = {0};
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối"), a = house_unit(h, group, "AA", "Sở A"),
	        m = house_machine(h, "x", a);
	struct policy_statement s = {.node_id = a,
	    .setting = SETTING_SYNC_INTERVAL_S,
	    .valid_from = h->l.recorded_at,
	    .valid_to = TIME_END,
	    .present = true,
	    .value = 300};
	assert_int_equal(policy_state(h->db, &h->l, &s, &e), 0);
	house_end(h);
	struct policy p;
	char json[POLICY_JSON], hash[POLICY_HASH_TEXT], other[POLICY_HASH_TEXT];
	assert_int_equal(desk_policy(h->desk, h->db, m, &p), 0);
	assert_int_equal(p.set[SETTING_SYNC_INTERVAL_S].value, 300);
	assert_int_equal(p.set[SETTING_SYNC_INTERVAL_S].from_node, a);
	assert_int_equal(p.set[SETTING_ACTIVE_DAYS].value, 30);
	assert_int_equal(p.version, h->l.rev);
	policy_agent_json(&p, json);
	assert_non_null(strstr(json, ",\"sync.interval_s\":300}"));
	assert_null(strstr(json, "report."));   /* not the agents' */
	for (int i = 1; i < SETTING_COUNT; i++) /* the order of canonical JSON */
		assert_true(strcmp(setting_defs[i - 1].name, setting_defs[i].name) < 0);
	policy_hash(&p, hash);
	house_begin(h, house_day("2022-02-02"));
	s.node_id = group;
	s.value = 60;
	s.locked = true;
	s.valid_from = h->l.recorded_at;
	assert_int_equal(policy_state(h->db, &h->l, &s, &e), 0);
	house_end(h);
	assert_int_equal(desk_policy(h->desk, h->db, m, &p), 0);
	assert_int_equal(p.set[SETTING_SYNC_INTERVAL_S].value, 60);
	assert_true(p.set[SETTING_SYNC_INTERVAL_S].locked);
	policy_hash(&p, other);
	assert_string_not_equal(hash, other);
	house_begin(h, house_day("2022-02-03"));
	s.node_id = a;
	assert_int_equal(policy_state(h->db, &h->l, &s, &e), -EPERM);
	assert_string_equal(e.text, "sync.interval_s is locked by \"Khối\"");
	memset(&e, 0, sizeof e);
	s.node_id = group;
	s.value = 1;
	assert_int_equal(policy_state(h->db, &h->l, &s, &e), -ERANGE);
	assert_string_equal(e.text, "sync.interval_s is 5 to 86400 s");
	house_undo(h);
	/* canonical: sorted by name */
	for (size_t i = 1, last = 0; i < SETTING_COUNT; i++) {
		if (setting_defs[i].audience & FOR_AGENT) {
			assert_true(strcmp(setting_defs[last].name, setting_defs[i].name) < 0);
			last = i;
		}
	}
}

static void lists_page_search_and_keep_to_their_scope(void **state)
{
	struct house *h = *state;
	struct scope *scope;
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối"), a = house_unit(h, group, "AA", "Sở A"),
	        b = house_unit(h, group, "BB", "Sở B");
	for (int i = 0; i < 25; i++) {
		char name[32];
		snprintf(name, sizeof name, "Máy-%02d", i);
		house_machine(h, name, i % 5 ? a : b);
	}
	house_machine(h, "lạc", group);
	house_end(h);
	struct machine_query q = {.search = "may-", .limit = 10, .state = MACHINES_INSTALLED};
	struct machine_page page;
	char fold[sizeof page.next_name_fold], uid[MACHINE_UID_TEXT];
	int seen = 0;
	do {
		assert_int_equal(machine_list(h->db, scope_everything(), &q, &page), 0);
		assert_int_equal(page.total, 25);
		for (size_t i = 0; i < page.n; i++) {
			char name[32];
			snprintf(name, sizeof name, "Máy-%02d", seen++);
			assert_string_equal(page.rows[i].name, name);
		}
		memcpy(fold, page.next_name_fold, sizeof fold);
		memcpy(uid, page.next_uid, sizeof uid);
		q.after_name_fold = fold;
		q.after_uid = uid;
		machine_page_release(&page);
	} while (fold[0]);
	assert_int_equal(seen, 25);
	q = (struct machine_query){.node_id = group, .node_only = true, .limit = 10, .state = MACHINES_ANY};
	assert_int_equal(machine_list(h->db, scope_everything(), &q, &page), 0);
	assert_int_equal(page.total, 1);
	machine_page_release(&page);
	assert_int_equal(scope_grant(&scope, &b, 1), 0);
	q = (struct machine_query){.limit = 10, .state = MACHINES_SILENT};
	assert_int_equal(machine_list(h->db, scope, &q, &page), 0);
	assert_int_equal(page.total, 5);
	struct machine_row row;
	assert_int_equal(machine_get(h->db, scope, page.rows[0].uid, &row), 0);
	machine_row_release(&row);
	machine_page_release(&page);
	q = (struct machine_query){.node_id = a, .limit = 1, .state = MACHINES_ANY};
	assert_int_equal(machine_list(h->db, scope_everything(), &q, &page), 0);
	assert_int_equal(machine_get(h->db, scope, page.rows[0].uid, &row), -ENOENT);
	machine_page_release(&page);
	scope_free(scope);
}

static int run(const char *kind)
{
	const struct CMUnitTest tests[] = {
	    EACH_WITH(the_tree_stays_a_tree, house_up, house_down),
	    EACH_WITH(a_correction_of_the_past_is_checked_where_it_speaks, house_up, house_down),
	    EACH_WITH(licences_are_paired_and_bounded, house_up, house_down),
	    EACH_WITH(the_end_of_a_contract_ends_its_licences, house_up, house_down),
	    EACH_WITH(names_lead_to_units, house_up, house_down),
	    EACH_WITH(hostile_patterns_are_refused_or_bounded, house_up, house_down),
	    EACH_WITH(policy_is_inherited_and_locked, house_up, house_down),
	    EACH_WITH(lists_page_search_and_keep_to_their_scope, house_up, house_down),
	};
	char name[64];
	snprintf(name, sizeof name, "fleet-%s", kind);
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
