/* The pipeline alone, without jail and without pool: loads a generation, forks workers, has them scan what standard
 * input names (paths, each ending in NUL). Prints one JSON object.
 *
 *   bench-scan-pipeline GENERATION TEMPORARY WORKERS [ROUNDS] < paths */
#include "buf.h"
#include "clock.h"
#include "engine_clamav.h"
#include "engine_yara.h"
#include "pipeline.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_WORKERS = 16, MAX_LIST = 64 << 20 };

struct shared {
	atomic_size_t next;
	atomic_size_t verdicts[SCAN_VERDICT_COUNT], reasons[SCAN_REASON_COUNT], bytes;
};

static const struct engine *const engines[] = {&engine_yara, &engine_clamav};

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-scan-pipeline: %s: %s\n", what, why);
	exit(1);
}

static size_t read_list(struct buf *b, const char ***ret)
{
	size_t n = 0, at = 0;
	ssize_t k;
	do {
		if (buf_reserve(b, 65536))
			die("list", "too long");
		k = read(0, b->p + b->n, 65536);
		b->n += k > 0 ? (size_t)k : 0;
	} while (k > 0);
	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] == 0;
	const char **paths = calloc(n + 1, sizeof *paths);
	if (!paths)
		die("list", "no memory");
	for (size_t i = 0; i < n; i++) {
		paths[i] = b->p + at;
		at += strlen(paths[i]) + 1;
	}
	*ret = paths;
	return n;
}

static void work(
    struct pipeline *p, struct shared *s, const char *const *paths, size_t n, const char *temporary, int number)
{
	char folder[256];
	size_t i;
	snprintf(folder, sizeof folder, "%s/%d", temporary, number);
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		die(folder, strerror(errno));
	pipeline_enter(p, folder);
	if (!pipeline_check(p))
		die("check", "an engine misses what is planted");
	while ((i = atomic_fetch_add(&s->next, 1)) < n) {
		struct scan_result r;
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
		if (fd < 0)
			continue;
		pipeline_scan(p, fd, &r);
		close(fd);
		s->verdicts[r.verdict]++;
		s->reasons[r.reason]++;
		s->bytes += (size_t)r.size;
	}
	rmdir(folder);
	_exit(0);
}

/* "Pss" and "Rss" of a process in KiB. */
static long memory_of(pid_t pid, const char *what)
{
	char path[64], line[256];
	long kib = 0;
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, what, strlen(what)) == 0)
			sscanf(line + strlen(what), "%ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

static double round_of(struct pipeline *p, struct shared *s, const char *const *paths, size_t n, char **argv)
{
	int64_t workers = 0, began = clock_mono_us();
	int status, bad = 0;
	if (str_i64(argv[3], 1, MAX_WORKERS, &workers))
		die("workers", "1 to 16");
	memset(s, 0, sizeof *s);
	for (int i = 0; i < workers; i++) {
		pid_t pid = fork();
		if (pid == 0)
			work(p, s, paths, n, argv[2], i);
	}
	while (wait(&status) > 0)
		bad |= status;
	if (bad)
		die("worker", "did not end well");
	return (double)(clock_mono_us() - began) / 1e6;
}

int main(int argc, char **argv)
{
	const struct scan_limits limits = SCAN_LIMITS_DEFAULT;
	struct buf list = {.max = MAX_LIST};
	struct pipeline *p;
	struct err e = {0};
	const char **paths;
	int64_t rounds = 1;

	if (argc < 4 || (argc > 4 && str_i64(argv[4], 1, 100, &rounds)))
		die("usage", "GENERATION TEMPORARY WORKERS [ROUNDS] < paths");
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s == MAP_FAILED || folder < 0)
		die(argv[1], strerror(errno));
	size_t n = read_list(&list, &paths);
	int64_t began = clock_mono_us();
	if (pipeline_new(engines, 2, &limits, &p) || pipeline_load(p, folder, NULL, NULL, &e))
		die("load", e.text);
	printf("{\"load_s\": %.3f, \"pss_kib\": %ld, \"rss_kib\": %ld, \"rounds\": [",
	    (double)(clock_mono_us() - began) / 1e6, memory_of(getpid(), "Pss:"), memory_of(getpid(), "Rss:"));
	for (int64_t i = 0; i < rounds; i++) {
		fflush(stdout);
		double took = round_of(p, s, paths, n, argv);
		printf("%s{\"s\": %.3f, \"files\": %zu, \"bytes\": %zu, \"clean\": %zu, \"infected\": %zu, "
		       "\"suspicious\": %zu, "
		       "\"not_scanned\": %zu}",
		    i ? ", " : "", took, n, (size_t)s->bytes, (size_t)s->verdicts[SCAN_CLEAN],
		    (size_t)s->verdicts[SCAN_INFECTED], (size_t)s->verdicts[SCAN_SUSPICIOUS],
		    (size_t)s->verdicts[SCAN_NOT_SCANNED]);
	}
	printf("], \"reasons\": {");
	for (int r = 1, any = 0; r < SCAN_REASON_COUNT; r++)
		if (s->reasons[r])
			printf("%s\"%s\": %zu", any++ ? ", " : "", scan_reason_name((enum scan_reason)r),
			    (size_t)s->reasons[r]);
	printf("}}\n");
	pipeline_free(p);
	return 0;
}
