#include "generation_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "engine_clamav.h"
#include "engine_marker.h"
#include "file.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#define SAMPLES "/usr/share/clamav-testfiles"
#define NAME    "Clamav.Test.File-6.UNOFFICIAL" /* as clamscan prints it for a signature of one's own */

static const struct engine *const engines[] = {&engine_marker, &engine_clamav};

static const char ndb_form[] = "Clamav.Test.File-6:0:*:%s\n";

/* The test program's own bytes, from the package that brings it. */
static void read_sample(const char *name, struct buf *b)
{
	int folder = open(SAMPLES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		skip();
	b->max = 16 << 20;
	assert_int_equal(file_read(folder, name, b), 0);
	close(folder);
}

static void put_body(struct generation *g)
{
	struct buf exe = {0}, line = {.max = 1 << 16};
	char hex[2 * 544 + 1];
	read_sample("clam.exe", &exe);
	assert_int_equal(exe.n, 544);
	hex_encode(hex, exe.p, exe.n);
	buf_addf(&line, ndb_form, hex);
	generation_put(g, "body/test.ndb", line.p, line.n);
	buf_release(&exe);
	buf_release(&line);
}

static struct pipeline *load_body(struct generation *g)
{
	generation_open(g);
	put_body(g);
	struct pipeline *p = generation_load(g, engines, 2);
	assert_true(pipeline_check(p));
	return p;
}

static void unload(struct generation *g, struct pipeline *p)
{
	pipeline_free(p);
	generation_close(g);
}

typedef void sample_fn(struct generation *g, struct pipeline *p, const char *name);

static size_t each_sample(struct generation *g, struct pipeline *p, sample_fn *fn)
{
	DIR *d = opendir(SAMPLES);
	const struct dirent *entry;
	size_t n = 0;
	assert_non_null(d);
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		fn(g, p, entry->d_name);
		n++;
	}
	closedir(d);
	return n;
}

static void is_found(struct generation *g, struct pipeline *p, const char *name)
{
	char path[512];
	(void)g;
	snprintf(path, sizeof path, SAMPLES "/%s", name);
	struct scan_result r = generation_scan_file(p, path);
	if (r.verdict != SCAN_INFECTED || strcmp(r.finds[0].name, NAME) != 0)
		fail_msg(
		    "%s: %s %s %s", name, scan_verdict_name(r.verdict), scan_reason_name(r.reason), r.finds[0].name);
}

static void all_test_files_are_found_by_body(void **state)
{
	struct generation g;
	(void)state;
	struct pipeline *p = load_body(&g);
	assert_true(each_sample(&g, p, is_found) >= 44);
	unload(&g, p);
}

/* No signature in libclamav: it unpacks, the image knows. */
static void all_test_files_are_found_by_the_image(void **state)
{
	struct generation g;
	struct scan_content c;
	struct buf exe = {0};
	(void)state;
	read_sample("clam.exe", &exe);
	content_of_bytes(&c, exe.p, exe.n, 0);
	assert_int_equal(content_digest(&c, SCAN_HAS_MD5), 0);
	const struct image_entry entry = {
	    .list = IMAGE_DENY, .kind = IMAGE_MD5, .digest = c.md5, .size = 544, .name = NAME};
	generation_open(&g);
	generation_image(&g, &entry, 1);
	struct pipeline *p = generation_load(&g, engines, 2);
	assert_true(pipeline_check(p));
	assert_int_equal(generation_state(p, "clamav")->health, ENGINE_NO_SIGNATURES);
	assert_true(each_sample(&g, p, is_found) >= 44);
	struct scan_result r = generation_scan_file(p, SAMPLES "/clam.zip");
	assert_string_equal(r.finds[0].engine, "image");
	assert_true(r.finds[0].depth > 0);
	buf_release(&exe);
	unload(&g, p);
}

static void is_allowed(struct generation *g, struct pipeline *p, const char *name)
{
	char path[512];
	(void)g;
	snprintf(path, sizeof path, SAMPLES "/%s", name);
	struct scan_result r = generation_scan_file(p, path);
	if (r.verdict == SCAN_INFECTED)
		fail_msg("%s: an allowed inner file was found: %s", name, r.finds[0].name);
}

/* libclamav with an .fp of the inner file finds nothing either, whatever stands around it. */
static void an_allowed_inner_file_is_let_be(void **state)
{
	static const char *const containers[] = {"clam.exe", "clam.zip", "clam.7z", "clam.tar.gz", "clam.cab",
	    "clam.arj", "clam.mail", "clam.newc.cpio", "clam.exe.bz2"};
	struct generation g;
	struct scan_content c;
	struct buf exe = {0};
	(void)state;
	read_sample("clam.exe", &exe);
	content_of_bytes(&c, exe.p, exe.n, 0);
	assert_int_equal(content_digest(&c, SCAN_HAS_SHA256), 0);
	const struct image_entry entry = {
	    .list = IMAGE_ALLOW, .kind = IMAGE_SHA256, .digest = c.sha256, .size = 544, .name = ""};
	generation_open(&g);
	generation_image(&g, &entry, 1);
	generation_text(&g, "markers", "54686973206d61726b657220 Unused\n");
	char hex[2 * 544 + 1];
	hex_encode(hex, exe.p, exe.n);
	struct buf line = {.max = 1 << 16};
	buf_addf(
	    &line, "Clamav.Test.File-6:1:*:%s\n", hex); /* target PE: the inner file alone, no container as it lies */
	generation_put(&g, "body/test.ndb", line.p, line.n);
	struct pipeline *p = generation_load(&g, engines, 2);
	assert_true(pipeline_check(p));
	for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
		is_allowed(&g, p, containers[i]);
	buf_release(&exe);
	buf_release(&line);
	unload(&g, p);
}

static void databases_that_do_not_load_are_named(void **state)
{
	struct generation g;
	(void)state;
	generation_open(&g);
	put_body(&g);
	generation_text(&g, "body/a.ndb", "Good:0:*:4141414141414141\nBad:0:*:zz\n");
	generation_text(&g, "body/z.ldb", "Bad;Target:0;0&1;41414141\n");
	generation_text(&g, "body/hashes.hdb", "this is not for libclamav\n");
	struct pipeline *p = generation_load(&g, engines, 2);
	assert_true(pipeline_check(p));
	assert_int_equal(g.problems, 2);
	assert_memory_equal(g.problem, "clamav body/a.ndb:2 ", 20);
	assert_int_equal(generation_state(p, "clamav")->signatures, 1);
	is_found(&g, p, "clam.zip");
	unload(&g, p);
}

static void names_to_ignore_are_ignored_wherever_they_stand(void **state)
{
	struct generation g;
	(void)state;
	generation_open(&g);
	generation_text(&g, "body/a.ndb", "Good:0:*:4141414141414141\nIgnored:0:*:4242424242424242\n");
	generation_text(&g, "body/z.ign2", "Ignored\n");
	struct pipeline *p = generation_load(&g, engines, 2);
	assert_true(pipeline_check(p));
	assert_int_equal(generation_scan(&g, p, "BBBBBBBB", 8).verdict, SCAN_CLEAN);
	assert_string_equal(generation_scan(&g, p, "AAAAAAAA", 8).finds[0].name, "Good.UNOFFICIAL");
	unload(&g, p);
}

static void without_a_temporary_folder_nothing_is_clean(void **state)
{
	struct generation g;
	(void)state;
	struct pipeline *p = load_body(&g);
	assert_int_equal(generation_scan(&g, p, "harmless", 8).verdict, SCAN_CLEAN);
	assert_int_equal(rmdir(g.temporary), 0);
	struct scan_result r = generation_scan(&g, p, "harmless", 8);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_NO_SPACE);
	assert_false(pipeline_check(p));
	assert_int_equal(generation_state(p, "clamav")->health, ENGINE_MISSES);
	assert_int_equal(generation_state(p, "marker")->health, ENGINE_NO_SIGNATURES);
	assert_int_equal(mkdir(g.temporary, 0700), 0);
	assert_true(pipeline_check(p));
	assert_int_equal(pipeline_enter(p, NULL), 0);
	assert_int_equal(generation_scan(&g, p, "harmless", 8).reason, SCAN_NO_SPACE);
	unload(&g, p);
}

static void the_smallest_files_are_clean(void **state)
{
	struct generation g;
	(void)state;
	struct pipeline *p = load_body(&g);
	for (size_t n = 0; n < 64; n++)
		assert_int_equal(
		    generation_scan(&g, p, "MZ34567890 a few words that are no file of any kind 7890123456789", n)
		        .verdict,
		    SCAN_CLEAN);
	unload(&g, p);
}

static size_t pack(const void *p, size_t n, uint8_t *dst, size_t room)
{
	z_stream z = {
	    .next_in = (uint8_t *)(uintptr_t)p, .avail_in = (uInt)n, .next_out = dst, .avail_out = (uInt)room};
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static struct scan_result scan_packed(struct generation *g, struct pipeline *p, size_t expanded)
{
	uint8_t *zeros = calloc(1, expanded), *packed = malloc(1 << 20);
	assert_true(zeros && packed);
	size_t n = pack(zeros, expanded, packed, 1 << 20);
	struct scan_result r = generation_scan(g, p, packed, n);
	free(zeros);
	free(packed);
	return r;
}

/* Temporary files that may not grow: what a full disk looks like to the unpacker. */
static void a_full_temporary_folder_is_told(void **state)
{
	struct generation g;
	int status;
	(void)state;
	struct pipeline *p = load_body(&g);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit small = {1 << 20, 1 << 20};
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		struct scan_result r = scan_packed(&g, p, 8 << 20);
		_exit(r.verdict == SCAN_NOT_SCANNED && r.reason == SCAN_NO_SPACE ? 0 : 10 + (int)r.reason);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	unload(&g, p);
}

static void what_exceeds_limits_is_told(void **state)
{
	struct scan_limits limits = SCAN_LIMITS_DEFAULT;
	struct generation g;
	struct scan_result r;
	(void)state;
	generation_open(&g);
	put_body(&g);
	limits.max_file_bytes = limits.max_expanded_bytes = 4 << 20;
	limits.max_depth = 4;
	struct pipeline *p;
	struct err e = {0};
	assert_int_equal(pipeline_new(engines, 2, &limits, &p), 0);
	assert_int_equal(pipeline_load(p, g.signatures, NULL, NULL, &e), 0);
	assert_int_equal(pipeline_enter(p, g.temporary), 0);
	r = scan_packed(&g, p, 6 << 20);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_LIMITS);
	r = scan_packed(&g, p, 1 << 20);
	assert_int_equal(r.verdict, SCAN_CLEAN);
	uint8_t a[8192] = "some words that are packed again and again", b[8192];
	size_t n = 4096;
	for (int i = 0; i < 8; i++) { /* deep nesting */
		n = pack(a, n, b, sizeof b);
		memcpy(a, b, n);
	}
	r = generation_scan(&g, p, a, n);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_LIMITS);
	unload(&g, p);
}

/* Every test file cut at many places: any verdict but our own error, and none without a scan. */
static void is_survived_when_cut(struct generation *g, struct pipeline *p, const char *name)
{
	struct buf whole = {0};
	read_sample(name, &whole);
	for (size_t i = 1; i < 12; i++) {
		size_t n = whole.n * i / 12;
		struct scan_result r = generation_scan(g, p, whole.p, n);
		assert_int_not_equal(r.verdict, SCAN_ERROR);
		assert_int_equal(r.size, n);
		if (r.verdict == SCAN_NOT_SCANNED && r.reason == SCAN_NO_SPACE)
			fail_msg("%s cut at %zu: taken for a full disk", name, n);
	}
	buf_release(&whole);
}

static void truncated_files_are_survived(void **state)
{
	struct generation g;
	(void)state;
	struct pipeline *p = load_body(&g);
	each_sample(&g, p, is_survived_when_cut);
	assert_true(pipeline_check(p));
	unload(&g, p);
}

/* A zip with one member that needs a password: 12 bytes that nobody can read. */
static void encrypted_is_told(void **state)
{
	static const uint8_t zip[] =
	    "PK\3\4\24\0\1\0\0\0\0\0\0\0\1\2\3\4\20\0\0\0\4\0\0\0\1\0\0\0a0123456789abcdef"
	    "PK\1\2\24\0\24\0\1\0\0\0\0\0\0\0\1\2\3\4\20\0\0\0\4\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a"
	    "PK\5\6\0\0\0\0\1\0\1\0\57\0\0\0\57\0\0\0\0";
	struct generation g;
	(void)state;
	struct pipeline *p = load_body(&g);
	struct scan_result r = generation_scan(&g, p, zip, sizeof zip - 1 + 1);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_ENCRYPTED);
	unload(&g, p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_test_files_are_found_by_body),
	    cmocka_unit_test(all_test_files_are_found_by_the_image),
	    cmocka_unit_test(an_allowed_inner_file_is_let_be),
	    cmocka_unit_test(databases_that_do_not_load_are_named),
	    cmocka_unit_test(names_to_ignore_are_ignored_wherever_they_stand),
	    cmocka_unit_test(without_a_temporary_folder_nothing_is_clean),
	    cmocka_unit_test(the_smallest_files_are_clean),
	    cmocka_unit_test(a_full_temporary_folder_is_told),
	    cmocka_unit_test(what_exceeds_limits_is_told),
	    cmocka_unit_test(truncated_files_are_survived),
	    cmocka_unit_test(encrypted_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
