#include "generation_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "allow_set.h"
#include "engine_marker.h"
#include "engine_null.h"
#include "file.h"
#include "manifest.h"
#include "pe_sections.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct engine *const marker_only[] = {&engine_marker};
static const struct engine *const null_only[] = {&engine_null};

/* "kh" "ien-one" and so on in hex */
#define ONE      "khien-marker-one"
#define ONE_LINE "6b6869656e2d6d61726b65722d6f6e65 Test.One\n"

static struct pipeline *load_marker(struct generation *g)
{
	generation_open(g);
	generation_text(g, "markers", ONE_LINE);
	return generation_load(g, marker_only, 1);
}

static void unload(struct generation *g, struct pipeline *p)
{
	pipeline_free(p);
	generation_close(g);
}

static void digests_of(const char *text, struct scan_content *c)
{
	content_of_bytes(c, text, strlen(text), 0);
	assert_int_equal(content_digest(c, SCAN_HAS_MD5 | SCAN_HAS_SHA1 | SCAN_HAS_SHA256), 0);
}

static void digests_are_those_of_the_standards(void **state)
{
	struct scan_content c;
	char hex[65];
	(void)state;
	digests_of("abc", &c);
	hex_encode(hex, c.md5, sizeof c.md5);
	assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
	hex_encode(hex, c.sha1, sizeof c.sha1);
	assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
	hex_encode(hex, c.sha256, sizeof c.sha256);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_result_that_nobody_filled_is_not_clean(void **state)
{
	struct scan_result r = {0};
	(void)state;
	assert_int_equal(r.verdict, SCAN_ERROR);
	scan_result_missed(&r, "x", SCAN_LIMITS);
	scan_result_settle(&r);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	scan_result_add(&r, "x", "bad\nname\xff", SCAN_SUSPICIOUS, 0);
	scan_result_add(&r, "y", "Worse", SCAN_INFECTED, 2);
	for (int i = 0; i < 10; i++)
		scan_result_add(&r, "x", "more", SCAN_SUSPICIOUS, 0);
	scan_result_settle(&r);
	assert_int_equal(r.verdict, SCAN_INFECTED);
	assert_string_equal(r.finds[0].name, "Worse");
	assert_string_equal(r.finds[1].name, "bad?name");
	assert_int_equal(r.n_finds, MAX_SCAN_FINDS);
	assert_int_equal(r.reason, SCAN_LIMITS);
}

static void an_engine_finds_and_its_planted_content_is_found(void **state)
{
	struct generation g;
	struct pipeline *p = load_marker(&g);
	(void)state;
	assert_true(pipeline_check(p));
	assert_int_equal(generation_state(p, "marker")->health, ENGINE_WORKS);
	assert_int_equal(generation_state(p, "marker")->signatures, 1);
	struct scan_result r = generation_scan(&g, p, "before " ONE " after", 7 + 16 + 6);
	assert_int_equal(r.verdict, SCAN_INFECTED);
	assert_string_equal(r.finds[0].name, "Test.One");
	assert_string_equal(r.finds[0].engine, "marker");
	assert_int_equal(r.digests & (SCAN_HAS_MD5 | SCAN_HAS_SHA256), SCAN_HAS_MD5 | SCAN_HAS_SHA256);
	r = generation_scan(&g, p, "nothing", 7);
	assert_int_equal(r.verdict, SCAN_CLEAN);
	assert_int_equal(r.size, 7);
	assert_string_equal(r.type, "text");
	r = generation_scan(&g, p, "", 0);
	assert_int_equal(r.verdict, SCAN_CLEAN);
	unload(&g, p);
}

static void large_contents_are_looked_at_without_memory_for_them(void **state)
{
	struct generation g;
	struct pipeline *p = load_marker(&g);
	struct scan_result r;
	(void)state;
	int fd = openat(g.folder, "large", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	off_t at = CONTENT_IN_MEMORY + (256 << 10) - 5; /* over the edge of a window */
	assert_int_equal(pwrite(fd, ONE, 16, at), 16);
	assert_int_equal(ftruncate(fd, CONTENT_IN_MEMORY + (1 << 20)), 0);
	pipeline_scan(p, fd, &r);
	assert_int_equal(r.verdict, SCAN_INFECTED);
	assert_true(r.digests & SCAN_HAS_SHA256);
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	pipeline_scan(p, fd, &r);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_TOO_BIG);
	assert_int_equal(r.size, (int64_t)1 << 40);
	close(fd);
	unload(&g, p);
}

static void what_is_no_file_is_never_read(void **state)
{
	static const char *const others[] = {"/dev/null", "/dev/zero", "/proc/self/status", "/proc/cpuinfo",
	    "/proc/kmsg", "/", "/sys/kernel/uevent_seqnum"};
	struct generation g;
	struct pipeline *p = load_marker(&g);
	struct scan_result r;
	int ends[2];
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (access(others[i], R_OK) < 0)
			continue;
		r = generation_scan_file(p, others[i]);
		assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
		assert_int_equal(r.reason, SCAN_NOT_REGULAR);
	}
	assert_int_equal(pipe(ends), 0); /* a reader of it would wait for ever */
	pipeline_scan(p, ends[0], &r);
	assert_int_equal(r.reason, SCAN_NOT_REGULAR);
	close(ends[0]);
	close(ends[1]);
	pipeline_scan(p, -1, &r);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_UNREADABLE);
	int fd = openat(g.folder, "writeonly", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(file_write_all(fd, "x", 1), 0);
	pipeline_scan(p, fd, &r);
	assert_int_equal(r.reason, SCAN_UNREADABLE);
	close(fd);
	unload(&g, p);
}

/* An engine that writes to what it scans: whoever does so meanwhile is seen. */
static int victim;
static off_t victim_size;
static void scan_and_disturb(void *s, struct scan_content *c, const struct engine_scan *how, struct scan_result *r)
{
	(void)s, (void)c, (void)how, (void)r;
	assert_int_equal(ftruncate(victim, victim_size), 0);
}
static int load_one(const struct engine_load *l, void **ret, size_t *n, struct err *e)
{
	(void)l, (void)e;
	*ret = NULL;
	*n = 1;
	return 0;
}
static void unload_none(void *s)
{
	(void)s;
}
static const struct engine disturbing = {
    .name = "disturbing", .load = load_one, .unload = unload_none, .scan = scan_and_disturb};

static void a_file_that_grows_or_shrinks_is_not_clean(void **state)
{
	static const struct engine *const engines[] = {&disturbing};
	const off_t sizes[] = {1, 5000, CONTENT_IN_MEMORY + 5000};
	struct generation g;
	struct scan_result r;
	(void)state;
	generation_open(&g);
	struct pipeline *p = generation_load(&g, engines, 1);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (int grows = 0; grows < 2; grows++) {
			victim = openat(g.folder, "victim", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
			assert_int_equal(ftruncate(victim, sizes[i]), 0);
			victim_size = grows ? sizes[i] + 1 : sizes[i] - 1;
			pipeline_scan(p, victim, &r);
			assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
			assert_int_equal(r.reason, SCAN_CHANGED);
			close(victim);
		}
	}
	unload(&g, p);
}

static void nothing_in_force_is_never_clean(void **state)
{
	struct generation g;
	struct scan_result r;
	(void)state;
	generation_open(&g);
	struct pipeline *p = generation_load(&g, marker_only, 1);
	assert_true(pipeline_check(p));
	assert_int_equal(generation_state(p, "marker")->health, ENGINE_NO_SIGNATURES);
	r = generation_scan(&g, p, "x", 1);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_NO_ENGINE);
	pipeline_free(p);
	p = generation_load(&g, null_only, 1);
	r = generation_scan(&g, p, "x", 1);
	assert_int_equal(r.reason, SCAN_NO_ENGINE);
	unload(&g, p);
}

/* An engine whose planted content it does not find, as libclamav without a temporary folder. */
static void scan_nothing(void *s, struct scan_content *c, const struct engine_scan *how, struct scan_result *r)
{
	(void)s, (void)c, (void)how, (void)r;
}
static const void *planted_something(void *s, size_t *n)
{
	(void)s;
	*n = 9;
	return "something";
}
static const struct engine blind = {
    .name = "blind", .load = load_one, .unload = unload_none, .scan = scan_nothing, .planted = planted_something};

static void an_engine_that_misses_what_is_planted_is_no_protection(void **state)
{
	static const struct engine *const engines[] = {&engine_marker, &blind};
	struct generation g;
	(void)state;
	generation_open(&g);
	generation_text(&g, "markers", ONE_LINE);
	struct pipeline *p = generation_load(&g, engines, 2);
	assert_false(pipeline_check(p));
	assert_int_equal(generation_state(p, "blind")->health, ENGINE_MISSES);
	assert_int_equal(generation_state(p, "marker")->health, ENGINE_WORKS);
	struct scan_result r = generation_scan(&g, p, "x", 1);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_NO_ENGINE);
	assert_string_equal(r.reason_engine, "blind");
	r = generation_scan(&g, p, ONE, 16);
	assert_int_equal(r.verdict, SCAN_INFECTED);
	unload(&g, p);
}

static void lines_that_are_wrong_are_named_and_left_out(void **state)
{
	struct generation g;
	(void)state;
	generation_open(&g);
	generation_text(&g, "markers", "zz Bad\n" ONE_LINE "6162 Short\n");
	struct pipeline *p = generation_load(&g, marker_only, 1);
	assert_int_equal(g.problems, 2);
	assert_string_equal(g.problem, "marker markers:1 not \"HEX NAME\"");
	assert_string_equal(generation_state(p, "marker")->problem, "markers:1: not \"HEX NAME\"");
	assert_int_equal(generation_scan(&g, p, ONE, 16).verdict, SCAN_INFECTED);
	unload(&g, p);
}

static void an_altered_file_is_told(void **state)
{
	struct generation g;
	struct manifest m = {.generation = 3, .day = 20000};
	struct err e = {0};
	(void)state;
	generation_open(&g);
	generation_text(&g, "markers", ONE_LINE);
	assert_int_equal(manifest_add(&m, g.signatures, "markers", &e), 0);
	assert_int_equal(manifest_write(&m, g.signatures), 0);
	manifest_release(&m);
	struct pipeline *p = generation_load(&g, marker_only, 1);
	assert_int_equal(g.problems, 0);
	pipeline_free(p);
	generation_text(&g, "markers", "# altered\n" ONE_LINE);
	p = generation_load(&g, marker_only, 1);
	assert_string_equal(g.problem, "signatures MANIFEST:0 markers was altered");
	assert_int_equal(generation_scan(&g, p, ONE, 16).verdict, SCAN_INFECTED);
	unload(&g, p);
}

static void digests_allow_and_deny(void **state)
{
	struct scan_content bad, good;
	struct generation g;
	struct scan_result r;
	(void)state;
	digests_of("bad content", &bad);
	digests_of("good " ONE, &good);
	const struct image_entry entries[] = {
	    {.list = IMAGE_DENY, .kind = IMAGE_MD5, .digest = bad.md5, .size = 11, .name = "Test.Bad"},
	    {.list = IMAGE_ALLOW, .kind = IMAGE_SHA256, .digest = good.sha256, .size = IMAGE_ANY_SIZE, .name = ""},
	};
	generation_open(&g);
	generation_image(&g, entries, 2);
	generation_text(&g, "markers", ONE_LINE);
	struct pipeline *p = generation_load(&g, marker_only, 1);
	r = generation_scan(&g, p, "bad content", 11);
	assert_int_equal(r.verdict, SCAN_INFECTED);
	assert_string_equal(r.finds[0].engine, "image");
	assert_string_equal(r.finds[0].name, "Test.Bad");
	assert_int_equal(r.generation, 42);
	r = generation_scan(&g, p, "good " ONE, 21);
	assert_int_equal(r.verdict, SCAN_CLEAN);
	assert_int_equal(r.allowed_by, SCAN_ALLOWED_SIGNATURES);
	r = generation_scan(&g, p, ONE, 16);
	assert_int_equal(r.verdict, SCAN_INFECTED);
	assert_int_equal(r.allowed_by, SCAN_ALLOWED_NOT);
	generation_text(&g, "other", "not an image");
	struct err e = {0};
	int fd = openat(g.signatures, "other", O_RDONLY | O_CLOEXEC);
	assert_true(pipeline_set_image(p, PIPELINE_SIGNATURES, fd, &e) < 0);
	close(fd);
	assert_int_equal(generation_scan(&g, p, "bad content", 11).verdict, SCAN_INFECTED); /* the old one stands */
	unload(&g, p);
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void the_administrator_allows(void **state)
{
	uint8_t file[ALLOW_HEADER + ALLOW_ENTRY] = "KHIENAL1";
	struct scan_content c;
	struct generation g;
	struct pipeline *p = load_marker(&g);
	(void)state;
	digests_of(ONE, &c);
	put32(file + 8, 1);
	memcpy(file + ALLOW_HEADER, c.sha256, SHA256_BYTES);
	memset(file + ALLOW_HEADER + SHA256_BYTES, 0x7f, 8);
	generation_put(&g, "allow", file, sizeof file);
	int fd = openat(g.signatures, "allow", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pipeline_set_allow(p, fd), 0);
	close(fd);
	struct scan_result r = generation_scan(&g, p, ONE, 16);
	assert_int_equal(r.verdict, SCAN_CLEAN);
	assert_int_equal(r.allowed_by, SCAN_ALLOWED_ADMINISTRATOR);
	assert_int_equal(generation_scan(&g, p, ONE "x", 17).verdict, SCAN_INFECTED);
	generation_put(&g, "allow", file, sizeof file - 1);
	fd = openat(g.signatures, "allow", O_RDONLY | O_CLOEXEC);
	assert_true(pipeline_set_allow(p, fd) < 0);
	close(fd);
	assert_int_equal(generation_scan(&g, p, ONE, 16).verdict, SCAN_CLEAN);
	assert_int_equal(pipeline_set_allow(p, -1), 0);
	assert_int_equal(generation_scan(&g, p, ONE, 16).verdict, SCAN_INFECTED);
	unload(&g, p);
}

static uint8_t gated[SHA256_BYTES];
static enum scan_reason refuse(void *arg, const uint8_t sha256[SHA256_BYTES])
{
	(void)arg;
	memcpy(gated, sha256, SHA256_BYTES);
	return SCAN_CRASHED;
}

static void the_gate_keeps_contents_from_the_engines(void **state)
{
	struct scan_content c;
	struct generation g;
	struct pipeline *p = load_marker(&g);
	(void)state;
	digests_of(ONE, &c);
	pipeline_set_gate(p, refuse, NULL);
	assert_true(pipeline_check(p));
	struct scan_result r = generation_scan(&g, p, ONE, 16);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_CRASHED);
	assert_memory_equal(gated, c.sha256, SHA256_BYTES);
	unload(&g, p);
}

static void sections_of_hostile_files_stay_inside(void **state)
{
	struct pe_section sections[MAX_PE_SECTIONS];
	struct scan_content c;
	uint8_t bytes[1024] = "MZ";
	(void)state;
	put32(bytes + 0x3c, 64);
	memcpy(bytes + 64, "PE\0\0", 4);
	bytes[64 + 6] = 2;
	bytes[64 + 20] = 96;
	put32(bytes + 64 + 24 + 36, 512);
	uint8_t *first = bytes + 64 + 24 + 96, *second = first + 40;
	put32(first + 16, 512), put32(first + 20, 512);
	put32(second + 16, 0xffffffff), put32(second + 20, 0xfffffe00);
	content_of_bytes(&c, bytes, sizeof bytes, 0);
	assert_int_equal(pe_sections_read(&c, sections), 1);
	assert_int_equal(sections[0].at, 512);
	assert_int_equal(sections[0].size, 512);
	for (size_t n = 0; n < sizeof bytes; n++) {
		content_of_bytes(&c, bytes, n, 0);
		int k = pe_sections_read(&c, sections);
		for (int i = 0; i < k; i++)
			assert_true(sections[i].at + sections[i].size <= (int64_t)n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digests_are_those_of_the_standards),
	    cmocka_unit_test(a_result_that_nobody_filled_is_not_clean),
	    cmocka_unit_test(an_engine_finds_and_its_planted_content_is_found),
	    cmocka_unit_test(large_contents_are_looked_at_without_memory_for_them),
	    cmocka_unit_test(what_is_no_file_is_never_read),
	    cmocka_unit_test(a_file_that_grows_or_shrinks_is_not_clean),
	    cmocka_unit_test(nothing_in_force_is_never_clean),
	    cmocka_unit_test(an_engine_that_misses_what_is_planted_is_no_protection),
	    cmocka_unit_test(lines_that_are_wrong_are_named_and_left_out),
	    cmocka_unit_test(an_altered_file_is_told),
	    cmocka_unit_test(digests_allow_and_deny),
	    cmocka_unit_test(the_administrator_allows),
	    cmocka_unit_test(the_gate_keeps_contents_from_the_engines),
	    cmocka_unit_test(sections_of_hostile_files_stay_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
