#include "generation_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine_yara.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <yara.h>

static const struct engine *const yara_only[] = {&engine_yara};

static void rules_match_and_say_what_it_means(void **state)
{
	struct generation g;
	struct scan_result r;
	(void)state;
	generation_open(&g);
	generation_text(&g, "yara/a.yar",
	    "rule sure { meta: verdict = \"infected\" strings: $a = \"surely bad\" condition: $a }\n"
	    "rule maybe { strings: $a = \"maybe bad\" condition: $a }\n"
	    "rule outside { condition: filename == \"x\" or owner == \"y\" }\n");
	generation_text(&g, "yara/pe.b.yar", "rule any_pe { condition: filetype == \"pe\" and depth == 0 }\n");
	struct pipeline *p = generation_load(&g, yara_only, 1);
	assert_true(pipeline_check(p));
	assert_int_equal(g.problems, 0);
	assert_int_equal(generation_state(p, "yara")->signatures, 4);
	r = generation_scan(&g, p, "this is surely bad", 18);
	assert_int_equal(r.verdict, SCAN_INFECTED);
	assert_string_equal(r.finds[0].name, "YARA.sure");
	r = generation_scan(&g, p, "this is maybe bad", 17);
	assert_int_equal(r.verdict, SCAN_SUSPICIOUS);
	r = generation_scan(&g, p, "MZ\0\0", 4);
	assert_string_equal(r.finds[0].name, "YARA.any_pe");
	r = generation_scan(&g, p, "ZM\0\0", 4);
	assert_int_equal(r.verdict, SCAN_CLEAN);
	pipeline_free(p);
	generation_close(&g);
}

static void without_rules_the_planted_one_is_found_all_the_same(void **state)
{
	struct generation g;
	(void)state;
	generation_open(&g);
	struct pipeline *p = generation_load(&g, yara_only, 1);
	assert_true(pipeline_check(p));
	assert_int_equal(generation_state(p, "yara")->health, ENGINE_NO_SIGNATURES);
	assert_int_equal(generation_scan(&g, p, "x", 1).reason, SCAN_NO_ENGINE);
	pipeline_free(p);
	generation_close(&g);
}

static void a_file_that_does_not_compile_is_named_with_its_line(void **state)
{
	struct generation g;
	(void)state;
	generation_open(&g);
	generation_text(&g, "yara/a.yar", "rule a { strings: $a = \"aaaa\" condition: $a }\n");
	generation_text(&g, "yara/b.yar", "rule b { condition: true }\n\nrule c { condition: nonsense }\n");
	generation_text(&g, "yara/c.yar", "rule d { strings: $a = \"dddd\" condition: $a }\n");
	generation_text(&g, "yara/d.yarc", "not compiled rules at all, whatever the extension says");
	generation_text(&g, "yara/elf.e.yar", "include \"a.yar\"\n");
	struct pipeline *p = generation_load(&g, yara_only, 1);
	assert_true(pipeline_check(p));
	assert_string_equal(g.problem, "yara yara/b.yar:3 undefined identifier \"nonsense\"");
	assert_int_equal(g.problems, 3);
	assert_int_equal(generation_state(p, "yara")->signatures, 2);
	assert_int_equal(generation_scan(&g, p, "aaaa", 4).n_finds, 1);
	assert_int_equal(generation_scan(&g, p, "dddd", 4).n_finds, 1);
	assert_int_equal(generation_scan(&g, p, "bbbb", 4).verdict, SCAN_CLEAN);
	pipeline_free(p);
	generation_close(&g);
}

static void compiled_rules_are_taken(void **state)
{
	struct generation g;
	YR_COMPILER *c;
	YR_RULES *rules;
	char path[128];
	(void)state;
	generation_open(&g);
	generation_text(&g, "yara/pe.nothing.yar", "rule nothing { condition: false }\n");
	assert_int_equal(yr_initialize(), 0);
	assert_int_equal(yr_compiler_create(&c), 0);
	assert_int_equal(
	    yr_compiler_add_string(c, "rule ready { strings: $a = \"ready made\" condition: $a }", NULL), 0);
	assert_int_equal(yr_compiler_get_rules(c, &rules), 0);
	snprintf(path, sizeof path, "%s/1/yara/x.yarc", g.path);
	assert_int_equal(yr_rules_save(rules, path), 0);
	yr_rules_destroy(rules);
	yr_compiler_destroy(c);
	yr_finalize();
	struct pipeline *p = generation_load(&g, yara_only, 1);
	assert_int_equal(g.problems, 0);
	assert_int_equal(generation_state(p, "yara")->signatures, 2);
	assert_string_equal(generation_scan(&g, p, "it is ready made", 16).finds[0].name, "YARA.ready");
	pipeline_free(p);
	generation_close(&g);
}

static void a_rule_that_takes_too_long_is_a_time_out(void **state)
{
	struct generation g;
	struct scan_limits limits = SCAN_LIMITS_DEFAULT;
	size_t n = 8 << 20;
	char *bytes = malloc(n);
	(void)state;
	generation_open(&g);
	generation_text(&g, "yara/slow.yar",
	    "rule slow { strings: $a = /a.{1,900}b.{1,900}c/ $b = \"aaaa\" condition: for all i in (1..#b) : "
	    "(for all j in (1..#b) : (@b[i] + @b[j] >= 0)) and $a }\n");
	struct pipeline *p = generation_load(&g, yara_only, 1);
	assert_int_equal(g.problems, 0);
	limits.max_ms = 1000;
	pipeline_set_limits(p, &limits);
	assert_non_null(bytes);
	memset(bytes, 'a', n);
	struct scan_result r = generation_scan(&g, p, bytes, n);
	free(bytes);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_TIMED_OUT);
	assert_string_equal(r.reason_engine, "yara");
	pipeline_free(p);
	generation_close(&g);
}

static void a_large_file_is_scanned_where_it_lies(void **state)
{
	struct generation g;
	struct scan_result r;
	(void)state;
	generation_open(&g);
	generation_text(&g, "yara/a.yar", "rule far { strings: $a = \"far away\" condition: $a at (filesize - 8) }\n");
	struct pipeline *p = generation_load(&g, yara_only, 1);
	int fd = openat(g.folder, "large", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(fd, "far away", 8, CONTENT_IN_MEMORY + 100), 8);
	pipeline_scan(p, fd, &r);
	close(fd);
	assert_int_equal(r.verdict, SCAN_SUSPICIOUS);
	assert_string_equal(r.finds[0].name, "YARA.far");
	pipeline_free(p);
	generation_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rules_match_and_say_what_it_means),
	    cmocka_unit_test(without_rules_the_planted_one_is_found_all_the_same),
	    cmocka_unit_test(a_file_that_does_not_compile_is_named_with_its_line),
	    cmocka_unit_test(compiled_rules_are_taken),
	    cmocka_unit_test(a_rule_that_takes_too_long_is_a_time_out),
	    cmocka_unit_test(a_large_file_is_scanned_where_it_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
