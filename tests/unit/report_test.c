#include "house.h"

#include "csv.h"
#include "policy_store.h"
#include "text.h"

#include <string.h>

/* The dispatch of reporting.md: its units with their codes, the appendix's counts, the pool's 5.137 licences. */
struct dispatch {
	struct house *h;
	int64_t groups[2];
	int64_t machines, misnamed;
};

struct appendix {
	struct dispatch *d;
	struct tree *tree;
};

static const struct node *unit_named(const struct tree *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->nodes[i].name, name) == 0)
			return &t->nodes[i];
	}
	return NULL;
}

static int enrol_row(void *arg, int64_t line, size_t n, const char *const *fields, struct err *e)
{
	struct appendix *a = arg;
	(void)e;
	if (line == 1)
		return 0;
	assert_int_equal(n, 6);
	const struct node *unit = unit_named(a->tree, fields[2]), *group = tree_by_code(a->tree, fields[0]);
	long installed = strtol(fields[4], NULL, 10);
	for (long i = 1; i <= installed; i++) {
		char name[64];
		if (unit)
			snprintf(name, sizeof name, "%s-VP-%03ld", unit->code, i);
		else
			snprintf(name, sizeof name, "DESKTOP-%05ld", i);
		int64_t id = house_machine(a->d->h, name, group->id);
		house_heard(a->d->h, id, a->d->h->l.recorded_at);
		a->d->machines++;
		a->d->misnamed += unit == NULL;
	}
	return 0;
}

static void import(struct house *h, enum import_kind kind, const char *file, int64_t pool_id, int64_t created)
{
	const struct import_options o = {.document = "36/QĐ-STTTT", .pool_id = pool_id};
	struct import_result result;
	struct err e = {0};
	size_t n;
	char *text = house_file(file, &n);
	if (house_import(h, kind, text, n, &o, &result, &e))
		fail_msg("%s", e.text);
	assert_int_equal(result.created, created);
	free(text);
}

static void enrol_all(struct dispatch *d)
{
	struct appendix a = {.d = d};
	struct csv *csv;
	struct err e = {0};
	size_t n;
	char *text = house_file("dong-thap-2022-05-12.csv", &n);
	assert_int_equal(tree_load_now(d->h->db, &a.tree), 0);
	assert_int_equal(csv_new(&csv, ',', enrol_row, &a), 0);
	assert_int_equal(csv_feed(csv, text, n, &e), 0);
	assert_int_equal(csv_finish(csv, &e), 0);
	csv_free(csv);
	d->groups[0] = tree_by_code(a.tree, "so-ban-nganh")->id;
	d->groups[1] = tree_by_code(a.tree, "uy-ban-nhan-dan-cap-huyen")->id;
	tree_free(a.tree);
	free(text);
}

static struct dispatch make_dispatch(struct house *h)
{
	struct dispatch d = {.h = h};
	house_begin(h, house_day("2022-01-10"));
	int64_t pool = house_pool(h, 5137);
	house_end(h);
	house_begin(h, house_day("2022-01-11"));
	import(h, IMPORT_GROUPS, "groups-dong-thap.csv", 0, 2);
	house_end(h);
	house_begin(h, house_day("2022-01-12"));
	import(h, IMPORT_UNITS, "units-dong-thap.csv", pool, 33);
	house_end(h);
	house_begin(h, house_day("2022-01-13"));
	house_rule(h, "(?<unit>[A-Z]+)-[A-Z0-9]+-[0-9]{3}", 0);
	house_end(h);
	house_begin(h, house_day("2022-05-11"));
	enrol_all(&d);
	house_end(h);
	return d;
}

/* Tests that only read it share one. */
static struct house *dispatch_house;
static struct dispatch dispatch;

static int dispatch_up(void **state)
{
	int r = house_up(state);
	dispatch_house = *state;
	dispatch = make_dispatch(dispatch_house);
	clock_simulate(house_day("2022-06-01"));
	return r;
}

static int dispatch_down(void **state)
{
	*state = dispatch_house;
	return house_down(state);
}

static void expect_rate(struct rate r, const char *text)
{
	char got[RATE_TEXT];
	rate_text(r, got);
	assert_string_equal(got, text);
}

static void expect_totals(const struct figure_counts *k, int64_t installed, int64_t allocated, const char *rate,
    int64_t within, const char *within_rate)
{
	assert_int_equal(k->installed, installed);
	assert_int_equal(k->allocated, allocated);
	assert_int_equal(k->within, within);
	expect_rate(figure_rate_installed(k), rate);
	expect_rate(figure_rate_within(k), within_rate);
}

static const char *const departments_in_order[] = {"SXD", "SGTVT", "VPHDND", "STTTT", "SKHDT", "SLDTBXH", "STC",
    "BQLKKT", "SVHTTDL", "SNV", "VPUBND", "TTRA", "SYT", "SNNPTNT", "SGDDT", "SCT", "SKHCN", "SNGV", "STP", "STNMT",
    "TTTHDL", "so-ban-nganh"};

static void the_dispatch_comes_out_right(void **state)
{
	(void)state;
	struct house *h = dispatch_house;
	int32_t day;
	day_parse("2022-05-12", &day);
	struct figures *f = house_figures(h, house_at(day_last_us(day)));
	assert_int_equal(dispatch.machines, 5007);
	assert_int_equal(dispatch.misnamed, 59);
	assert_int_equal(f->n_groups, 2);
	assert_string_equal(f->groups[0].name, "Các Sở, ban, ngành Tỉnh");
	expect_totals(&f->groups[0].total, 1177, 1121, "105,0%", 1082, "96,5%");
	expect_totals(&f->groups[1].total, 3830, 3960, "96,7%", 3830, "96,7%");
	expect_totals(&f->total, 5007, 5081, "98,5%", 4912, "96,7%");
	assert_int_equal(f->pool.quantity, 5137);
	assert_int_equal(f->pool.unallocated, 56);
	expect_rate(f->against_pool, "97,5%");
	assert_false(f->has_unplaced);
	assert_false(f->total.existing_known);
	expect_rate(figure_rate_protected(&f->total), "");
	assert_int_equal(f->total.active, 5007);
	assert_int_equal(f->total.protected_now, 0);
	assert_true(f->simulation);
	const struct figure_group *g = &f->groups[0];
	assert_int_equal(g->n_rows, 22);
	for (size_t i = 0; i < g->n_rows; i++)
		assert_string_equal(g->rows[i].code, departments_in_order[i]);
	expect_rate(figure_rate_installed(&g->rows[0].counts), "112,7%");
	expect_rate(figure_rate_installed(&g->rows[14].counts), "98,2%"); /* 55 of 56, stated as 96,4% */
	assert_false(g->rows[20].counts.has_allocation);
	assert_int_equal(g->rows[20].counts.installed, 17);
	expect_rate(figure_rate_installed(&g->rows[20].counts), "");
	assert_int_equal(g->rows[21].kind, ROW_MISNAMED);
	assert_int_equal(g->rows[21].counts.installed, 59);
	figures_free(f);
}

static void every_figure_opens_to_its_machines(void **state)
{
	(void)state;
	struct house *h = dispatch_house;
	struct as_of at = house_at(house_day("2022-05-12"));
	struct figures *f = house_figures(h, at);
	struct figure_machines *m;
	struct err e = {0};
	for (size_t i = 0; i < f->n_groups; i++) {
		for (size_t k = 0; k < f->groups[i].n_rows; k++) {
			const struct figure_row *row = &f->groups[i].rows[k];
			const struct figure_machine_question q = {
			    .at = at, .node = row->code, .misnamed = row->kind == ROW_MISNAMED};
			assert_int_equal(figures_machines(h->db, scope_everything(), &q, &m, &e), 0);
			assert_int_equal(m->n, row->counts.installed);
			figure_machines_free(m);
		}
		const struct figure_machine_question q = {.at = at, .node = f->groups[i].code};
		assert_int_equal(figures_machines(h->db, scope_everything(), &q, &m, &e), 0);
		assert_int_equal(m->n, f->groups[i].total.installed);
		figure_machines_free(m);
	}
	const struct figure_machine_question all = {.at = at};
	assert_int_equal(figures_machines(h->db, scope_everything(), &all, &m, &e), 0);
	assert_int_equal(m->n, 5007);
	figure_machines_free(m);
	const struct figure_machine_question nobody = {.at = at, .node = "XYZ"};
	assert_int_equal(figures_machines(h->db, scope_everything(), &nobody, &m, &e), -ENOENT);
	figures_free(f);
}

static void moving_a_machine_today_changes_no_figure_of_yesterday(void **state)
{
	struct house *h = *state;
	struct err e = {0};
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối");
	int64_t a = house_unit(h, group, "AA", "Đơn vị A"), b = house_unit(h, group, "BB", "Đơn vị B");
	int64_t machine = house_machine(h, "m", a);
	house_end(h);
	house_begin(h, house_day("2022-02-20"));
	assert_int_equal(machine_overrule(h->db, &h->l, machine, b, "chuyển phòng", &e), 0);
	house_end(h);
	int32_t day;
	day_parse("2022-02-19", &day);
	struct figures *yesterday = house_figures(h, house_at(day_last_us(day)));
	struct figures *today = house_figures(h, house_at(house_day("2022-02-20")));
	assert_string_equal(yesterday->groups[0].rows[0].code, "AA");
	assert_int_equal(yesterday->groups[0].rows[0].counts.installed, 1);
	assert_int_equal(yesterday->groups[0].rows[1].counts.installed, 0);
	assert_int_equal(today->groups[0].rows[0].counts.installed, 0);
	assert_int_equal(today->groups[0].rows[1].counts.installed, 1);
	figures_free(yesterday);
	figures_free(today);
}

static void rates_are_exact_and_vietnamese(void **state)
{
	(void)state;
	static const struct {
		struct rate r;
		const char *text;
	} cases[] = {{{0, 0}, ""}, {{0, 5}, "0,0%"}, {{1, 3}, "33,3%"}, {{2, 3}, "66,7%"}, {{1, 2000}, "0,1%"},
	    {{1, 2001}, "0,0%"}, {{62, 55}, "112,7%"}, {{12345, 1}, "1.234.500,0%"}, {{INT64_MAX / 4000, 1000}, NULL}};
	for (size_t i = 0; i + 1 < sizeof cases / sizeof cases[0]; i++)
		expect_rate(cases[i].r, cases[i].text);
	char text[NUMBER_TEXT];
	number_text(5007, text);
	assert_string_equal(text, "5.007");
	number_text(INT64_MIN, text);
	assert_string_equal(text, "-9.223.372.036.854.775.808");
	number_text(0, text);
	assert_string_equal(text, "0");
	number_text(-100, text);
	assert_string_equal(text, "-100");
	assert_int_equal(rate_compare((struct rate){25, 25}, (struct rate){62, 62}), 0);
	assert_int_equal(rate_compare((struct rate){0, 1}, (struct rate){5, 0}), 1);
	/* equal as doubles */
	assert_int_equal(rate_compare((struct rate){9007199254740993, 9007199254740992}, (struct rate){1, 1}), 1);
}

/* Four machines heard on 1 February, three of them with some protection, eight computers declared. The group. */
static int64_t four_machines(struct house *h)
{
	struct err e = {0};
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối");
	int64_t unit = house_unit(h, group, "AA", "Đơn vị A");
	int64_t m[4];
	for (int i = 0; i < 4; i++) {
		m[i] = house_machine(h, "m", unit);
		house_heard(h, m[i], h->l.recorded_at);
	}
	static const struct {
		int64_t engine, on_access;
		const char *signatures;
		int64_t other;
	} seen[] = {{1, 2, "2022-01-20", 0}, {1, 1, "2022-01-31", 1}, {0, 0, NULL, 2}};
	for (int i = 0; i < 3; i++) {
		int64_t signature_day = seen[i].signatures ? day_of(house_day(seen[i].signatures)) : 0;
		assert_int_equal(
		    db_exec(h->db, NULL,
		        "insert into protection_seen(machine_id, at, engine_ready, on_access, signature_day, other_on,"
		        " other_signature_day, problems) values ($1, $2, $3, $4, $5, $6, $7, '')",
		        "iiiiiii", m[i], h->l.recorded_at, seen[i].engine, seen[i].on_access, signature_day,
		        seen[i].other, (int64_t)day_of(house_day("2022-02-01"))),
		    0);
	}
	const struct declared d = {.node_id = unit,
	    .valid_from = house_day("2022-02-01"),
	    .valid_to = TIME_END,
	    .present = true,
	    .servers = 1,
	    .workstations = 7};
	assert_int_equal(declared_state(h->db, &h->l, &d, &e), 0);
	house_end(h);
	return group;
}

static void active_and_protected_follow_their_definitions(void **state)
{
	struct house *h = *state;
	struct err e = {0};
	int64_t group = four_machines(h);
	static const struct {
		const char *day;
		int64_t active, protected_now;
	} expected[] = {
	    {"2022-02-01", 4, 2}, /* the first by its own engine, the third by another product */
	    {"2022-02-04", 4, 2}, /* signatures of 20 January: 15 days old */
	    {"2022-02-05", 4, 1},
	    {"2022-02-16", 4, 1},
	    {"2022-02-17", 4, 0},
	    {"2022-03-02", 4, 0}, /* 30 days, 1 February included */
	    {"2022-03-03", 0, 0},
	};
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		struct figures *f = house_figures(h, house_at(day_last_us(day_of(house_day(expected[i].day)))));
		assert_int_equal(f->total.installed, 4);
		assert_int_equal(f->total.active, expected[i].active);
		assert_int_equal(f->total.silent, 4 - expected[i].active);
		assert_int_equal(f->total.protected_now, expected[i].protected_now);
		assert_true(f->total.existing_known);
		assert_int_equal(f->total.existing, 8);
		figures_free(f);
	}
	house_begin(h, house_day("2022-02-10"));
	const struct policy_statement s = {.node_id = group,
	    .setting = SETTING_ACTIVE_DAYS,
	    .valid_from = h->l.recorded_at,
	    .valid_to = TIME_END,
	    .present = true,
	    .value = 7,
	    .locked = true};
	assert_int_equal(policy_state(h->db, &h->l, &s, &e), 0);
	house_end(h);
	struct figures *f = house_figures(h, house_at(house_day("2022-02-10")));
	assert_int_equal(f->total.active, 0);
	figures_free(f);
	f = house_figures(h, house_at(house_day("2022-02-09")));
	assert_int_equal(f->total.active, 4); /* the policy of that day had no such word */
	figures_free(f);
}

static void a_scope_sees_its_own_rows_alone(void **state)
{
	(void)state;
	struct house *h = dispatch_house;
	struct as_of at = house_at(house_day("2022-05-12"));
	const struct figure_question q = {.at = at};
	struct figures *f;
	struct scope *scope;
	struct tree *t;
	struct err e = {0};
	assert_int_equal(tree_load(h->db, &at, &t), 0);
	const int64_t granted[] = {tree_by_code(t, "STC")->id, dispatch.groups[1]};
	assert_int_equal(scope_grant(&scope, granted, 2), 0);
	assert_int_equal(figures_make(h->db, scope, &q, &f, &e), 0);
	assert_int_equal(f->n_groups, 2);
	assert_int_equal(f->groups[0].n_rows, 1);
	assert_string_equal(f->groups[0].rows[0].code, "STC");
	assert_int_equal(f->total.installed, 66 + 3830);
	assert_false(f->pool.told);
	figures_free(f);
	struct figure_machines *m;
	const struct figure_machine_question other = {.at = at, .node = "SNV"};
	assert_int_equal(figures_machines(h->db, scope, &other, &m, &e), -ENOENT);
	const struct figure_machine_question group = {.at = at, .node = "so-ban-nganh"};
	assert_int_equal(figures_machines(h->db, scope, &group, &m, &e), 0);
	assert_int_equal(m->n, 66);
	figure_machines_free(m);
	scope_free(scope);
	assert_int_equal(scope_grant(&scope, NULL, 0), 0);
	assert_int_equal(figures_make(h->db, scope, &q, &f, &e), 0);
	assert_int_equal(f->n_groups, 0);
	assert_int_equal(f->total.installed, 0);
	figures_free(f);
	scope_free(scope);
	tree_free(t);
}

static void units_below_units_and_dissolved_ones_count_above(void **state)
{
	struct house *h = *state;
	struct err e = {0};
	house_begin(h, house_day("2022-02-01"));
	int64_t group = house_group(h, "khoi", "Khối");
	int64_t unit = house_unit(h, group, "AA", "Sở A"), below = house_unit(h, unit, "AB", "Chi cục B"),
	        other = house_unit(h, group, "CC", "Sở C");
	int64_t pool = house_pool(h, 100);
	house_machine(h, "1", unit);
	house_machine(h, "2", below);
	house_machine(h, "3", below);
	house_machine(h, "4", other);
	house_machine(h, "5", 0);
	house_end(h);
	house_begin(h, house_day("2022-02-02"));
	house_allocate(h, pool, below, 10);
	house_end(h);
	house_begin(h, house_day("2022-02-03"));
	house_allocate(h, pool, other, 20);
	house_end(h);
	house_begin(h, house_day("2022-03-01"));
	struct unit_statement s = {.node_id = other,
	    .valid_from = h->l.recorded_at,
	    .valid_to = TIME_END,
	    .present = false,
	    .parent_id = group,
	    .code = "CC",
	    .name = "Sở C"};
	assert_int_equal(unit_state(h->db, &h->l, &s, &e), 0);
	house_end(h);
	struct figures *f = house_figures(h, house_at(house_day("2022-02-28")));
	assert_int_equal(f->groups[0].n_rows, 2);
	assert_int_equal(f->groups[0].rows[0].counts.installed, 3); /* 3 of 10 before 1 of 20 */
	assert_int_equal(f->groups[0].rows[0].counts.allocated, 10);
	assert_int_equal(f->total.installed, 5);
	assert_int_equal(f->unplaced.installed, 1);
	assert_int_equal(f->pool.unallocated, 70);
	figures_free(f);
	f = house_figures(h, house_at(house_day("2022-03-01")));
	assert_int_equal(f->groups[0].n_rows, 2);
	assert_int_equal(f->groups[0].rows[1].kind, ROW_MISNAMED);
	assert_int_equal(f->groups[0].rows[1].counts.installed, 1);
	assert_int_equal(f->pool.unallocated, 90);
	figures_free(f);
}

static void reports_are_written_in_three_forms(void **state)
{
	(void)state;
	struct house *h = dispatch_house;
	int32_t day;
	day_parse("2022-05-12", &day);
	struct figures *f = house_figures(h, house_at(day_last_us(day)));
	struct buf b = BUF_INIT(1 << 20);
	json_t *o;
	assert_int_equal(figures_text(f, &b), 0);
	assert_non_null(strstr(buf_str(&b), "Số liệu tính đến 24:00 ngày 12/05/2022\nDỮ LIỆU MÔ PHỎNG\n"));
	assert_non_null(strstr(buf_str(&b), "5.007 / 5.137 = 97,5%; 56 bản quyền chưa phân bổ cho đơn vị nào"));
	buf_clear(&b);
	assert_int_equal(figures_csv(f, &b), 0);
	assert_non_null(strstr(
	    buf_str(&b), "unit,so-ban-nganh,9,SVHTTDL,\"Sở Văn hóa, Thể thao và Du lịch\",62,62,\"100,0%\",62,"));
	assert_non_null(strstr(buf_str(&b),
	    "misnamed,so-ban-nganh,22,,\"Máy tính đã cài đặt, tên máy chưa theo hướng dẫn\",,59,,,,59,0,0,,\r\n"));
	assert_non_null(
	    strstr(buf_str(&b), "total,,,,Tỉnh Đồng Tháp,5081,5007,\"98,5%\",4912,\"96,7%\",5007,0,0,,\r\n"));
	assert_non_null(strstr(buf_str(&b), "pool,,,,Tổng số bản quyền,5137,5007,\"97,5%\",,,,,,,\r\n"));
	buf_release(&b);
	struct buf small = BUF_INIT(100);
	assert_int_equal(figures_text(f, &small), -EMSGSIZE);
	buf_release(&small);
	assert_int_equal(figures_json(f, &o), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "pool"), "unallocated")), 56);
	json_t *total = json_object_get(o, "total"), *rates = json_object_get(total, "rates");
	assert_string_equal(json_string_value(json_object_get(json_object_get(rates, "installed"), "text")), "98,5%");
	assert_true(json_is_null(json_object_get(rates, "protected")));
	json_decref(o);
	figures_free(f);
}

static int run(const char *kind)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(the_dispatch_comes_out_right, dispatch_up),
	    cmocka_unit_test(every_figure_opens_to_its_machines),
	    cmocka_unit_test(a_scope_sees_its_own_rows_alone),
	    cmocka_unit_test_teardown(reports_are_written_in_three_forms, dispatch_down),
	    cmocka_unit_test(rates_are_exact_and_vietnamese),
	    EACH_WITH(moving_a_machine_today_changes_no_figure_of_yesterday, house_up, house_down),
	    EACH_WITH(active_and_protected_follow_their_definitions, house_up, house_down),
	    EACH_WITH(units_below_units_and_dissolved_ones_count_above, house_up, house_down),
	};
	char name[64];
	snprintf(name, sizeof name, "report-%s", kind);
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
