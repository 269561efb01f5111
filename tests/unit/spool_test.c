#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spool_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void events_come_out_as_they_went_in(void **state)
{
	(void)state;
	static struct memory_disk m;
	static struct spool_batch b;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = open_spool(&d);
	struct spool_place p;
	add_synced(s, 1, 3);
	id16 stream = newest(s);
	assert_int_equal(add(s, 4, &p), 0);
	assert_int_equal(p.seq, 4);
	assert_memory_equal(p.stream.b, stream.b, ID_BYTES);
	assert_int_equal(spool_next(s, stream, 100, 65536, &b), 0);
	assert_int_equal(b.n, 3); /* the fourth is not safe yet: nobody may see it */
	assert_int_equal(b.first, 1);
	assert_int_equal(b.floor, 1);
	assert_string_equal(b.events[2].detection.name, "Eicar-Test-Signature");
	assert_memory_equal(b.events[2].detection.path.raw, "/home/\xff/x", 9);
	assert_int_equal(b.events[2].at_us, 1003);
	assert_int_equal(b.events[0].was.seq, 0);
	assert_int_equal(spool_next(s, stream, 2, 65536, &b), 0);
	assert_int_equal(b.n, 2);
	assert_int_equal(spool_next(s, stream, 100, 1, &b), 0);
	assert_int_equal(b.n, 1); /* at least one */
	spool_free(s);
	memory_release(&m);
}

static void an_id_that_was_here_gets_its_place(void **state)
{
	(void)state;
	static struct memory_disk m;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = open_spool(&d);
	struct spool_place p;
	add_synced(s, 1, 50);
	assert_int_equal(add(s, 20, &p), 0);
	assert_int_equal(p.seq, 20);
	spool_free(s);
	s = open_spool(&d);
	assert_int_equal(add(s, 20, &p), 0);
	assert_int_equal(p.seq, 20);
	assert_int_equal(add(s, 51, &p), 0);
	assert_int_equal(p.seq, 51);
	spool_free(s);
	memory_release(&m);
}

static void reopening_keeps_stream_mark_and_numbers(void **state)
{
	(void)state;
	static struct memory_disk m;
	static struct centre c;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = open_spool(&d);
	struct spool_stats st;
	id16 stream = newest(s);
	add_synced(s, 1, 60);
	deliver(s, &c, 7, true);
	add_synced(s, 61, 70);
	spool_free(s);
	memory_power_loss(&m, 1);
	s = open_spool(&d);
	assert_memory_equal(newest(s).b, stream.b, ID_BYTES);
	spool_get_stats(s, &st);
	assert_int_equal(st.waiting, 10);
	assert_int_equal(st.oldest_waiting_us, 1061);
	assert_int_equal(st.missing, 0);
	deliver(s, &c, 100, true);
	add_synced(s, 71, 71);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 71);
	assert_int_equal(c.n, 1);
	spool_get_stats(s, &st);
	assert_int_equal(st.waiting, 0);
	spool_free(s);
	memory_release(&m);
}

/* ---- what strikes at each single operation ---- */

struct history {
	uint64_t next;
	bool receipt[MANY];
};

/* A day in the life: some adds, syncs, deliveries, a rotation. Whatever fails, it goes on as khien-link does. */
static void live(struct spool **s, const struct spool_disk *d, struct history *h, struct centre *c, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		uint64_t first = h->next, ok[4];
		size_t n = 0;
		for (int k = 0; k < 3; k++) {
			struct spool_place p;
			uint64_t number = h->next++;
			if (*s && add(*s, number, &p) == 0)
				ok[n++] = number;
		}
		assert_true(h->next > first && h->next < MANY);
		if (*s && spool_sync(*s) == 0)
			for (size_t k = 0; k < n; k++)
				h->receipt[ok[k]] = true;
		struct spool_stats st = {.broken = true};
		if (*s)
			spool_get_stats(*s, &st);
		if (st.broken) {
			spool_free(*s);
			*s = NULL;
			if (spool_open(d, &small, s))
				*s = NULL;
		}
		if (*s && i % 3 == 2)
			deliver(*s, c, 4, i % 2);
	}
}

static void check_history(const struct history *h, const struct centre *c)
{
	for (uint64_t k = 1; k < h->next; k++) {
		if (h->receipt[k])
			assert_int_equal(c->stored[k], 1);
		else
			assert_in_range(c->stored[k], 0, 1);
	}
}

static long strike_once(long at, int error, bool for_ever, bool half_done)
{
	static struct memory_disk m;
	static struct centre c;
	static struct history h;
	memset(&m, 0, sizeof m);
	memset(&c, 0, sizeof c);
	h = (struct history){.next = 1};
	m.fail_at = at;
	m.error = error;
	m.for_ever = for_ever;
	m.half_done = half_done;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = NULL;
	if (spool_open(&d, &small, &s))
		s = NULL;
	live(&s, &d, &h, &c, 12);
	long calls = m.calls;
	if (for_ever) {
		spool_free(s);
		s = NULL;
		memory_power_loss(&m, (unsigned)at);
	}
	m.fail_at = 0;
	if (!s)
		s = open_spool(&d);
	live(&s, &d, &h, &c, 4);
	deliver(s, &c, 100, true);
	deliver(s, &c, 100, true);
	check_history(&h, &c);
	assert_int_equal(c.new_streams, 0); /* the spool never forks against its own words */
	assert_true(h.receipt[h.next - 1]);
	spool_free(s);
	memory_release(&m);
	return calls;
}

static void strike_everywhere(int error, bool for_ever)
{
	long calls = strike_once(0, 0, false, false);
	assert_true(calls > 40);
	for (long at = 1; at <= calls; at++) {
		strike_once(at, error, for_ever, false);
		strike_once(at, error, for_ever, true);
	}
}

static void a_failing_disk_loses_and_doubles_nothing(void **state)
{
	(void)state;
	strike_everywhere(-EIO, false);
	strike_everywhere(-ENOSPC, false);
}

static void a_power_loss_anywhere_loses_and_doubles_nothing(void **state)
{
	(void)state;
	strike_everywhere(-EIO, true);
}

/* ---- harm to the bytes ---- */

static struct memory_file *only_segment(struct memory_disk *m)
{
	struct memory_file *f = memory_find(m, "0000000000000001.seg");
	assert_non_null(f);
	return f;
}

/* Five events in one segment; ends[k]: where the k-th one ends. */
static void write_five(struct memory_disk *m, size_t ends[6])
{
	struct spool_disk d = memory_disk(m);
	struct spool *s = open_spool(&d);
	ends[0] = 0;
	for (uint64_t k = 1; k <= 5; k++) {
		add_synced(s, k, k);
		ends[k] = only_segment(m)->bytes.n;
	}
	spool_free(s);
}

static void cut_at_every_byte(void **state)
{
	(void)state;
	static struct memory_disk whole, m;
	struct spool_disk d = memory_disk(&m);
	size_t ends[6];
	write_five(&whole, ends);
	for (size_t n = 0; n <= ends[5]; n++) {
		struct spool_stats st;
		struct spool_place p;
		int64_t good = 5;
		while (good && ends[good] > n)
			good--;
		memory_copy(&m, &whole);
		only_segment(&m)->bytes.n = n;
		struct spool *s = open_spool(&d);
		spool_get_stats(s, &st);
		assert_int_equal(st.waiting, good);
		assert_int_equal(st.missing, 0);
		assert_int_equal(add(s, 99, &p), 0);
		assert_int_equal(p.seq, good + 1);
		spool_free(s);
		memory_release(&m);
	}
	memory_release(&whole);
}

static void a_changed_byte_costs_one_event_and_is_reported(void **state)
{
	(void)state;
	static struct memory_disk whole, m;
	struct spool_disk d = memory_disk(&m);
	size_t ends[6];
	write_five(&whole, ends);
	for (size_t n = 0; n < ends[4]; n++) { /* harm to the last one cannot be told from a torn write */
		static struct centre c;
		struct spool_stats st;
		int64_t hit = 1;
		while (ends[hit] <= n)
			hit++;
		bool in_header = n < ends[1] - (ends[2] - ends[1]);
		memset(&c, 0, sizeof c);
		memory_copy(&m, &whole);
		only_segment(&m)->bytes.p[n] ^= 0x41;
		struct spool *s = open_spool(&d);
		spool_get_stats(s, &st);
		deliver(s, &c, 100, true);
		for (int64_t k = 1; k <= 5; k++)
			assert_int_equal(c.stored[k], in_header || k != hit);
		assert_int_equal(
		    st.missing, !in_header && hit > 1); /* before the first one is not among the kept ones */
		spool_free(s);
		memory_release(&m);
	}
	memory_release(&whole);
}

static void a_tail_lost_behind_the_mark_does_not_give_its_numbers_away(void **state)
{
	(void)state;
	static struct memory_disk m;
	static struct centre c;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = open_spool(&d);
	add_synced(s, 1, 5);
	deliver(s, &c, 100, true);
	spool_free(s);
	only_segment(&m)->bytes.n /= 2;
	s = open_spool(&d);
	add_synced(s, 6, 8);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 8);
	assert_int_equal(c.new_streams, 0);
	spool_free(s);
	memory_release(&m);
}

static void a_lost_file_of_streams_is_made_up_for(void **state)
{
	(void)state;
	static struct memory_disk m;
	static struct centre c;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = open_spool(&d);
	add_synced(s, 1, 30);
	deliver(s, &c, 100, true);
	add_synced(s, 31, 40);
	spool_free(s);
	memory_find(&m, "streams")->bytes.p[9] ^= 1;
	s = open_spool(&d);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 40);
	assert_int_equal(c.n, 1);
	spool_free(s);
	memory_release(&m);
}

/* ---- full ---- */

static void full_refuses_and_drops_only_what_is_acknowledged(void **state)
{
	(void)state;
	static struct memory_disk m;
	static struct centre c;
	struct spool_disk d = memory_disk(&m);
	struct spool_config tiny = {.max_bytes = 8192, .keep_us = INT64_MAX, .segment_bytes = 1024};
	struct spool *s = NULL;
	struct spool_place p;
	struct spool_stats st;
	uint64_t k = 1;
	assert_int_equal(spool_open(&d, &tiny, &s), 0);
	while (k < 1000 && add(s, k, &p) == 0)
		k++;
	assert_in_range(k, 20, 100);
	assert_int_equal(add(s, k, &p), -ENOSPC);
	assert_int_equal(spool_sync(s), 0);
	spool_get_stats(s, &st);
	assert_int_equal(st.waiting, k - 1);
	assert_true(st.bytes <= 8192);
	assert_false(st.broken);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, k - 1);
	for (uint64_t i = 0; i < 200; i++) { /* now the oldest go, and no more than the bound is used */
		add_synced(s, k, k);
		deliver(s, &c, 100, true);
		spool_get_stats(s, &st);
		assert_true(st.bytes <= 8192);
		k++;
	}
	assert_each_once(&c, 1, k - 1);
	spool_free(s);
	memory_release(&m);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
	(void)state;
	static struct memory_disk m;
	static struct centre c;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = open_spool(&d);
	struct spool_place p;
	uint64_t k = 1, refused = 0;
	m.room = 4000;
	while (add(s, k, &p) == 0)
		k++;
	assert_int_equal(add(s, k, &p), -ENOSPC);
	refused = k++;
	assert_int_equal(spool_sync(s), 0);
	m.room = 0;
	add_synced(s, k, k + 5);
	spool_free(s);
	s = open_spool(&d);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, refused - 1);
	assert_int_equal(c.stored[refused], 0);
	assert_each_once(&c, refused + 1, k + 5);
	spool_free(s);
	memory_release(&m);
}

static void acknowledged_ones_go_after_their_time(void **state)
{
	(void)state;
	static struct memory_disk m;
	static struct centre c;
	struct spool_disk d = memory_disk(&m);
	struct spool *s = open_spool(&d);
	struct spool_stats before, after;
	add_synced(s, 1, 100); /* event k is written at k µs; they stay 1000 */
	spool_expire(s, 5000);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 100); /* not before they are acknowledged */
	spool_get_stats(s, &before);
	spool_expire(s, 1050);
	spool_get_stats(s, &after);
	assert_true(after.bytes < before.bytes && after.bytes > before.bytes / 3);
	spool_expire(s, 5000);
	spool_get_stats(s, &after);
	assert_true(after.bytes < 2048);
	add_synced(s, 101, 101);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, 101);
	spool_free(s);
	memory_release(&m);
}

/* ---- a real folder, a real process ---- */

static int make_folder(char dir[static 32])
{
	snprintf(dir, 32, "/tmp/khien-spool-XXXXXX");
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static int remove_each(void *arg, const char *name)
{
	if (name[0] != '.')
		unlinkat(*(int *)arg, name, 0);
	return 0;
}

static void drop_folder(const char *dir, int fd)
{
	struct spool_disk d = spool_disk_folder(fd);
	d.list(d.context, remove_each, &fd);
	close(fd);
	assert_int_equal(rmdir(dir), 0);
}

/* Adds for ever, from `first` on, and writes each number to the pipe after its receipt. */
static void produce(int fd, int pipe_fd, uint64_t first)
{
	struct spool_disk d = spool_disk_folder(fd);
	struct spool *s = open_spool(&d);
	for (uint64_t k = first; k < MANY; k++) {
		struct spool_place p;
		if (add(s, k, &p) || spool_sync(s) || write(pipe_fd, &k, sizeof k) != sizeof k)
			_exit(1);
	}
	_exit(0);
}

static uint64_t killed_producer(int fd, uint64_t first, bool receipt[static MANY], unsigned *seed)
{
	int pipe_fds[2], status;
	uint64_t k, last = first;
	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		produce(fd, pipe_fds[1], first);
	close(pipe_fds[1]);
	*seed = *seed * 1103515245u + 12345u;
	for (unsigned n = (*seed >> 16) % 20; n && read(pipe_fds[0], &k, sizeof k) == sizeof k; n--)
		receipt[last = k] = true;
	kill(pid, SIGKILL);
	assert_true(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	while (read(pipe_fds[0], &k, sizeof k) == sizeof k)
		receipt[last = k] = true;
	close(pipe_fds[0]);
	return last + 2; /* the one behind the last receipt may or may not be there */
}

static void kill_9_loses_and_doubles_nothing(void **state)
{
	(void)state;
	static bool receipt[MANY];
	static struct centre c;
	char dir[32];
	int fd = make_folder(dir);
	uint64_t next = 1;
	unsigned seed = 7;
	struct spool_disk d = spool_disk_folder(fd);
	for (int i = 0; i < 40; i++) {
		next = killed_producer(fd, next, receipt, &seed);
		if (i % 8 == 7) {
			struct spool *s = open_spool(&d);
			deliver(s, &c, 10, i % 16 == 7);
			spool_free(s);
		}
	}
	struct spool *s = open_spool(&d);
	deliver(s, &c, 100, true);
	spool_free(s);
	for (uint64_t k = 1; k < next; k++)
		assert_in_range(c.stored[k], receipt[k] ? 1 : 0, 1);
	assert_int_equal(c.new_streams, 0);
	drop_folder(dir, fd);
}

static void a_real_file_limit_is_a_full_disk(void **state)
{
	(void)state;
	static struct centre c;
	char dir[32];
	int fd = make_folder(dir);
	struct spool_disk d = spool_disk_folder(fd);
	struct spool_config large = {.max_bytes = 64 << 20, .keep_us = 1000, .segment_bytes = 1 << 20};
	struct spool *s = NULL;
	struct spool_place p;
	struct rlimit old, limit;
	uint64_t k = 1;
	assert_int_equal(spool_open(&d, &large, &s), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){3000, old.rlim_max};
	setrlimit(RLIMIT_FSIZE, &limit);
	while (add(s, k, &p) == 0)
		k++;
	assert_in_range(k, 5, 60);
	assert_int_equal(add(s, k, &p), -ENOSPC);
	assert_int_equal(spool_sync(s), 0);
	setrlimit(RLIMIT_FSIZE, &old);
	add_synced(s, k, k + 3);
	spool_free(s);
	s = open_spool(&d);
	deliver(s, &c, 100, true);
	assert_each_once(&c, 1, k + 3);
	spool_free(s);
	drop_folder(dir, fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(events_come_out_as_they_went_in),
	    cmocka_unit_test(an_id_that_was_here_gets_its_place),
	    cmocka_unit_test(reopening_keeps_stream_mark_and_numbers),
	    cmocka_unit_test(a_failing_disk_loses_and_doubles_nothing),
	    cmocka_unit_test(a_power_loss_anywhere_loses_and_doubles_nothing),
	    cmocka_unit_test(cut_at_every_byte),
	    cmocka_unit_test(a_changed_byte_costs_one_event_and_is_reported),
	    cmocka_unit_test(a_tail_lost_behind_the_mark_does_not_give_its_numbers_away),
	    cmocka_unit_test(a_lost_file_of_streams_is_made_up_for),
	    cmocka_unit_test(full_refuses_and_drops_only_what_is_acknowledged),
	    cmocka_unit_test(a_full_disk_refuses_and_recovers),
	    cmocka_unit_test(acknowledged_ones_go_after_their_time),
	    cmocka_unit_test(kill_9_loses_and_doubles_nothing),
	    cmocka_unit_test(a_real_file_limit_is_a_full_disk),
	};
	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
