#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spool_fixture.h"

#include <string.h>

static void a_restored_snapshot_opens_a_new_stream(void **state)
{
	(void)state;
	static struct memory_disk m, snapshot;
	static struct centre c;
	struct spool_disk d = memory_disk(&m), old = memory_disk(&snapshot);
	struct spool *s = open_spool(&d);
	add_synced(s, 1, 20);
	deliver(s, &c, 100, true);
	add_synced(s, 21, 25); /* waiting when the snapshot is taken, delivered from the original */
	memory_copy(&snapshot, &m);
	add_synced(s, 26, 40);
	deliver(s, &c, 100, true);
	spool_free(s);
	s = open_spool(&old);
	id16 before = newest(s);
	add_synced(s, 41, 50);
	deliver(s, &c, 100, true);
	assert_memory_not_equal(newest(s).b, before.b, ID_BYTES);
	assert_int_equal(c.new_streams, 1);
	assert_each_once(&c, 1, 50); /* 21 to 25 were sent from both */
	spool_free(s);
	s = open_spool(&old); /* and the new stream is there after a restart */
	add_synced(s, 51, 60);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 60);
	assert_int_equal(c.new_streams, 1);
	spool_free(s);
	memory_release(&m);
	memory_release(&snapshot);
}

static void a_snapshot_that_wrote_past_the_mark_is_seen_by_the_id(void **state)
{
	(void)state;
	static struct memory_disk m, snapshot;
	static struct centre c;
	struct spool_disk d = memory_disk(&m), old = memory_disk(&snapshot);
	struct spool *s = open_spool(&d);
	add_synced(s, 1, 10);
	memory_copy(&snapshot, &m);
	add_synced(s, 11, 15);
	deliver(s, &c, 100, true);
	spool_free(s);
	s = open_spool(&old);
	add_synced(s, 16, 40); /* 11 to 15 are other events here, and the mark lies below our last number */
	deliver(s, &c, 100, true);
	deliver(s, &c, 100, true);
	assert_int_equal(c.new_streams, 1);
	assert_each_once(&c, 1, 40);
	spool_free(s);
	memory_release(&m);
	memory_release(&snapshot);
}

static void a_restored_centre_is_told_again(void **state)
{
	(void)state;
	static struct memory_disk m;
	static struct centre c, backup;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = open_spool(&d);
	add_synced(s, 1, 30);
	deliver(s, &c, 100, true);
	backup = c;
	add_synced(s, 31, 60);
	deliver(s, &c, 100, true);
	assert_int_equal(spool_new_stream(s, SPOOL_SAME_MACHINE), 0);
	add_synced(s, 61, 80);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 80);
	spool_free(s);
	s = open_spool(&d);
	deliver(s, &backup, 100, true);
	deliver(s, &backup, 100, true);
	assert_each_once(&backup, 1, 80);
	struct spool_stats st;
	spool_get_stats(s, &st);
	assert_int_equal(st.waiting, 0);
	spool_free(s);
	memory_release(&m);
}

static void an_event_that_moved_twice_is_known_by_its_first_place(void **state)
{
	(void)state;
	static struct memory_disk m, snapshot;
	static struct centre c;
	struct spool_disk d = memory_disk(&m), old = memory_disk(&snapshot);
	struct spool *s = open_spool(&d);
	add_synced(s, 1, 5);
	deliver(s, &c, 100, true);
	add_synced(s, 6, 8);
	assert_int_equal(spool_new_stream(s, SPOOL_SAME_MACHINE), 0);
	add_synced(s, 9, 9);
	memory_copy(&snapshot, &m);
	deliver(s, &c, 100, true); /* 6 to 9, under the second stream */
	spool_free(s);
	s = open_spool(&old);
	spool_expire(s, INT64_MAX / 2); /* what was acknowledged is gone; where 6 to 8 stood first is still known */
	assert_int_equal(spool_new_stream(s, SPOOL_SAME_MACHINE), 0);
	for (int i = 0; i < 20; i++) /* and a centre that says fork again and again uses nothing up */
		assert_int_equal(spool_new_stream(s, SPOOL_SAME_MACHINE), 0);
	add_synced(s, 10, 11);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 11);
	spool_free(s);
	memory_release(&m);
	memory_release(&snapshot);
}

static void a_copy_names_only_its_own_stream(void **state)
{
	(void)state;
	static struct memory_disk m, copy;
	static struct centre c;
	struct spool_disk d = memory_disk(&m), other = memory_disk(&copy);
	struct spool *s = open_spool(&d);
	add_synced(s, 1, 10);
	deliver(s, &c, 100, true);
	add_synced(s, 11, 14);
	memory_copy(&copy, &m);
	add_synced(s, 15, 16);
	deliver(s, &c, 100, true);
	spool_free(s);
	s = open_spool(&other);
	assert_int_equal(spool_new_stream(s, SPOOL_OTHER_MACHINE), 0);
	add_synced(s, 17, 20);
	spool_free(s);
	s = open_spool(&other);
	struct spool_stream v[SPOOL_MAX_STREAMS];
	struct spool_stats st;
	assert_int_equal(spool_streams(s, v), 1);
	spool_get_stats(s, &st);
	assert_int_equal(st.waiting, 8);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 20);
	spool_free(s);
	memory_release(&m);
	memory_release(&copy);
}

static void many_new_streams_are_bounded(void **state)
{
	(void)state;
	static struct memory_disk m;
	static struct centre c;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = open_spool(&d);
	struct spool_stream v[SPOOL_MAX_STREAMS];
	for (uint64_t k = 0; k < 22; k++) {
		add_synced(s, 3 * k + 1, 3 * k + 3);
		deliver(s, &c, 100, true);
		assert_int_equal(spool_new_stream(s, SPOOL_SAME_MACHINE), 0);
	}
	assert_int_equal(spool_streams(s, v), SPOOL_MAX_STREAMS);
	spool_free(s);
	s = open_spool(&d);
	add_synced(s, 67, 70);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 70);
	spool_free(s);
	memory_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_restored_snapshot_opens_a_new_stream),
	    cmocka_unit_test(a_snapshot_that_wrote_past_the_mark_is_seen_by_the_id),
	    cmocka_unit_test(a_restored_centre_is_told_again),
	    cmocka_unit_test(an_event_that_moved_twice_is_known_by_its_first_place),
	    cmocka_unit_test(a_copy_names_only_its_own_stream),
	    cmocka_unit_test(many_new_streams_are_bounded),
	};
	return cmocka_run_group_tests_name("spool-streams", tests, NULL, NULL);
}
