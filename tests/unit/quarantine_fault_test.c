#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_fixture.h"
#include "faulty_act_disk.h"
#include "original.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_STEPS = 200, SIZE = 3 * CONTAINER_PIECE };

static char content[SIZE];

static void make_victim(struct place *p)
{
	memset(content, 'v', sizeof content);
	place_write(p, "virus", content, sizeof content);
}

/* What holds at every instant: the file stands in its place (or under its private name), or a container holds it. */
static int file_copies(struct place *p)
{
	struct snapshot s;
	return place_has(p, "virus")
	           ? (snapshot_take(&s, place_path(p, "virus")), snapshot_release(&s), s.st.st_size == SIZE)
	           : 0;
}

/* After a start: nothing lies about, and there is exactly one of file and item. */
static void assert_recovered(struct place *p, struct snapshot *before, bool both_may_be)
{
	struct snapshot after;
	struct err e = {0};
	id16 ids[2];
	place_open(p, &act_disk_system);
	assert_int_equal(quarantine_recover(p->q, &e), 0);
	assert_int_equal(place_count(p->quarantine, ".writing"), 0);
	assert_int_equal(place_count(p->quarantine, ".taking"), 0);
	size_t items = place_ids(p, ids, 2), files = (size_t)file_copies(p);
	assert_true(items + files == 1 || (both_may_be && items + files == 2));
	assert_int_equal(place_count(p->files, ""), files); /* and no private name */
	if (items && files) /* given back, but not yet forgotten: asking again is enough */
		assert_int_equal(quarantine_restore(p->q, ids[0], NULL, 0, &e), 0);
	else if (items)
		assert_int_equal(quarantine_restore(p->q, ids[0], NULL, 0, &e), 0);
	assert_int_equal(place_ids(p, ids, 2), 0);
	snapshot_take(&after, place_path(p, "virus"));
	snapshot_assert_same(before, &after);
	snapshot_release(&after);
	place_close(p);
}

/* ---- killed at each step ---- */

static void take(struct place *p)
{
	struct quarantine_item item;
	place_take(p, "virus", &item, NULL);
}

static void give_back(struct place *p)
{
	id16 id;
	if (place_ids(p, &id, 1) == 1)
		quarantine_restore(p->q, id, NULL, 0, NULL);
}

/* Runs `what` on a disk that kills at step `at`; false: it came to its end before. */
static bool killed_while(struct place *p, void (*what)(struct place *p), enum fault_kind kind, int at)
{
	static struct faulty_act_disk disk;
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		faulty_act_disk_make(&disk, kind, at, 0);
		place_open(p, &disk.disk);
		what(p);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

static void prepare(struct place *p, bool taken, struct snapshot *before)
{
	struct quarantine_item item;
	place_make(p, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"); /* syncs are many here */
	make_victim(p);
	snapshot_take(before, place_path(p, "virus"));
	if (!taken)
		return;
	place_open(p, &act_disk_system);
	assert_int_equal(place_take(p, "virus", &item, NULL), 0);
	place_close(p);
}

static void kill_at_each_step(void (*what)(struct place *p), bool taken, enum fault_kind kind, int fewest)
{
	int at = 1;
	for (bool killed = true; killed; at++) {
		struct snapshot before;
		struct place p;
		prepare(&p, taken, &before);
		killed = killed_while(&p, what, kind, at);
		if (!(place_count(p.quarantine, ".taking") + place_count(p.quarantine, ".taken") +
		        place_has(&p, "virus")))
			fail_msg("neither file nor container after step %d", at);
		assert_recovered(&p, &before, taken);
		snapshot_release(&before);
		place_remove(&p);
		assert_true(at < MOST_STEPS);
	}
	assert_true(at > fewest); /* it has many steps: else this tests nothing */
}

static void killed_while_taking(void **state)
{
	(void)state;
	kill_at_each_step(take, false, FAULT_KILL, 15);
	kill_at_each_step(take, false, FAULT_KILL_MIDWAY, 15);
}

static void killed_while_giving_back(void **state)
{
	(void)state;
	kill_at_each_step(give_back, true, FAULT_KILL, 10);
	kill_at_each_step(give_back, true, FAULT_KILL_MIDWAY, 10);
}

/* Recovery itself is killed at each of its steps, after a take that was killed when all but forgetting was done. */
static void recover(struct place *p)
{
	quarantine_recover(p->q, NULL);
}

static void killed_while_recovering(void **state)
{
	(void)state;
	for (int first = 1; first < MOST_STEPS; first++) {
		bool killed = true;
		for (int at = 1; killed; at++) {
			struct snapshot before;
			struct place p;
			prepare(&p, false, &before);
			bool was = killed_while(&p, take, FAULT_KILL, first);
			killed = was && killed_while(&p, recover, FAULT_KILL, at);
			assert_recovered(&p, &before, false);
			snapshot_release(&before);
			place_remove(&p);
			if (!was)
				return;
		}
	}
	fail();
}

static int first_id(void *arg, const struct item_file *f)
{
	*(id16 *)arg = f->id;
	return 1;
}

/* Kills a taker between moving the file away and unlinking it; `away` is its private name then. */
static void kill_while_it_is_away(struct place *p, struct snapshot *before, char away[ORIGINAL_PRIVATE_NAME])
{
	for (int at = 1;; at++) {
		id16 id;
		prepare(p, false, before);
		assert_true(killed_while(p, take, FAULT_KILL, at));
		if (!place_has(p, "virus")) {
			assert_int_equal(place_count(p->files, ""), 1);
			place_open(p, &act_disk_system);
			assert_int_equal(folder_each(p->q, first_id, &id), 1);
			original_private_name(id, away);
			assert_true(place_has(p, away));
			return;
		}
		snapshot_release(before);
		place_remove(p);
	}
}

/* By chance or malice the private name holds another file after the crash: nobody has judged that one. */
static void a_strangers_file_gets_its_name_back(void **state)
{
	(void)state;
	struct snapshot before;
	struct place p;
	char away[ORIGINAL_PRIVATE_NAME];
	id16 id;
	kill_while_it_is_away(&p, &before, away);
	place_write(&p, "stranger", "not judged", 10);
	assert_int_equal(renameat(p.files_fd, "stranger", p.files_fd, away), 0);
	assert_int_equal(quarantine_recover(p.q, NULL), 0);
	assert_int_equal(place_count(p.files, ""), 1);
	assert_true(place_has(&p, "virus"));
	assert_int_equal(place_ids(&p, &id, 1), 1);
	assert_int_equal(quarantine_restore(p.q, id, NULL, 0, NULL), -EEXIST);
	snapshot_release(&before);
	place_remove(&p);
}

/* The name is in use again, the taken file still away: that goes, the new one stays. */
static void a_new_file_under_the_name_stays(void **state)
{
	(void)state;
	struct snapshot before;
	struct place p;
	char away[ORIGINAL_PRIVATE_NAME];
	kill_while_it_is_away(&p, &before, away);
	place_write(&p, "virus", "new", 3);
	assert_int_equal(quarantine_recover(p.q, NULL), 0);
	assert_false(place_has(&p, away));
	assert_true(place_has(&p, "virus"));
	snapshot_release(&before);
	place_remove(&p);
	/* and with a stranger's away: both stay */
	kill_while_it_is_away(&p, &before, away);
	place_write(&p, "virus", "new", 3);
	place_write(&p, "stranger", "not judged", 10);
	assert_int_equal(renameat(p.files_fd, "stranger", p.files_fd, away), 0);
	assert_int_equal(quarantine_recover(p.q, NULL), 0);
	assert_true(place_has(&p, away) && place_has(&p, "virus"));
	assert_int_equal(place_count(p.quarantine, ".taken"), 1);
	snapshot_release(&before);
	place_remove(&p);
}

/* ---- refused at each step ---- */

static void refuse_at_each_step(int error, bool lasting)
{
	int refused = 0;
	for (int at = 1;; at++) {
		static struct faulty_act_disk disk;
		struct quarantine_item item;
		struct snapshot before;
		struct err e = {0};
		struct place p;
		prepare(&p, false, &before);
		faulty_act_disk_make(&disk, FAULT_NONE, 0, 0);
		place_open(&p, &disk.disk);
		disk.kind = FAULT_ERROR;
		disk.at = disk.steps + at;
		disk.error = error;
		disk.lasting = lasting;
		int r = place_take(&p, "virus", &item, &e);
		bool reached = disk.steps >= disk.at;
		if (r) {
			assert_true(e.text[0]);
			refused++;
			/* said to be refused: the file is there; or, when the disk took nothing any more, at least
			 * whole */
			if (!lasting)
				assert_int_equal(file_copies(&p), 1);
		} else {
			assert_int_equal(file_copies(&p), 0);
		}
		place_close(&p);
		assert_recovered(&p, &before, false);
		snapshot_release(&before);
		place_remove(&p);
		if (!reached)
			break;
		assert_true(at < MOST_STEPS);
	}
	assert_true(refused > 10);
}

static void a_disk_that_refuses_leaves_the_file(void **state)
{
	(void)state;
	refuse_at_each_step(-EIO, false);
	refuse_at_each_step(-ENOSPC, false);
	refuse_at_each_step(-EIO, true);
}

static void giving_back_that_is_refused_keeps_the_item(void **state)
{
	(void)state;
	for (int at = 1;; at++) {
		static struct faulty_act_disk disk;
		struct snapshot before;
		struct place p;
		id16 id;
		prepare(&p, true, &before);
		faulty_act_disk_make(&disk, FAULT_NONE, 0, 0);
		place_open(&p, &disk.disk);
		assert_int_equal(place_ids(&p, &id, 1), 1);
		disk.kind = FAULT_ERROR;
		disk.at = disk.steps + at;
		disk.error = -EIO;
		quarantine_restore(p.q, id, NULL, 0, NULL);
		bool reached = disk.steps >= disk.at;
		place_close(&p);
		assert_recovered(&p, &before, true);
		snapshot_release(&before);
		place_remove(&p);
		if (!reached)
			break;
		assert_true(at < MOST_STEPS);
	}
}

/* ---- the order in which things reach the disk ---- */

static void the_container_is_synced_before_the_original_goes(void **state)
{
	(void)state;
	static struct faulty_act_disk disk;
	struct quarantine_item item;
	struct snapshot before;
	struct place p;
	prepare(&p, false, &before);
	place_open(&p, &act_disk_system);
	faulty_act_disk_make(&disk, FAULT_NONE, 0, 0);
	p.q->disk = &disk.disk;
	assert_int_equal(place_take(&p, "virus", &item, NULL), 0);
	/* create, room; pieces and the end; head in two, cut, sync; to taking, sync; away, unlink, sync; to taken, sync
	 */
	assert_string_equal(disk.log, "ctwwwwwwtsrsrusrs");
	snapshot_release(&before);
	place_remove(&p);
}

static void what_comes_back_is_synced_before_the_container_goes(void **state)
{
	(void)state;
	static struct faulty_act_disk disk;
	struct snapshot before;
	struct place p;
	id16 id;
	prepare(&p, true, &before);
	place_open(&p, &act_disk_system);
	assert_int_equal(place_ids(&p, &id, 1), 1);
	faulty_act_disk_make(&disk, FAULT_NONE, 0, 0);
	p.q->disk = &disk.disk;
	assert_int_equal(quarantine_restore(p.q, id, NULL, 0, NULL), 0);
	/* nameless; pieces, size; attributes, sync; name, sync; note; to restored, sync; content cut off, sync */
	assert_string_equal(disk.log, "nwwwtdslsprsts");
	snapshot_release(&before);
	place_remove(&p);
}

/* A file system that cannot make nameless files: under a private name, which a killed one leaves and the next replaces.
 */
static int none_nameless(void *context, int folder, int *ret_file)
{
	(void)context;
	(void)folder;
	(void)ret_file;
	return -EOPNOTSUPP;
}

static void without_nameless_files(void **state)
{
	(void)state;
	struct act_disk disk = act_disk_system;
	struct snapshot before, after;
	struct place p;
	char away[ORIGINAL_PRIVATE_NAME];
	id16 id;
	disk.nameless = none_nameless;
	prepare(&p, true, &before);
	place_open(&p, &disk);
	assert_int_equal(place_ids(&p, &id, 1), 1);
	original_private_name(id, away);
	place_write(&p, away, "left by a killed one", 20);
	assert_int_equal(quarantine_restore(p.q, id, NULL, 0, NULL), 0);
	snapshot_take(&after, place_path(&p, "virus"));
	snapshot_assert_same(&before, &after);
	assert_int_equal(place_count(p.files, ""), 1);
	snapshot_release(&before);
	snapshot_release(&after);
	place_remove(&p);
}

/* ---- real limits ---- */

/* In a mount namespace of its own, on a file system of 1 MiB. 77: the machine does not let us. */
static int on_a_small_disk(void)
{
	struct quarantine_item item;
	struct snapshot before, after;
	struct err e = {0};
	struct place p;
	int full = 0;
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	place_make(&p, "/tmp");
	mkdir(p.quarantine, 0700);
	if (mount("small", p.quarantine, "tmpfs", 0, "size=1m,mode=0700") < 0)
		return 77;
	place_open(&p, &act_disk_system);
	make_victim(&p);
	snapshot_take(&before, place_path(&p, "virus"));
	while (!full) {
		make_victim(&p);
		int r = place_take(&p, "virus", &item, &e);
		full = r == -ENOSPC;
		if (r && !full)
			return 1;
	}
	snapshot_take(&after, place_path(&p, "virus"));
	id16 ids[8];
	size_t n = place_ids(&p, ids, 8);
	bool good = before.st.st_size == after.st.st_size && n >= 3 && place_count(p.quarantine, ".writing") == 0;
	/* what is in it can still be had, and makes room */
	good = good && quarantine_restore(p.q, ids[0], place_path(&p, "back"), 0, NULL) == 0;
	good = good && place_take(&p, "virus", &item, NULL) == 0;
	snapshot_release(&before);
	snapshot_release(&after);
	place_close(&p);
	umount(p.quarantine);
	place_remove(&p);
	return good ? 0 : 2;
}

static void a_full_disk_is_refused(void **state)
{
	(void)state;
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(on_a_small_disk());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* With 0, 1, 2 … descriptors left. */
static void too_few_descriptors(void **state)
{
	(void)state;
	struct rlimit was, few;
	struct quarantine_item item;
	struct snapshot before;
	struct place p;
	int r = -EMFILE;
	prepare(&p, false, &before);
	place_open(&p, &act_disk_system);
	getrlimit(RLIMIT_NOFILE, &was);
	int lowest = dup(0), refused = 0;
	close(lowest);
	for (int more = 0; r; more++, refused++) {
		few = (struct rlimit){(rlim_t)(lowest + more), was.rlim_max};
		setrlimit(RLIMIT_NOFILE, &few);
		r = place_take(&p, "virus", &item, NULL);
		setrlimit(RLIMIT_NOFILE, &was);
		assert_true(r == 0 || r == -EMFILE);
		assert_int_equal(file_copies(&p), r ? 1 : 0);
		assert_true(more < 20);
	}
	assert_true(refused >= 3);
	place_close(&p);
	assert_recovered(&p, &before, false);
	snapshot_release(&before);
	place_remove(&p);
}

/* ---- two at once ---- */

enum { FILES = 60 };

/* Takes whatever it can get hold of; the other does the same. */
static void take_all(struct place *p)
{
	char name[16];
	for (int i = 0; i < FILES; i++) {
		struct quarantine_item item;
		snprintf(name, sizeof name, "f%d", i);
		int r = place_take(p, name, &item, NULL);
		if (r && r != -ENOENT && r != -EAGAIN)
			_exit(3);
	}
}

static void give_all_back(struct place *p)
{
	id16 ids[FILES];
	size_t n = place_ids(p, ids, FILES);
	for (size_t i = 0; i < n; i++) {
		int r = quarantine_restore(p->q, ids[i], NULL, 0, NULL);
		if (r && r != -ENOENT && r != -EBUSY)
			_exit(4);
	}
}

static void two_at_once(struct place *p, void (*what)(struct place *p))
{
	pid_t pids[2];
	int status;
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			place_open(p, &act_disk_system);
			what(p);
			_exit(0);
		}
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static void two_processes_share_the_folder(void **state)
{
	(void)state;
	struct place p;
	char name[16];
	id16 ids[2 * FILES];
	place_make(&p, "/tmp");
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "f%d", i);
		place_write(&p, name, name, strlen(name));
	}
	two_at_once(&p, take_all);
	assert_int_equal(place_count(p.files, ""), 0);
	place_open(&p, &act_disk_system);
	assert_int_equal(place_ids(&p, ids, 2 * FILES), FILES); /* each once, though both wanted it */
	place_close(&p);
	two_at_once(&p, give_all_back);
	assert_int_equal(place_count(p.files, ""), FILES);
	place_remove(&p);
}

static bool any(enum item_state s)
{
	(void)s;
	return true;
}

/* Recovery does not touch what a living process is writing. */
static void recovery_spares_the_living(void **state)
{
	(void)state;
	struct place p;
	struct quarantine *other;
	char name[ITEM_NAME];
	int fd;
	place_make(&p, "/tmp");
	place_open(&p, &act_disk_system);
	assert_int_equal(quarantine_open(p.quarantine, &p.q->limits, &other, NULL), 0);
	item_name((id16){{7}}, ITEM_WRITING, name);
	assert_int_equal(act_disk_system.create(NULL, p.q->folder, name, &fd), 0);
	close(fd);
	struct open_item item;
	assert_int_equal(item_open(p.q, (id16){{7}}, any, &item), 0);
	assert_int_equal(quarantine_recover(other, NULL), 0);
	assert_int_equal(place_count(p.quarantine, ".writing"), 1);
	item_close(&item);
	assert_int_equal(quarantine_recover(other, NULL), 0);
	assert_int_equal(place_count(p.quarantine, ".writing"), 0);
	quarantine_close(other);
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(killed_while_taking),
	    cmocka_unit_test(killed_while_giving_back),
	    cmocka_unit_test(killed_while_recovering),
	    cmocka_unit_test(a_strangers_file_gets_its_name_back),
	    cmocka_unit_test(a_new_file_under_the_name_stays),
	    cmocka_unit_test(a_disk_that_refuses_leaves_the_file),
	    cmocka_unit_test(giving_back_that_is_refused_keeps_the_item),
	    cmocka_unit_test(the_container_is_synced_before_the_original_goes),
	    cmocka_unit_test(what_comes_back_is_synced_before_the_container_goes),
	    cmocka_unit_test(without_nameless_files),
	    cmocka_unit_test(a_full_disk_is_refused),
	    cmocka_unit_test(too_few_descriptors),
	    cmocka_unit_test(two_processes_share_the_folder),
	    cmocka_unit_test(recovery_spares_the_living),
	};
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("quarantine-fault", tests, NULL, NULL);
}
