/* The walk against a second way of listing the same folders. */
#include "walk.h"
#include "rnd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char top[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(top, sizeof top, "/tmp/khien-walk-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(top, remove_one, 64, FTW_DEPTH | FTW_PHYS);
}

/* ---- lists of paths ---- */

struct list {
	size_t n, cap;
	char **v;
};
static struct list expected;

static void add(struct list *l, const char *path)
{
	if (l->n == l->cap)
		l->v = realloc(l->v, (l->cap = l->cap * 2 + 16) * sizeof *l->v);
	l->v[l->n++] = strdup(path);
}

static void clear(struct list *l)
{
	while (l->n)
		free(l->v[--l->n]);
	free(l->v);
	*l = (struct list){0};
}

static int expect_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)f;
	if (type == FTW_F && S_ISREG(st->st_mode))
		add(&expected, path);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return walk_compare(*(char *const *)a, *(char *const *)b);
}

static void expect(const char *root)
{
	assert_int_equal(nftw(root, expect_one, 64, FTW_PHYS), 0);
	qsort(expected.v, expected.n, sizeof *expected.v, by_path);
}

static void check_item(const struct walk_item *i)
{
	struct stat by_fd, by_name;
	assert_int_equal(i->path_n, strlen(i->path));
	assert_int_equal(fstat(i->fd, &by_fd), 0);
	assert_int_equal(fstatat(walk_folder_fd(i->folder), i->name, &by_name, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(by_fd.st_ino, by_name.st_ino);
	assert_int_equal(by_fd.st_ino, i->st.st_ino);
}

static void collect(const struct walk_plan *plan, struct list *files, struct list *not_seen)
{
	struct walk *w;
	struct walk_item i;
	int r;
	assert_int_equal(walk_new(plan, &w), 0);
	while ((r = walk_next(w, &i)) == 1) {
		add(i.kind == WALK_FILE ? files : not_seen, i.path);
		if (i.kind == WALK_FILE) {
			check_item(&i);
			close(i.fd);
		}
	}
	assert_int_equal(r, 0);
	walk_free(w);
}

static void assert_same(const struct list *a, size_t from, const struct list *b)
{
	assert_int_equal(a->n - from, b->n);
	for (size_t i = 0; i < b->n; i++)
		assert_string_equal(a->v[from + i], b->v[i]);
}

/* ---- what there is ---- */

static void make_file(const char *fmt, ...)
{
	char name[256], path[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	snprintf(path, sizeof path, "%s/%s", top, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
}

static void make_folder(const char *name)
{
	char path[400];
	snprintf(path, sizeof path, "%s/%s", top, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void make_some(void)
{
	char path[128], target[128];
	static const char *const folders[] = {"a", "a/b", "a/b/c", "a.b", "a b", "a\x01", "e", "\xff\xfe", "a/\n"};
	static const char *const files[] = {"a/1", "a/b/2", "a/b/c/3", "a.b/4", "a b/5", "a\x01/6", "\xff\xfe/7",
	    "a/\n/8", "0", "a.c", "a-", "z", "a/b.c", "a/b-", "a/zz"};
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		make_folder(folders[i]);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		make_file("%s", files[i]);
	snprintf(path, sizeof path, "%s/pipe", top);
	assert_int_equal(mkfifo(path, 0644), 0);
	snprintf(path, sizeof path, "%s/to-file", top);
	snprintf(target, sizeof target, "%s/z", top);
	assert_int_equal(symlink(target, path), 0);
	snprintf(path, sizeof path, "%s/to-folder", top);
	snprintf(target, sizeof target, "%s/a", top);
	assert_int_equal(symlink(target, path), 0);
}

static void all_files_in_their_order(void **state)
{
	(void)state;
	struct list got = {0}, missed = {0};
	const char *roots[] = {top};
	const struct walk_plan plan = {.n_roots = 1, .roots = roots};
	make_some();
	expect(top);
	collect(&plan, &got, &missed);
	assert_same(&expected, 0, &got);
	assert_int_equal(missed.n, 0);
	clear(&got);
	clear(&expected);
}

static void it_goes_on_behind_any_path(void **state)
{
	(void)state;
	const char *roots[] = {top};
	struct walk_plan plan = {.n_roots = 1, .roots = roots};
	char gone[128];
	make_some();
	expect(top);
	for (size_t i = 0; i < expected.n; i++) {
		struct list got = {0}, missed = {0};
		plan.after = expected.v[i];
		collect(&plan, &got, &missed);
		assert_same(&expected, i + 1, &got);
		clear(&got);
	}
	snprintf(gone, sizeof gone, "%s/a/b/bb/gone", top); /* what is not there any more has its place in the order */
	struct list got = {0}, missed = {0};
	size_t first = 0;
	while (first < expected.n && walk_compare(expected.v[first], gone) < 0)
		first++;
	plan.after = gone;
	collect(&plan, &got, &missed);
	assert_same(&expected, first, &got);
	clear(&got);
	clear(&expected);
}

static void roots_are_files_or_folders_and_each_counts_once(void **state)
{
	(void)state;
	struct list got = {0}, missed = {0};
	char a[80], b[80], z[80], none[80];
	make_some();
	snprintf(a, sizeof a, "%s/a", top);
	snprintf(b, sizeof b, "%s/a/b", top);
	snprintf(z, sizeof z, "%s/z", top);
	snprintf(none, sizeof none, "%s/none", top);
	const char *roots[] = {z, b, none, a};
	const struct walk_plan plan = {.n_roots = 4, .roots = roots};
	expect(a);
	add(&expected, z);
	collect(&plan, &got, &missed);
	assert_same(&expected, 0, &got);
	assert_int_equal(missed.n, 1);
	assert_string_equal(missed.v[0], none);
	clear(&got);
	clear(&missed);
	clear(&expected);
	const char *relative[] = {"tmp"};
	struct walk *w;
	assert_int_equal(walk_new(&(struct walk_plan){.n_roots = 1, .roots = relative}, &w), -EINVAL);
}

static void what_is_left_out_is_not_entered(void **state)
{
	(void)state;
	struct list got = {0}, missed = {0};
	char a[80];
	const char *roots[] = {top}, *out[] = {a};
	make_some();
	snprintf(a, sizeof a, "%s/a", top);
	const struct walk_plan plan = {.n_roots = 1, .roots = roots, .n_left_out = 1, .left_out = out};
	collect(&plan, &got, &missed);
	for (size_t i = 0; i < got.n; i++)
		assert_true(strncmp(got.v[i] + strlen(a), "/", 1) != 0 || strncmp(got.v[i], a, strlen(a)) != 0);
	assert_int_equal(got.n, 8);
	clear(&got);
}

static void a_folder_of_many_names_is_read_in_pieces(void **state)
{
	(void)state;
	enum { MANY = 40000 };
	struct list got = {0}, missed = {0};
	const char *roots[] = {top};
	struct walk_plan plan = {.n_roots = 1, .roots = roots};
	for (unsigned i = 0; i < MANY; i++)
		make_file("%08x", i * 2654435761u);
	expect(top);
	assert_int_equal(expected.n, MANY);
	collect(&plan, &got, &missed);
	assert_same(&expected, 0, &got);
	clear(&got);
	plan.after = expected.v[MANY / 2];
	collect(&plan, &got, &missed);
	assert_same(&expected, MANY / 2 + 1, &got);
	clear(&got);
	clear(&expected);
}

static void what_is_too_deep_is_told(void **state)
{
	(void)state;
	struct list got = {0}, missed = {0};
	const char *roots[] = {top};
	const struct walk_plan plan = {.n_roots = 1, .roots = roots};
	const struct rlimit many = {2048, 2048};
	setrlimit(RLIMIT_NOFILE, &many);
	int here = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 600; i++) {
		assert_int_equal(mkdirat(here, "d", 0755), 0);
		int next = openat(here, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(here);
		here = next;
	}
	close(here);
	make_file("x");
	collect(&plan, &got, &missed);
	assert_int_equal(got.n, 1);
	assert_int_equal(missed.n, 1);
	clear(&got);
	clear(&missed);
}

/* Somebody swaps folders for links while it walks: nothing outside is ever opened. */
static void a_folder_that_becomes_a_link_is_not_followed(void **state)
{
	(void)state;
	char folder[80], away[80], outside[80];
	const char *roots[] = {top};
	struct walk *w;
	struct walk_item i;
	make_folder("in");
	make_folder("in/x");
	make_file("in/a");
	make_file("in/x/b");
	snprintf(folder, sizeof folder, "%s/in/x", top);
	snprintf(away, sizeof away, "%s/away", top);
	snprintf(outside, sizeof outside, "/etc");
	snprintf(folder, sizeof folder, "%s/in", top);
	roots[0] = folder;
	assert_int_equal(walk_new(&(struct walk_plan){.n_roots = 1, .roots = roots}, &w), 0);
	assert_int_equal(walk_next(w, &i), 1);
	assert_string_equal(i.name, "a");
	struct walk_folder *held = walk_folder_hold(i.folder);
	close(i.fd);
	char inner[100];
	snprintf(inner, sizeof inner, "%s/x", folder);
	assert_int_equal(rename(inner, away), 0);
	assert_int_equal(symlink(outside, inner), 0);
	assert_int_equal(walk_next(w, &i), 0);
	walk_free(w);
	struct stat st;
	assert_int_equal(fstatat(walk_folder_fd(held), "a", &st, 0), 0); /* held beyond the walk */
	walk_folder_drop(held);
}

/* ---- mounts ---- */

static void mounts_say_what_is_whose(void **state)
{
	(void)state;
	static const char table[] = "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
	                            "23 22 0:21 / /proc rw - proc proc rw\n"
	                            "24 22 0:22 / /dev/shm rw - tmpfs tmpfs rw\n"
	                            "25 22 8:17 / /media/x\\040y rw - vfat /dev/sdb1 rw\n"
	                            "26 22 0:50 / /mnt/nas rw - nfs4 nas:/v rw\n"
	                            "27 22 254:1 /srv/a /mnt/bind rw - ext4 /dev/vda1 rw\n"
	                            "28 22 254:1 / /mnt/again rw - ext4 /dev/vda1 rw\n"
	                            "29 22 8:33 / /media/disk rw - ext4 /dev/sdc1 rw\n"
	                            "30 22 0:51 / /run/user/0/gvfs rw - fuse.gvfsd-fuse gvfsd-fuse rw\n";
	static const struct {
		uint64_t id;
		struct mount_facts is;
	} cases[] = {{22, {MOUNT_LOCAL, DEVICE_FIXED, false}}, {23, {MOUNT_PSEUDO, DEVICE_UNKNOWN, false}},
	    {24, {MOUNT_LOCAL, DEVICE_MEMORY, false}}, {25, {MOUNT_LOCAL, DEVICE_REMOVABLE, false}},
	    {26, {MOUNT_NETWORK, DEVICE_NETWORK, false}}, {27, {MOUNT_LOCAL, DEVICE_FIXED, true}},
	    {28, {MOUNT_LOCAL, DEVICE_FIXED, true}}, {29, {MOUNT_LOCAL, DEVICE_REMOVABLE, false}},
	    {30, {MOUNT_NETWORK, DEVICE_NETWORK, false}}};
	char path[100];
	make_folder("dev");
	make_folder("dev/block");
	make_folder("dev/block/8:17");
	snprintf(path, sizeof path, "%s/dev/block/8:17/removable", top);
	FILE *f = fopen(path, "we");
	fputs("1\n", f);
	fclose(f);
	snprintf(path, sizeof path, "%s/dev/block/8:33", top); /* says it is none, but hangs on USB */
	assert_int_equal(symlink("../../devices/pci0/usb2/2-1/block/sdc/sdc1", path), 0);
	snprintf(path, sizeof path, "%s/mountinfo", top);
	f = fopen(path, "we");
	fputs(table, f);
	fclose(f);
	struct mounts *m;
	struct mount_facts facts;
	assert_int_equal(mounts_read(path, top, &m), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(mounts_find(m, cases[i].id, &facts), 0);
		assert_int_equal(facts.kind, cases[i].is.kind);
		assert_int_equal(facts.device, cases[i].is.device);
		assert_int_equal(facts.repeats, cases[i].is.repeats);
	}
	assert_int_equal(mounts_find(m, 99, &facts), -ENOENT);
	mounts_free(m);
}

/* The kernel's own files are not entered: /proc below / is met and left. */
static void pseudo_file_systems_are_left(void **state)
{
	(void)state;
	struct mounts *m;
	const char *roots[] = {"/proc/self"};
	struct list got = {0}, missed = {0};
	assert_int_equal(mounts_read("/proc/self/mountinfo", "/sys", &m), 0);
	collect(&(struct walk_plan){.n_roots = 1, .roots = roots, .mounts = m}, &got, &missed);
	assert_int_equal(got.n + missed.n, 1); /* /proc/self is a link: said, not followed */
	clear(&missed);
	const char *task[] = {"/proc/1"};
	collect(&(struct walk_plan){.n_roots = 1, .roots = task, .mounts = m}, &got, &missed);
	assert_int_equal(got.n + missed.n, 0);
	mounts_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(all_files_in_their_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(it_goes_on_behind_any_path, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(roots_are_files_or_folders_and_each_counts_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_left_out_is_not_entered, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_folder_of_many_names_is_read_in_pieces, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_too_deep_is_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_folder_that_becomes_a_link_is_not_followed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(mounts_say_what_is_whose, set_up, tear_down),
	    cmocka_unit_test(pseudo_file_systems_are_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
