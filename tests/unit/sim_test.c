#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plan.h"
#include "rng.h"
#include "str.h"

#include <string.h>

static const struct plan_knobs knobs = {.seed = 14, .reinstalled = 50000, .cloned = 20000, .skewed = 30000};

static size_t count_of(const struct plan *p, const char *code, const char *group, bool misnamed)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct planned *m = &p->machine[i];
		n += (!code || str_eq(m->code, code)) && str_eq(m->group, group) && m->misnamed == misnamed;
	}
	return n;
}

static void the_appendix_is_planned_row_by_row(void **state)
{
	(void)state;
	struct plan p;
	struct err e = {0};
	assert_int_equal(
	    plan_read(&p, KHIEN_DATA "/units-dong-thap.csv", KHIEN_DATA "/dong-thap-2022-05-12.csv", &knobs, &e), 0);
	assert_int_equal(p.n, 5007);
	assert_int_equal(count_of(&p, NULL, "so-ban-nganh", true), 59);
	assert_int_equal(count_of(&p, NULL, "uy-ban-nhan-dan-cap-huyen", true), 0);
	assert_int_equal(count_of(&p, "SNNPTNT", "so-ban-nganh", false), 198);
	assert_int_equal(count_of(&p, "TTTHDL", "so-ban-nganh", false), 17);
	assert_int_equal(count_of(&p, "HLVG", "uy-ban-nhan-dan-cap-huyen", false), 257);
	for (size_t i = 0; i < p.n; i++)
		assert_true(strlen(p.machine[i].name) <= 15); /* NetBIOS */
	plan_release(&p);
}

static void the_same_seed_is_the_same_fleet(void **state)
{
	(void)state;
	struct plan a, b;
	struct plan_knobs other = knobs;
	struct hardware ha, hb;
	size_t differ = 0;
	assert_int_equal(plan_uniform(&a, 2000, &knobs, NULL), 0);
	assert_int_equal(plan_uniform(&b, 2000, &knobs, NULL), 0);
	assert_memory_equal(a.machine, b.machine, a.n * sizeof a.machine[0]);
	plan_hardware(&knobs, &a.machine[7], 0, &ha);
	plan_hardware(&knobs, &b.machine[7], 0, &hb);
	assert_int_equal(hw_compare(&ha, &hb), HW_SAME);
	plan_hardware(&knobs, &b.machine[7], 1, &hb);
	assert_int_equal(hw_compare(&ha, &hb), HW_DIFFERENT);
	plan_hardware(&knobs, &b.machine[8], 0, &hb);
	assert_int_equal(hw_compare(&ha, &hb), HW_DIFFERENT);
	plan_release(&b);
	other.seed++;
	assert_int_equal(plan_uniform(&b, 2000, &other, NULL), 0);
	for (size_t i = 0; i < a.n; i++)
		differ += strcmp(a.machine[i].name, b.machine[i].name) != 0;
	assert_true(differ > 1000);
	plan_release(&a);
	plan_release(&b);
}

static void shares_are_what_was_asked(void **state)
{
	(void)state;
	struct plan p;
	size_t reinstalled = 0, cloned = 0, skewed = 0;
	assert_int_equal(plan_uniform(&p, 20000, &knobs, NULL), 0);
	for (size_t i = 0; i < p.n; i++) {
		reinstalled += p.machine[i].reinstalled;
		cloned += p.machine[i].cloned;
		skewed += p.machine[i].skew_us != 0;
	}
	assert_in_range(reinstalled, 850, 1150); /* 5% of 20.000, within five deviations */
	assert_in_range(cloned, 300, 500);
	assert_in_range(skewed, 480, 720);
	plan_release(&p);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
	(void)state;
	struct plan p;
	struct err e = {0};
	assert_int_equal(
	    plan_read(&p, KHIEN_DATA "/units-dong-thap.csv", KHIEN_DATA "/units-dong-thap.csv", &knobs, &e), -EINVAL);
	assert_non_null(strstr(e.text, "line 1: no column 'unit'"));
	e = (struct err){0};
	assert_int_equal(plan_read(&p, "/nowhere.csv", "/nowhere.csv", &knobs, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/nowhere.csv"));
}

static void a_draw_below_n_is_below_n(void **state)
{
	(void)state;
	struct rng r = rng_child(1, 2);
	size_t seen[7] = {0};
	for (int i = 0; i < 70000; i++)
		seen[rng_below(&r, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 9500, 10500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_appendix_is_planned_row_by_row),
	    cmocka_unit_test(the_same_seed_is_the_same_fleet),
	    cmocka_unit_test(shares_are_what_was_asked),
	    cmocka_unit_test(what_is_wrong_is_told_with_its_place),
	    cmocka_unit_test(a_draw_below_n_is_below_n),
	};
	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
