/* A computer in a folder: what its dpkg says, and what lies there. */
#include "image_fixture.h"
#include "packages_image.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccc"
#define D "dddddddddddddddddddddddddddddddd"
#define E "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define F "ffffffffffffffffffffffffffffffff"
#define G "11111111111111111111111111111111"

static char folder[64];

static int make_root(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/khien-packages-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	char *const argv[] = {"rm", "-rf", folder, NULL};
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid < 0;
}

/* With the folders above it. */
static void put(int root, const char *path, const char *text)
{
	char above[256];
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
		assert_true(mkdirat(root, above, 0755) == 0 || errno == EEXIST);
	}
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static const char status_text[] =
    "Package: one\nStatus: install ok installed\nArchitecture: amd64\n"
    "Conffiles:\n /etc/one.conf " D "\n /etc/old.conf " E " obsolete\n /etc/new.conf newconffile\n"
    "Description: x\n /etc/fake " F "\n\n"
    "Package: two\nStatus: install ok installed\nArchitecture: i386\n\n"
    "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nConffiles:\n /etc/gone.conf " F "\n\n"
    "Package: ../../evil\nStatus: install ok installed\n\n"
    "Package: bare\nStatus: install ok triggers-pending\n\n"
    "Package: last\nStatus: install ok installed\n";

static void fill(int root)
{
	put(root, "var/lib/dpkg/status", status_text);
	put(root, "var/lib/dpkg/info/one.md5sums",
	    A "  usr/bin/one\n" A "  bin/merged\n" B "  usr/bin/missing\nnonsense\n" C "  ../outside\n" C
	      "  usr/../x\n");
	put(root, "var/lib/dpkg/info/two:i386.md5sums", B "  usr/bin/diverted\n");
	put(root, "var/lib/dpkg/info/two.md5sums", F "  usr/bin/one\n"); /* of another architecture's time */
	put(root, "var/lib/dpkg/info/gone.md5sums", F "  usr/bin/one\n");
	put(root, "var/lib/dpkg/info/last.md5sums", G "  usr/bin/empty\n" G "  usr/bin/link\n" C "  usr/bin/diverted");
	put(root, "var/lib/dpkg/diversions", "/usr/bin/diverted\n/usr/bin/diverted.two\nlast\n");
	put(root, "usr/bin/one", "1");
	put(root, "usr/bin/merged", "22");
	put(root, "usr/bin/diverted", "333");
	put(root, "usr/bin/diverted.two", "4444");
	put(root, "usr/bin/empty", "");
	put(root, "etc/one.conf", "55555");
	put(root, "etc/old.conf", "666666");
	put(root, "etc/gone.conf", "7");
	assert_int_equal(symlinkat("one", root, "usr/bin/link"), 0);
	assert_int_equal(symlinkat("usr/bin", root, "bin"), 0);
}

static bool allowed(const struct image *i, const char *hex, int64_t size, const char *package)
{
	uint8_t md5[MD5_BYTES];
	struct image_find f;
	assert_int_equal(hex_decode(md5, sizeof(md5), hex), 0);
	if (!image_find(i, IMAGE_ALLOW, IMAGE_MD5, md5, size, &f))
		return false;
	assert_string_equal(f.name, package);
	assert_int_equal(f.origin, IMAGE_PACKAGES);
	assert_int_equal(f.size, size);
	return true;
}

static void test_what_is_installed(void **state)
{
	(void)state;
	struct packages_counts c;
	struct image *i = NULL;
	int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = image_fixture_file();
	assert_int_equal(packages_image_write(root, fd, 5, 6, &c), -ENOENT);
	fill(root);
	assert_int_equal(packages_image_write(root, fd, 5, 6, &c), 0);
	assert_int_equal(image_open(fd, &i), 0);
	close(fd);
	assert_true(allowed(i, A, 1, "one"));
	assert_true(allowed(i, A, 2, "one"));  /* through /bin -> usr/bin */
	assert_true(allowed(i, D, 5, "one"));  /* a configuration file as it was shipped */
	assert_true(allowed(i, B, 4, "two"));  /* where it was diverted to */
	assert_true(allowed(i, C, 3, "last")); /* who diverts has the name */
	assert_false(allowed(i, A, 3, "one")); /* another size */
	assert_false(allowed(i, B, 3, "two"));
	assert_false(allowed(i, E, 6, "one"));  /* obsolete */
	assert_false(allowed(i, F, 1, "gone")); /* removed; and what only looks like a configuration file */
	assert_false(allowed(i, G, 0, "last")); /* empty */
	assert_false(allowed(i, G, 1, "last")); /* a link */
	assert_int_equal(c.entries, 5);
	assert_int_equal(c.absent, 3);
	assert_int_equal(c.dpkg.packages, 4);
	assert_int_equal(c.dpkg.without_digests, 1);
	assert_int_equal(c.dpkg.malformed_lines, 3);
	image_close(i);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_what_is_installed, make_root, remove_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
