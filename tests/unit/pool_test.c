/* The pool over the real template and its jailed workers (khien-scan-fault, given as the first argument), which do what
 * a content tells them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bounds.h"
#include "clock.h"
#include "pool.h"
#include "scan_messages.h"

#include "ipc_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_US = 30000000, WORKERS = 2, MAX_TOLD = 64 };

static const char *program;
static char folder[] = "/tmp/khien-pool-XXXXXX";

struct house {
	pid_t template;
	struct ipc_channel *channel;
	struct pool *pool;
	struct scan_loaded loaded;
	struct scan_worker last;
	int refuse; /* > 0: ask nothing of the template, refuse so many asks */
	int64_t next_ticket;
	size_t n_events;
	struct pool_event events[MAX_TOLD];
	int n_ended, last_signal, n_loaded, n_refused;
	size_t n_told;
	struct scan_result told[MAX_TOLD];
	int n_checked;
	struct engine_states checked;
};

/* ---- the template ---- */

static void start_template(struct house *h)
{
	int fds[2];
	assert_int_equal(ipc_pair(fds), 0);
	h->template = fork();
	assert_true(h->template >= 0);
	if (h->template == 0) {
		if (dup2(fds[1], 3) < 0 || fcntl(3, F_SETFD, 0) < 0)
			_exit(125);
		if (getuid() == 0)
			execl(program, "khien-scan", "--verbose", "--user", "nobody", (char *)NULL);
		execl(program, "khien-scan", "--verbose", (char *)NULL);
		_exit(126);
	}
	close(fds[1]);
	assert_int_equal(ipc_channel_new(fds[0], &h->channel), 0);
	struct scan_begin begin = {.has_signatures = true,
	    .limits = SCAN_LIMITS_DEFAULT,
	    .worker_memory = 256 << 20,
	    .temporary_bytes = 8 << 20};
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	int signatures = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ipc_begin(&m, SCAN_BEGIN);
	scan_put_begin(&m, &begin);
	assert_int_equal(ipc_channel_send_fds(h->channel, &m, &signatures, 1), 0);
	buf_release(&m);
}

static void end_template(struct house *h)
{
	ipc_channel_free(h->channel);
	h->channel = NULL;
	if (h->template > 0)
		waitpid(h->template, NULL, 0);
	h->template = 0;
}

static int want_worker(void *arg)
{
	struct house *h = arg;
	struct buf m = BUF_INIT(64);
	if (!h->channel)
		return -ECONNREFUSED;
	if (h->refuse > 0) {
		h->refuse--;
		return -EMFILE;
	}
	ipc_begin(&m, SCAN_SPAWN);
	ipc_put_i64(&m, ++h->next_ticket);
	ipc_put_u8(&m, SCAN_FOREGROUND);
	int r = ipc_channel_send(h->channel, &m);
	buf_release(&m);
	return r;
}

static void take_worker(struct house *h, struct ipc_reader *r)
{
	scan_get_worker(r, &h->last);
	assert_int_equal(ipc_end(r), 0);
	struct pool_worker_ends ends = {.pid = (pid_t)h->last.pid};
	ends.channel = ipc_channel_take_fd(h->channel);
	ends.life = ipc_channel_take_fd(h->channel);
	ends.pidfd = ipc_channel_take_fd(h->channel);
	assert_true(ends.channel >= 0 && ends.life >= 0 && ends.pidfd >= 0);
	pool_add_worker(h->pool, &ends);
}

static void take_word(struct house *h, uint16_t type, struct ipc_reader *r)
{
	if (type == SCAN_LOADED) {
		scan_get_loaded(r, &h->loaded);
		h->n_loaded++;
	} else if (type == SCAN_WORKER) {
		take_worker(h, r);
	} else if (type == SCAN_NO_WORKER) {
		h->n_refused++;
		pool_no_worker(h->pool, -1);
	} else if (type == SCAN_ENDED) {
		ipc_get_i64(r);
		ipc_get_i64(r);
		h->last_signal = (int)ipc_get_i64(r);
		h->n_ended++;
	}
}

static void hear(struct house *h)
{
	struct ipc_reader r;
	uint16_t type;
	int k;
	while (h->channel && (k = ipc_channel_receive(h->channel, &r, &type)) != 0) {
		if (k < 0) {
			ipc_channel_free(h->channel);
			h->channel = NULL;
			return;
		}
		take_word(h, type, &r);
	}
}

/* One turn of the loop that a program has. */
static void turn(struct house *h)
{
	struct pollfd fds[1 + POOL_MAX_FDS];
	fds[0] = (struct pollfd){h->channel ? ipc_channel_fd(h->channel) : -1, POLLIN, 0};
	size_t n = pool_fill(h->pool, fds + 1);
	int64_t now = clock_mono_us(), next = pool_next_us(h->pool);
	int ms = next <= now ? 0 : next - now > 100000 ? 100 : (int)((next - now) / 1000) + 1;
	assert_true(poll(fds, (nfds_t)(1 + n), ms) >= 0);
	if (fds[0].revents)
		hear(h);
	pool_serve(h->pool, fds + 1, n, clock_mono_us());
}

#define UNTIL(h, cond)                                                                                                 \
	do {                                                                                                           \
		int64_t until_us = clock_mono_us() + PATIENCE_US;                                                      \
		while (!(cond)) {                                                                                      \
			turn(h);                                                                                       \
			assert_true(clock_mono_us() < until_us);                                                       \
		}                                                                                                      \
	} while (0)

static void happened(void *arg, const struct pool_event *e)
{
	struct house *h = arg;
	assert_true(h->n_events < MAX_TOLD);
	h->events[h->n_events++] = *e;
}

static void open_house(struct house *h, int64_t deadline_ms)
{
	struct pool_config config = {.max_workers = WORKERS,
	    .min_workers = 1,
	    .max_queue = 16,
	    .deadline_ms = deadline_ms,
	    .patience_ms = 20000,
	    .idle_ms = 60000,
	    .age_ms = 3600000,
	    .want_worker = want_worker,
	    .happened = happened,
	    .arg = h};
	*h = (struct house){0};
	assert_int_equal(pool_new(&config, &h->pool), 0);
	start_template(h);
	UNTIL(h, h->n_loaded);
}

static void close_house(struct house *h)
{
	pool_free(h->pool);
	end_template(h);
}

/* ---- contents ---- */

struct content {
	struct house *h;
	int fd;
	size_t n_told;
	struct scan_result result;
};

static void told(void *arg, const struct scan_result *r)
{
	struct content *c = arg;
	c->result = *r;
	c->n_told++;
}

static int text_file(const char *text)
{
	int fd = memfd_create("khien-test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static int submit(struct house *h, struct content *c, int fd)
{
	*c = (struct content){.h = h, .fd = fd};
	struct scan_job j = {.fd = fd, .done = told, .arg = c};
	return pool_submit(h->pool, &j);
}

static struct scan_result scan_fd(struct house *h, int fd)
{
	struct content c;
	assert_int_equal(submit(h, &c, fd), 0);
	UNTIL(h, c.n_told);
	assert_int_equal(c.n_told, 1);
	return c.result;
}

static struct scan_result scan(struct house *h, const char *text)
{
	int fd = text_file(text);
	struct scan_result r = scan_fd(h, fd);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), strlen(text)); /* not moved */
	close(fd);
	return r;
}

/* ---- tests ---- */

static void a_worker_comes_jailed_and_has_found_what_is_planted(void **state)
{
	(void)state;
	struct house h;
	struct pool_stats s;
	open_house(&h, 20000);
	assert_string_equal(h.loaded.problem, "");
	assert_int_equal(h.loaded.engines.n, 1);
	pool_get_stats(h.pool, &s);
	UNTIL(&h, (pool_get_stats(h.pool, &s), s.workers == 1)); /* the minimum, without a job */
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++)
		if (m != SANDBOX_USER)
			assert_true(h.last.up.sandbox[m] == SANDBOX_IN_FORCE ||
			            (m == SANDBOX_LANDLOCK && h.last.up.sandbox[m] == SANDBOX_IN_PART));
	assert_true(h.last.up.engines.all_found);
	assert_string_equal(h.last.up.engines.v[0].name, "fault");
	assert_int_equal(h.last.up.engines.v[0].health, ENGINE_WORKS);
	close_house(&h);
}

/* A pool without workers holds no descriptor, least of all number 0. */
static void a_new_pool_closes_nothing(void **state)
{
	(void)state;
	struct pool *p = NULL;
	struct pool_config config = {.max_workers = 4, .min_workers = 1, .max_queue = 8, .deadline_ms = 1000};
	int was = fcntl(0, F_GETFD);
	int opened = was < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : 0;
	assert_int_equal(opened, 0);
	assert_int_equal(pool_new(&config, &p), 0);
	assert_true(fcntl(0, F_GETFD) >= 0);
	pool_free(p);
	assert_true(fcntl(0, F_GETFD) >= 0);
}

static void results_come_back(void **state)
{
	(void)state;
	struct house h;
	open_house(&h, 20000);
	struct scan_result r = scan(&h, "an ordinary text");
	assert_int_equal(r.verdict, SCAN_CLEAN);
	assert_int_equal(r.size, 16);
	r = scan(&h, "KHIEN-FAULT infected");
	assert_int_equal(r.verdict, SCAN_INFECTED);
	assert_string_equal(r.finds[0].name, "Test.Fault");
	assert_true(r.digests & SCAN_HAS_SHA256);
	r = scan(&h, "KHIEN-FAULT open");
	assert_int_equal(r.verdict, SCAN_CLEAN); /* nothing could be opened */
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	r = scan_fd(&h, fds[0]);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_NOT_REGULAR);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(h.n_events, 0);
	close_house(&h);
}

static void many_jobs_keep_their_results(void **state)
{
	(void)state;
	enum { N = 200 };
	struct house h;
	static struct content c[N];
	size_t done = 0, next = 0;
	open_house(&h, 20000);
	while (done < N) {
		while (next < N) {
			char text[64];
			snprintf(text, sizeof text, next % 3 ? "ordinary %zu" : "KHIEN-FAULT infected %zu", next);
			int fd = text_file(text), r = submit(&h, &c[next], fd);
			if (r) {
				close(fd);
				assert_int_equal(r, -EAGAIN); /* full: nothing was taken */
				break;
			}
			next++;
		}
		turn(&h);
		for (done = 0; done < N && c[done].n_told; done++)
			;
	}
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(c[i].n_told, 1);
		assert_int_equal(c[i].result.verdict, i % 3 ? SCAN_CLEAN : SCAN_INFECTED);
		close(c[i].fd);
	}
	close_house(&h);
}

/* {what the content does, the signal that ends the worker (0: any)} */
static void a_content_that_ends_its_worker_costs_that_and_is_remembered(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int signal;
	} cases[] = {{"KHIEN-FAULT crash", 0}, {"KHIEN-FAULT abort", 0}, {"KHIEN-FAULT socket", SIGSYS},
	    {"KHIEN-FAULT fork", SIGSYS}, {"KHIEN-FAULT exec", SIGSYS}, {"KHIEN-FAULT mount", SIGSYS},
	    {"KHIEN-FAULT ptrace", SIGSYS}, {"KHIEN-FAULT kill", SIGSYS}, {"KHIEN-FAULT lie", SIGKILL},
	    {"KHIEN-FAULT garbage", SIGKILL}};
	struct house h;
	struct pool_stats s;
	open_house(&h, 20000);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int ended = h.n_ended;
		size_t events = h.n_events;
		struct scan_result r = scan(&h, cases[i].text);
		assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
		assert_int_equal(r.reason, SCAN_CRASHED);
		assert_true(r.digests & SCAN_HAS_SHA256);
		assert_int_equal(h.n_events, events + 1);
		assert_true(h.events[events].has_sha256);
		UNTIL(&h, h.n_ended > ended);
		if (cases[i].signal)
			assert_int_equal(h.last_signal, cases[i].signal);
		/* the same bytes in another file: known by their digest, and no worker dies */
		ended = h.n_ended;
		r = scan(&h, cases[i].text);
		assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
		assert_int_equal(r.reason, SCAN_CRASHED);
		assert_int_equal(h.n_events, events + 1);
		assert_int_equal(scan(&h, "still there").verdict, SCAN_CLEAN);
		assert_int_equal(h.n_ended, ended);
	}
	pool_get_stats(h.pool, &s);
	assert_int_equal(s.crashes, sizeof cases / sizeof *cases);
	pool_forget(h.pool); /* other signatures: it is tried again */
	pool_renew(h.pool);
	size_t events = h.n_events;
	assert_int_equal(scan(&h, "KHIEN-FAULT crash").reason, SCAN_CRASHED);
	assert_int_equal(h.n_events, events + 1);
	close_house(&h);
}

static void a_content_that_takes_too_long_is_given_up(void **state)
{
	(void)state;
	struct house h;
	struct pool_stats s;
	open_house(&h, 300);
	int fd = text_file("KHIEN-FAULT hang"), ended = h.n_ended;
	struct scan_result r = scan_fd(&h, fd);
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_TIMED_OUT);
	assert_int_equal(h.events[0].kind, POOL_WORKER_LATE);
	UNTIL(&h, h.n_ended > ended);
	assert_int_equal(h.last_signal, SIGKILL);
	r = scan_fd(&h, fd); /* known by the file */
	assert_int_equal(r.reason, SCAN_TIMED_OUT);
	pool_get_stats(h.pool, &s);
	assert_int_equal(s.lates, 1);
	assert_int_equal(s.remembered, 1);
	assert_int_equal(scan(&h, "still there").verdict, SCAN_CLEAN);
	close(fd);
	close_house(&h);
}

static void memory_and_temporary_space_have_an_end(void **state)
{
	(void)state;
	struct house h;
	open_house(&h, 60000);
	struct scan_result r = scan(&h, "KHIEN-FAULT memory");
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_true(r.reason == SCAN_FAILED || r.reason == SCAN_CRASHED); /* under ASan, no memory is the end */
	r = scan(&h, "KHIEN-FAULT fill");
	assert_int_equal(r.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(r.reason, SCAN_NO_SPACE);
	r = scan(&h, "KHIEN-FAULT fill once more"); /* in a folder of its own, so full at the same place */
	assert_int_equal(r.reason, SCAN_NO_SPACE);
	assert_int_equal(scan(&h, "still there").verdict, SCAN_CLEAN);
	close_house(&h);
}

static void a_template_that_ends_is_nobodys_fault(void **state)
{
	(void)state;
	struct house h;
	struct content c;
	struct pool_stats s;
	open_house(&h, 3000);
	int fd = text_file("KHIEN-FAULT hang");
	assert_int_equal(submit(&h, &c, fd), 0);
	UNTIL(&h, (pool_get_stats(h.pool, &s), s.busy == 1));
	kill(h.template, SIGKILL);
	UNTIL(&h, h.n_events == 1 && !h.channel);
	assert_int_equal(h.events[0].kind, POOL_TEMPLATE_GONE);
	assert_int_equal(c.n_told, 0); /* asked again */
	end_template(&h);
	pool_get_stats(h.pool, &s);
	for (; s.asked_for; s.asked_for--)
		pool_no_worker(h.pool, -EPIPE);
	start_template(&h);
	UNTIL(&h, c.n_told);
	assert_int_equal(c.result.reason, SCAN_TIMED_OUT); /* by its own fault this time */
	pool_get_stats(h.pool, &s);
	assert_int_equal(s.again, 1);
	assert_int_equal(s.crashes, 0);
	close(fd);
	close_house(&h);
}

static void without_a_worker_a_job_ends_as_not_scanned(void **state)
{
	(void)state;
	struct house h;
	struct content c;
	struct pool_config config = {.max_workers = 1,
	    .max_queue = 4,
	    .deadline_ms = 1000,
	    .patience_ms = 300,
	    .idle_ms = 1000,
	    .age_ms = 3600000,
	    .want_worker = want_worker,
	    .arg = &h};
	struct pool_stats s;
	h = (struct house){.refuse = 1 << 30};
	assert_int_equal(pool_new(&config, &h.pool), 0);
	int fd = text_file("anything");
	assert_int_equal(submit(&h, &c, fd), 0);
	UNTIL(&h, c.n_told);
	assert_int_equal(c.result.verdict, SCAN_NOT_SCANNED);
	assert_int_equal(c.result.reason, SCAN_BUSY);
	pool_get_stats(h.pool, &s);
	assert_int_equal(s.last_refusal, -ECONNREFUSED);
	close(fd);
	pool_free(h.pool);
}

static void too_many_open_files_delay_and_do_not_lose(void **state)
{
	(void)state;
	struct house h;
	struct content c;
	struct pool_stats s;
	struct rlimit old, tight;
	open_house(&h, 20000);
	UNTIL(&h, (pool_get_stats(h.pool, &s), s.workers == 1));
	int fd = text_file("KHIEN-FAULT infected");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	int lowest = dup(0);
	close(lowest);
	tight.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	assert_int_equal(submit(&h, &c, fd), 0);
	for (int i = 0; i < 5; i++)
		turn(&h);
	assert_int_equal(c.n_told, 0);
	pool_get_stats(h.pool, &s);
	assert_int_equal(s.last_refusal, -EMFILE); /* and it says so */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	UNTIL(&h, c.n_told);
	assert_int_equal(c.result.verdict, SCAN_INFECTED);
	close(fd);
	close_house(&h);
}

static void whoever_has_gone_is_not_told(void **state)
{
	(void)state;
	struct house h;
	struct content c[3];
	open_house(&h, 20000);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(submit(&h, &c[i], text_file("KHIEN-FAULT infected")), 0);
	pool_cancel(h.pool, &c[1]);
	UNTIL(&h, c[0].n_told && c[2].n_told);
	for (int i = 0; i < 5; i++)
		turn(&h);
	assert_int_equal(c[1].n_told, 0);
	for (size_t i = 0; i < 3; i++)
		close(c[i].fd);
	close_house(&h);
}

static void checked(void *arg, const struct engine_states *states)
{
	struct house *h = arg;
	h->n_checked++;
	h->checked = states ? *states : (struct engine_states){.generation = -1};
}

static void write_word(const char *name, bool present)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (present)
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	else
		unlink(path);
}

static void an_engine_that_misses_is_told_and_one_that_is_broken(void **state)
{
	(void)state;
	struct house h;
	open_house(&h, 20000);
	assert_int_equal(pool_check(h.pool, checked, &h), 0);
	assert_int_equal(pool_check(h.pool, checked, &h), -EALREADY);
	UNTIL(&h, h.n_checked);
	assert_true(h.checked.all_found);
	close_house(&h);

	write_word("miss", true);
	open_house(&h, 20000);
	assert_int_equal(pool_check(h.pool, checked, &h), 0);
	UNTIL(&h, h.n_checked);
	write_word("miss", false);
	assert_false(h.checked.all_found);
	assert_int_equal(h.checked.v[0].health, ENGINE_MISSES);
	assert_false(h.last.up.engines.all_found);
	close_house(&h);

	write_word("broken", true);
	open_house(&h, 20000);
	write_word("broken", false);
	assert_int_equal(h.loaded.engines.v[0].health, ENGINE_BROKEN);
	assert_string_equal(h.loaded.engines.v[0].problem, "told to be broken");
	close_house(&h);

	write_word("die", true); /* the first look ends every worker before it is handed on */
	open_house(&h, 20000);
	UNTIL(&h, h.n_refused);
	write_word("die", false);
	close_house(&h);
}

/* The same folder as `khien signatures load` would try it. */
static int check(const char *word)
{
	int status;
	if (word)
		write_word(word, true);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, 1);
		execl(program, "khien-scan", "--check", folder, (char *)NULL);
		_exit(126);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	if (word)
		write_word(word, false);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void signatures_are_tried_before_they_are_used(void **state)
{
	(void)state;
	assert_int_equal(check(NULL), 0);
	assert_int_equal(check("miss"), 1);
	assert_int_equal(check("die"), 1);
	assert_int_equal(check("broken"), 1);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) && chmod(folder, 0755) == 0 ? 0 : -1;
}

static int drop_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_worker_comes_jailed_and_has_found_what_is_planted),
	    cmocka_unit_test(a_new_pool_closes_nothing),
	    cmocka_unit_test(results_come_back),
	    cmocka_unit_test(many_jobs_keep_their_results),
	    cmocka_unit_test(a_content_that_ends_its_worker_costs_that_and_is_remembered),
	    cmocka_unit_test(a_content_that_takes_too_long_is_given_up),
	    cmocka_unit_test(memory_and_temporary_space_have_an_end),
	    cmocka_unit_test(a_template_that_ends_is_nobodys_fault),
	    cmocka_unit_test(without_a_worker_a_job_ends_as_not_scanned),
	    cmocka_unit_test(too_many_open_files_delay_and_do_not_lose),
	    cmocka_unit_test(whoever_has_gone_is_not_told),
	    cmocka_unit_test(an_engine_that_misses_is_told_and_one_that_is_broken),
	    cmocka_unit_test(signatures_are_tried_before_they_are_used),
	};
	if (argc != 2)
		return 2;
	program = argv[1];
	return cmocka_run_group_tests_name("pool", tests, make_folder, drop_folder);
}
