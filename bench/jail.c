/* bench-jail [FILES] (2000): what the jail costs a file: the same files scanned in this process, and by a jailed worker
 * that gets their descriptors through the pool, one at a time. Pairs in turn, medians of five; one JSON line. */
#include "bounds.h"
#include "clock.h"
#include "engine_clamav.h"
#include "ipc_channel.h"
#include "pool.h"
#include "scan_worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 5, FILE_BYTES = 8192, MEMORY = 1 << 30, TEMPORARY = 64 << 20 };

const struct engine *const scan_table[] = {&engine_clamav};
const size_t scan_table_n = 1;

static char folder[] =
    "/dev/shm/khien-bench-jail-XXXXXX"; /* a tmpfs, as the worker has: the jail is measured, not the disk */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void write_file(const char *name, const void *p, size_t n)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		fail(path);
	close(fd);
}

static int open_file(size_t i)
{
	char path[128];
	snprintf(path, sizeof path, "%s/f%zu", folder, i);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	return fd;
}

static void make_files(size_t n)
{
	static const char signature[] = "Bench.Test:0:*:6b6869656e206e6f626f64792077726974657320746869732074657874\n";
	char name[32], text[FILE_BYTES], path[128];
	snprintf(path, sizeof path, "%s/body", folder);
	if (mkdir(path, 0755) < 0)
		fail(path);
	write_file("body/bench.ndb", signature, sizeof signature - 1);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof text; k++)
			text[k] = k % 64 == 63 ? '\n' : (char)('a' + (i * 31 + k * 7 + k / 64) % 26);
		snprintf(name, sizeof name, "f%zu", i);
		write_file(name, text, sizeof text);
	}
}

static void remove_files(size_t n)
{
	char name[32];
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; fd >= 0 && i < n; i++) {
		snprintf(name, sizeof name, "f%zu", i);
		unlinkat(fd, name, 0);
	}
	if (fd < 0 || unlinkat(fd, "body/bench.ndb", 0) < 0 || unlinkat(fd, "body", AT_REMOVEDIR) < 0 ||
	    rmdir(folder) < 0)
		fail(folder);
	close(fd);
}

static struct pipeline *load(void)
{
	static const struct scan_limits limits = SCAN_LIMITS_DEFAULT;
	struct pipeline *p = NULL;
	struct err e = {0};
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || scan_engines_new(&limits, &p) || pipeline_load(p, fd, NULL, NULL, &e)) {
		fprintf(stderr, "bench-jail: %s\n", e.text);
		exit(1);
	}
	close(fd);
	return p;
}

static double plain(struct pipeline *p, size_t n)
{
	int64_t began = clock_mono_us();
	for (size_t i = 0; i < n; i++) {
		struct scan_result r;
		int fd = open_file(i);
		pipeline_scan(p, fd, &r);
		close(fd);
		if (r.verdict != SCAN_CLEAN)
			fail("not clean");
	}
	return (double)(clock_mono_us() - began) / (double)n;
}

static void told(void *arg, const struct scan_result *r)
{
	*(int *)arg = r->verdict == SCAN_CLEAN ? 1 : -1;
}

static double jailed(struct pool *pool, size_t n)
{
	int64_t began = clock_mono_us();
	for (size_t i = 0; i < n; i++) {
		int done = 0, fd = open_file(i);
		struct scan_job job = {.fd = fd, .done = told, .arg = &done};
		if (pool_submit(pool, &job))
			fail("pool_submit");
		while (!done) {
			struct pollfd fds[POOL_MAX_FDS];
			size_t k = pool_fill(pool, fds);
			if (poll(fds, k, 1000) < 0)
				fail("poll");
			pool_serve(pool, fds, k, clock_mono_us());
		}
		close(fd);
		if (done < 0)
			fail("not clean");
	}
	return (double)(clock_mono_us() - began) / (double)n;
}

/* The worker is this process's own child; the pool asks for one only when it has died. */
static int no_more(void *arg)
{
	(void)arg;
	fail("the worker died");
	return -1;
}

static struct pool *start_worker(struct pipeline *p, pid_t *ret_pid)
{
	struct pool_config config = {.max_workers = 1,
	    .max_queue = 4,
	    .deadline_ms = 60000,
	    .patience_ms = 60000,
	    .idle_ms = 3600000,
	    .want_worker = no_more};
	struct pool_worker_ends ends = {.pidfd = -1, .life = -1};
	struct sandbox_plan plan;
	struct pool *pool = NULL;
	int fds[2];
	char up[8 + MAX_IPC_MESSAGE];
	if (ipc_pair(fds) || pool_new(&config, &pool))
		fail("pool");
	sandbox_jail_plan(&plan, NULL, 0, MEMORY, TEMPORARY);
	pid_t pid = sandbox_fork(&plan);
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		worker_run(p, &(struct worker_start){.channel = fds[1], .plan = &plan, .verbose = true});
	close(fds[1]);
	if (recv(fds[0], up, 8, MSG_WAITALL) != 8 ||
	    recv(fds[0], up + 8, (size_t)(unsigned char)up[0] | (size_t)(unsigned char)up[1] << 8, MSG_WAITALL) <= 0)
		fail("the worker did not come up");
	ends.channel = fds[0];
	ends.pid = *ret_pid = pid;
	pool_add_worker(pool, &ends);
	return pool;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof *v, by_size);
	return v[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
	double without[ROUNDS], with[ROUNDS], more[ROUNDS];
	char temporary[64];
	pid_t pid;
	if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
		fail(folder);
	make_files(n);
	struct pipeline *p = load();
	struct pool *pool = start_worker(p, &pid);
	snprintf(temporary, sizeof temporary, "%s/body", folder);
	pipeline_enter(p, temporary);
	pipeline_check(p);
	plain(p, n);
	jailed(pool, n);
	for (int i = 0; i < ROUNDS; i++) {
		without[i] = plain(p, n);
		with[i] = jailed(pool, n);
		more[i] = with[i] - without[i];
	}
	printf("{\"benchmark\": \"jail\", \"files\": %zu, \"bytes\": %d, \"plain_us\": %.1f, \"jailed_us\": %.1f, "
	       "\"more_us\": %.1f, "
	       "\"aim_us\": 50}\n",
	    n, FILE_BYTES, median(without), median(with), median(more));
	pool_free(pool);
	waitpid(pid, NULL, 0);
	pipeline_free(p);
	remove_files(n);
	return 0;
}
