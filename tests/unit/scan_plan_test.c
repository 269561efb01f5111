/* What is written down of scans, when the schedule wants one, and when a scan rests. */
#include "clock.h"
#include "file.h"
#include "ipc.h"
#include "pace.h"
#include "parent_sweep.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char top[64];
static int folder;

static int set_up(void **state)
{
	(void)state;
	snprintf(top, sizeof top, "/tmp/khien-plan-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	folder = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	close(folder);
	return nftw(top, remove_one, 64, FTW_DEPTH | FTW_PHYS);
}

/* ---- the list ---- */

static void fill(struct sweeps *s)
{
	*s = (struct sweeps){.scheduled_us = 77, .next_number = 9, .n_queue = 2};
	s->queue[0] = (struct sweep_job){
	    .number = 3, .extent = SCAN_CUSTOM, .task_id = 12, .started_us = 5, .n_paths = 2};
	s->queue[0].paths[0] = strdup("/a\nb");
	s->queue[0].paths[1] = strdup("/\xff");
	s->queue[0].position = strdup("/a\nb/c");
	s->queue[0].done.files = 4;
	s->queue[0].done.not_scanned[SCAN_LIMITS] = 2;
	s->queue[1] = (struct sweep_job){
	    .number = 4, .extent = SCAN_FULL, .end = SCAN_ENDED_BADLY, .event_id = {1, 2}, .why = "why"};
	s->foreground = (struct sweep_job){
	    .number = 5, .extent = SCAN_QUICK, .end = SCAN_INTERRUPTED, .report_only = true};
}

static void clear(struct sweeps *s)
{
	for (size_t i = 0; i < s->n_queue; i++)
		sweep_job_clear(&s->queue[i]);
	sweep_job_clear(&s->foreground);
	*s = (struct sweeps){0};
}

static void the_list_of_scans_survives(void **state)
{
	struct sweeps s, t = {0};
	(void)state;
	fill(&s);
	assert_int_equal(scan_jobs_load(folder, &t), -ENOENT);
	assert_int_equal(scan_jobs_save(folder, &s), 0);
	assert_int_equal(scan_jobs_load(folder, &t), 0);
	assert_int_equal(t.scheduled_us, 77);
	assert_int_equal(t.next_number, 9);
	assert_int_equal(t.n_queue, 2);
	assert_int_equal(t.queue[0].n_paths, 2);
	assert_string_equal(t.queue[0].paths[0], "/a\nb");
	assert_string_equal(t.queue[0].paths[1], "/\xff");
	assert_string_equal(t.queue[0].position, "/a\nb/c");
	assert_int_equal(t.queue[0].done.files, 4);
	assert_int_equal(t.queue[0].done.not_scanned[SCAN_LIMITS], 2);
	assert_int_equal(t.queue[1].end, SCAN_ENDED_BADLY);
	assert_int_equal(t.queue[1].event_id[1], 2);
	assert_string_equal(t.queue[1].why, "why");
	assert_int_equal(t.foreground.extent, SCAN_QUICK);
	assert_true(t.foreground.report_only);
	clear(&s);
	clear(&t);
}

static void a_list_cut_or_altered_anywhere_is_refused(void **state)
{
	struct sweeps s, t = {0};
	struct buf whole = BUF_INIT(65536);
	(void)state;
	fill(&s);
	assert_int_equal(scan_jobs_save(folder, &s), 0);
	assert_int_equal(file_read(folder, "scans", &whole), 0);
	for (size_t n = 0; n < whole.n; n++) {
		assert_int_equal(file_replace(folder, "scans", whole.p, n, 0600), 0);
		assert_int_equal(scan_jobs_load(folder, &t), -EBADMSG);
		assert_int_equal(t.n_queue, 0);
		whole.p[n] ^= 0x40;
		assert_int_equal(file_replace(folder, "scans", whole.p, whole.n, 0600), 0);
		assert_int_equal(scan_jobs_load(folder, &t), -EBADMSG);
		whole.p[n] ^= 0x40;
	}
	clear(&s);
	buf_release(&whole);
}

/* ---- the words between parent and sweep ---- */

static void what_is_said_is_heard(void **state)
{
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	uint16_t type;
	struct sweep_begin b = {.extent = SCAN_CUSTOM,
	    .background = true,
	    .removable = true,
	    .cpu_percent = 30,
	    .max_file_bytes = 1 << 20,
	    .file_s = 60,
	    .state = "/var/x",
	    .n_paths = 2,
	    .paths = {"/a", "/b\xff"}};
	struct sweep_begin c;
	(void)state;
	b.before.files = 7;
	b.before.position = "/a/3";
	b.before.position_n = 4;
	ipc_begin(&m, SWEEP_BEGIN);
	sweep_put_begin(&m, &b);
	assert_int_equal(m.error, 0);
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	sweep_get_begin(&r, &c);
	assert_int_equal(ipc_end(&r), 0);
	assert_int_equal(c.n_paths, 2);
	assert_string_equal(c.paths[1], "/b\xff");
	assert_string_equal(c.state, "/var/x");
	assert_true(c.background && c.removable && !c.quarantine);
	assert_int_equal(c.before.files, 7);
	assert_memory_equal(c.before.position, "/a/3", 4);
	for (size_t n = 2; n < m.n; n++) { /* cut anywhere: refused, never half */
		assert_int_equal(ipc_open(&r, m.p, n, &type), 0);
		sweep_get_begin(&r, &c);
		assert_int_equal(ipc_end(&r), -EBADMSG);
	}
	struct sweep_found f = {.verdict = SCAN_INFECTED, .stopped = 2, .why = "full"}, g;
	f.detection = (struct detection){.engine = "clamav", .name = "N", .type = "", .action = ACTION_FAILED};
	f.detection.path = (struct os_path){.form = PATH_BYTES, .n = 2, .raw = "/x", .display = "/x"};
	ipc_begin(&m, SWEEP_FOUND);
	sweep_put_found(&m, &f);
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	sweep_get_found(&r, &g);
	assert_int_equal(ipc_end(&r), 0);
	assert_string_equal(g.detection.name, "N");
	assert_int_equal(g.stopped, 2);
	assert_string_equal(g.why, "full");
	buf_release(&m);
}

/* ---- the schedule ---- */

static int64_t local(int year, int month, int day, int hour, int minute)
{
	struct tm t = {.tm_year = year - 1900,
	    .tm_mon = month - 1,
	    .tm_mday = day,
	    .tm_hour = hour,
	    .tm_min = minute,
	    .tm_isdst = -1};
	return (int64_t)mktime(&t) * US_PER_S;
}

static void the_schedule_is_the_clock_on_the_wall(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Ho_Chi_Minh", 1);
	tzset();
	/* every day at 12 */
	assert_int_equal(scan_schedule_last(local(2026, 11, 24, 12, 0), 0, 12, 0), local(2026, 11, 24, 12, 0));
	assert_int_equal(scan_schedule_last(local(2026, 11, 24, 11, 59), 0, 12, 0), local(2026, 11, 23, 12, 0));
	/* spread: 20 minutes later here */
	assert_int_equal(
	    scan_schedule_last(local(2026, 11, 24, 12, 10), 0, 12, 1200 * US_PER_S), local(2026, 11, 23, 12, 20));
	/* Fridays (5), from a Tuesday; Sundays (7); and over a month's end */
	assert_int_equal(scan_schedule_last(local(2026, 11, 24, 9, 0), 5, 8, 0), local(2026, 11, 20, 8, 0));
	assert_int_equal(scan_schedule_last(local(2026, 11, 24, 9, 0), 7, 8, 0), local(2026, 11, 22, 8, 0));
	assert_int_equal(scan_schedule_last(local(2026, 12, 1, 9, 0), 6, 23, 0), local(2026, 11, 28, 23, 0));
	/* the very day, before the hour: a week ago */
	assert_int_equal(scan_schedule_last(local(2026, 11, 24, 7, 0), 2, 8, 0), local(2026, 11, 17, 8, 0));
	/* a clock that is turned back an hour in the night (25 October 2026) */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_int_equal(scan_schedule_last(local(2026, 10, 25, 13, 0), 0, 12, 0), local(2026, 10, 25, 12, 0));
	assert_int_equal(scan_schedule_last(local(2026, 10, 25, 11, 0), 0, 12, 0), local(2026, 10, 24, 12, 0));
	assert_int_equal(local(2026, 10, 25, 12, 0) - local(2026, 10, 24, 12, 0), 25 * 3600 * US_PER_S);
}

/* ---- resting ---- */

static void put(const char *path, const char *text)
{
	char whole[200];
	snprintf(whole, sizeof whole, "%s/%s", top, path);
	FILE *f = fopen(whole, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make(const char *path)
{
	char whole[200];
	snprintf(whole, sizeof whole, "%s/%s", top, path);
	assert_int_equal(mkdir(whole, 0755), 0);
}

static struct pace new_pace(int64_t now)
{
	struct pace p = {.background = true, .percent = 25, .sys = top, .proc = top};
	pace_begin(&p, now);
	return p;
}

static void a_scan_rests_on_battery_and_when_memory_is_short(void **state)
{
	int64_t again, now = clock_mono_us();
	(void)state;
	make("class");
	make("class/power_supply");
	make("class/power_supply/BAT0");
	make("class/power_supply/AC");
	make("pressure");
	put("class/power_supply/BAT0/type", "Battery\n");
	put("class/power_supply/BAT0/status", "Discharging\n");
	put("class/power_supply/AC/type", "Mains\n");
	put("class/power_supply/AC/online", "0\n");
	struct pace p = new_pace(now);
	assert_int_equal(pace_ask(&p, now, &again), PACE_BATTERY);
	assert_true(again > now);
	p = new_pace(now);
	p.on_battery = true;
	assert_int_not_equal(pace_ask(&p, now, &again), PACE_BATTERY);
	put("class/power_supply/AC/online", "1\n");
	p = new_pace(now);
	assert_int_not_equal(pace_ask(&p, now, &again), PACE_BATTERY);
	put("pressure/memory",
	    "some avg10=42.50 avg60=1.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	p = new_pace(now);
	assert_int_equal(pace_ask(&p, now, &again), PACE_MEMORY);
	p.background = false; /* somebody waits for it */
	assert_int_equal(pace_ask(&p, now, &again), PACE_GOES);
}

static void what_was_used_is_paid_back(void **state)
{
	int64_t again, now = clock_mono_us();
	char text[64];
	(void)state;
	make("4321");
	put("4321/schedstat", "1000000000 5 6\n");
	struct pace p = new_pace(now);
	p.percent = 25;
	pace_add_worker(&p, 4321);
	pace_begin(&p, now); /* what a worker had used before does not count */
	assert_int_equal(pace_ask(&p, now + US_PER_S, &again), PACE_GOES);
	snprintf(text, sizeof text, "%lld 5 6\n", 1000000000LL + 1000000000LL); /* a second more */
	put("4321/schedstat", text);
	assert_int_equal(pace_ask(&p, now + US_PER_S, &again), PACE_CEILING);
	assert_in_range(
	    again, now + 39 * US_PER_S / 10, now + 45 * US_PER_S / 10); /* a second at a quarter takes four */
	assert_int_equal(pace_ask(&p, now + 5 * US_PER_S, &again), PACE_GOES);
	snprintf(text, sizeof text, "%lld 5 6\n", 1000000000LL + 2000000000LL);
	put("4321/schedstat", text);
	assert_int_equal(pace_ask(&p, now + 5 * US_PER_S, &again), PACE_CEILING);
	char path[128];
	snprintf(path, sizeof path, "%s/4321/schedstat", top);
	unlink(path); /* it has ended: what it used is still owed */
	assert_int_equal(pace_ask(&p, now + 5 * US_PER_S + 1, &again), PACE_CEILING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_list_of_scans_survives, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_list_cut_or_altered_anywhere_is_refused, set_up, tear_down),
	    cmocka_unit_test(what_is_said_is_heard),
	    cmocka_unit_test(the_schedule_is_the_clock_on_the_wall),
	    cmocka_unit_test_setup_teardown(a_scan_rests_on_battery_and_when_memory_is_short, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_was_used_is_paid_back, set_up, tear_down),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
