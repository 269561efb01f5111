#include "signature_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MD5    "b1946ac92492d2347c6235b4d2611184"
#define SHA1   "f572d396fae9206628714fb2ce00f72e94f2258f"
#define SHA256 "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

static int file_of(const char *text, size_t n)
{
	int fd = memfd_create("signatures", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* What was told, an entry a line. */
struct told {
	char text[1024];
};

static int tell(void *arg, const struct image_entry *e)
{
	struct told *t = arg;
	size_t n = strlen(t->text);
	snprintf(t->text + n, sizeof(t->text) - n, "%s %s %02x %lld %s\n", e->list == IMAGE_DENY ? "deny" : "allow",
	    image_digest_name(e->kind), e->digest[0], (long long)e->size, e->name);
	return 0;
}

static int read_text(const char *name, const char *text, size_t n, const struct signature_ignore *ignore,
    struct told *told, struct signature_counts *c, struct err *e)
{
	struct signature_file f = {
	    .kind = signature_kind_of(name), .label = name, .ignore = ignore, .entry = tell, .arg = told};
	assert_non_null(f.kind);
	told->text[0] = '\0';
	*e = (struct err){0};
	int fd = file_of(text, n);
	int r = signature_file_read(&f, fd, c, e);
	close(fd);
	return r;
}

/* The verdicts of libclamav 1.4.6 on the same lines: what it finds, what it passes over, at which line it gives up. */
static const struct {
	const char *name, *text, *told; /* told NULL: refused */
	unsigned line;
} rows[] = {
    {"a.hdb", MD5 ":6:Foo.Bar-1\n", "deny md5 b1 6 Foo.Bar-1.UNOFFICIAL\n", 0},
    {"a.hdb", MD5 ":*:Foo:73\n", "deny md5 b1 -1 Foo.UNOFFICIAL\n", 0},
    {"a.hdb", MD5 ":*:Foo\n", NULL, 1},
    {"a.hdb", MD5 ":*:Foo:72\n", NULL, 1},
    {"a.hdb", "\n" MD5 ":6:Foo\n", NULL, 1},
    {"a.hdb", "#c\r\n" MD5 ":6:Foo\r\n", "deny md5 b1 6 Foo.UNOFFICIAL\n", 0},
    {"a.hdb", " #c\n" MD5 ":6:Foo\n", NULL, 1},
    {"a.hdb", MD5 ":6:Foo:300\n" MD5 ":*:Foo:73:100\n", "", 0},
    {"a.hdb", MD5 ":6:Foo:10:500:x\n", NULL, 1},
    {"a.hdb", MD5 ":6:Foo::\n", "", 0},
    {"a.hdb", MD5 ": 6:Foo\n", "deny md5 b1 6 Foo.UNOFFICIAL\n", 0},
    {"a.hdb", MD5 ":+6:Foo\n", "deny md5 b1 6 Foo.UNOFFICIAL\n", 0},
    {"a.hdb", MD5 "0:6:Foo\n", NULL, 1},
    {"a.hdb", "B1946AC92492D2347C6235B4D2611184:6:Foo\n", "deny md5 b1 6 Foo.UNOFFICIAL\n", 0},
    {"a.hdb", "g1946ac92492d2347c6235b4d2611184:6:Foo\n", NULL, 1},
    {"a.hdb", MD5 ":6:\n", NULL, 1},
    {"a.hdb", MD5 ":6\n", NULL, 1},
    {"a.hdb", MD5 ":6:Foo Bar\n", "deny md5 b1 6 Foo Bar.UNOFFICIAL\n", 0},
    {"a.hdb", MD5 ":6:Foo (Clam)\n", "deny md5 b1 6 Foo.UNOFFICIAL\n", 0},
    {"a.hdb", MD5 ":0:Foo\n", NULL, 1},
    {"a.hdb", MD5 ":-6:Foo\n", NULL, 1},
    {"a.hdb", MD5 ":6x:Foo\n", NULL, 1},
    {"a.hdb", MD5 ":18446744073709551622:Foo\n", NULL, 1},
    {"a.hdb", MD5 ":4294967295:Foo\n", NULL, 1},
    {"a.hdb", MD5 ":4294967294:Foo\n" MD5 ":6:last",
        "deny md5 b1 4294967294 Foo.UNOFFICIAL\ndeny md5 b1 6 last.UNOFFICIAL\n", 0},
    {"a.hdb", "", NULL, 0},
    {"a.hdb", "#only\n", "", 0},
    {"a.hdb", MD5 ":6:Foo:abc\n", "deny md5 b1 6 Foo.UNOFFICIAL\n", 0},
    {"a.hdb", "zz" MD5 ":6:Foo:300\n" MD5 ":6:ok\n", "deny md5 b1 6 ok.UNOFFICIAL\n", 0},
    {"a.HSB", SHA256 ":6:Foo\n" MD5 ":6:Bar\n" SHA1 ":6:Baz\n",
        "deny sha256 58 6 Foo.UNOFFICIAL\ndeny md5 b1 6 Bar.UNOFFICIAL\ndeny sha1 f5 6 Baz.UNOFFICIAL\n", 0},
    {"a.mdb", "*:" MD5 ":Foo:73\n", "deny pe-md5 b1 -1 Foo.UNOFFICIAL\n", 0},
    {"a.mdb", "*:" MD5 ":Foo\n", NULL, 1},
    {"a.mdb", "12:" MD5 ":Foo\n" MD5 ":12:Foo\n", NULL, 2},
    {"a.msb", "12:" SHA256 ":Foo\n", "deny pe-sha256 58 12 Foo.UNOFFICIAL\n", 0},
    {"a.fp", MD5 ":6:Foo\n", "allow md5 b1 6 Foo.UNOFFICIAL\n", 0},
    {"a.sfp", SHA256 ":*:Foo:73\n", "allow sha256 58 -1 Foo.UNOFFICIAL\n", 0},
    /* our own format */
    {"a.hashes", "# c\n\n" MD5 "\n" SHA256 "  /usr/bin/x y\r\n" SHA1 " *z\n",
        "deny md5 b1 -1 \ndeny sha256 58 -1 /usr/bin/x y\ndeny sha1 f5 -1 z\n", 0},
    {"a.allow", "\t" MD5 "\n", "allow md5 b1 -1 \n", 0},
    {"a.allow", MD5 "\nnothing\n", NULL, 2},
    {"a.hashes", MD5 " a\tb\n", NULL, 1},
    {"a.hashes", "", "", 0},
};

static void test_follows_libclamav(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct signature_counts c;
		struct told told;
		struct err e;
		char place[32];
		int r = read_text(rows[i].name, rows[i].text, strlen(rows[i].text), NULL, &told, &c, &e);
		if (rows[i].told) {
			assert_int_equal(r, 0);
			assert_string_equal(told.text, rows[i].told);
			continue;
		}
		snprintf(place, sizeof(place), rows[i].line ? "%s:%u: " : "%s: ", rows[i].name, rows[i].line);
		assert_int_equal(r, -EINVAL);
		assert_memory_equal(e.text, place, strlen(place));
	}
}

static void test_hostile_lines(void **state)
{
	(void)state;
	static char big[3 * MAX_SIGNATURE_LINE];
	struct signature_counts c;
	struct told told;
	struct err e;
	memset(big, 'a', sizeof(big));
	memcpy(big, MD5 ":6:", 35);
	big[MAX_SIGNATURE_LINE] = '\n';
	assert_int_equal(read_text("a.hdb", big, sizeof(big), NULL, &told, &c, &e), -EINVAL);
	assert_string_equal(e.text, "a.hdb:1: the name is too long");
	big[MAX_SIGNATURE_LINE] = 'a';
	assert_int_equal(read_text("a.hdb", big, sizeof(big), NULL, &told, &c, &e), -EMSGSIZE);
	assert_string_equal(e.text, "a.hdb:1: the line is too long");
	static const char nul[] = MD5 ":6:Foo\n" MD5 ":6:F\0o\n";
	assert_int_equal(read_text("a.hdb", nul, sizeof(nul) - 1, NULL, &told, &c, &e), -EINVAL);
	assert_string_equal(e.text, "a.hdb:2: a NUL byte");
	static const char latin[] = MD5 ":6:F\xe9\n";
	assert_int_equal(read_text("a.hdb", latin, sizeof(latin) - 1, NULL, &told, &c, &e), -EINVAL);
}

/* Each split of the input over reads gives the same: a pipe that is fed byte by byte. */
static void test_short_reads(void **state)
{
	(void)state;
	static const char text[] = "#\n" MD5 ":6:One\r\n" MD5 ":7:Two";
	struct told told = {""};
	struct signature_counts c;
	struct err e = {0};
	int ends[2];
	assert_int_equal(pipe2(ends, O_DIRECT), 0); /* a packet a write: a read never gives more than one */
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		assert_int_equal(write(ends[1], text + i, 1), 1);
	close(ends[1]);
	struct signature_file f = {.kind = signature_kind_of("a.hdb"), .label = "a.hdb", .entry = tell, .arg = &told};
	assert_int_equal(signature_file_read(&f, ends[0], &c, &e), 0);
	assert_string_equal(told.text, "deny md5 b1 6 One.UNOFFICIAL\ndeny md5 b1 7 Two.UNOFFICIAL\n");
	assert_int_equal(c.taken, 2);
	close(ends[0]);
}

static void test_ignored_names(void **state)
{
	(void)state;
	static const char names[] = "# c\nFoo\nBar.UNOFFICIAL\ndaily.ndb:12:Old\n"
	                            "One:90b93061059d918f085198ac96085574\n"; /* MD5 of MD5 ":6:One" */
	static const char text[] = MD5 ":1:Foo\n" MD5 ":2:Foo2\n" MD5 ":3:Bar\n" MD5 ":4:Old\n" MD5 ":5:One\n" MD5
	                               ":6:One\r\n";
	struct signature_ignore *ignore = NULL;
	struct signature_counts c;
	struct told told;
	struct err e = {0};
	assert_int_equal(signature_ignore_new(&ignore), 0);
	int fd = file_of(names, sizeof(names) - 1);
	assert_int_equal(signature_ignore_read(ignore, fd, "a.ign2", &e), 0);
	close(fd);
	assert_int_equal(read_text("a.hdb", text, sizeof(text) - 1, ignore, &told, &c, &e), 0);
	assert_string_equal(told.text, "deny md5 b1 2 Foo2.UNOFFICIAL\ndeny md5 b1 5 One.UNOFFICIAL\n");
	assert_int_equal(c.taken, 2);
	assert_int_equal(c.ignored, 4);
	static const char *const bad[] = {"a:b:c:d\n", "Foo:123\n", "\n", ":\n"};
	for (size_t i = 0; i < 4; i++) {
		fd = file_of(bad[i], strlen(bad[i]));
		e = (struct err){0};
		assert_int_equal(signature_ignore_read(ignore, fd, "a.ign2", &e), -EINVAL);
		assert_memory_equal(e.text, "a.ign2:1: ", 10);
		close(fd);
	}
	signature_ignore_free(ignore);
}

static void test_kinds(void **state)
{
	(void)state;
	assert_null(signature_kind_of("COPYING"));
	assert_null(signature_kind_of("a.hdbx"));
	assert_int_equal(signature_kind_of("x.NDB")->use, SIGNATURE_BODY);
	assert_int_equal(signature_kind_of("x.y.yara")->use, SIGNATURE_YARA);
	assert_non_null(signature_kind_of("main.cvd")->why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_follows_libclamav),
	    cmocka_unit_test(test_hostile_lines),
	    cmocka_unit_test(test_short_reads),
	    cmocka_unit_test(test_ignored_names),
	    cmocka_unit_test(test_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
