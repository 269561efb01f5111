/* khien-scan with an engine that does what the content says: the worst that a parser may do, from inside the real jail.
 * A content is "KHIEN-FAULT " and a word of the table. The generation's folder may hold files that say how it loads:
 * "miss" (planted content is not found), "broken" (does not load), "die" (the planted content ends the worker), "slow"
 * (loads for a second). */
#include "clock.h"
#include "engine.h"
#include "scan_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define START "KHIEN-FAULT "

struct fault_state {
	bool misses, dies;
};

static bool has(const struct engine_load *l, const char *name)
{
	return faccessat(l->signatures, name, F_OK, 0) == 0;
}

static int load(const struct engine_load *l, void **ret_state, size_t *ret_signatures, struct err *e)
{
	if (has(l, "broken"))
		return err_set(e, -EINVAL, "told to be broken");
	struct fault_state *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->misses = has(l, "miss");
	s->dies = has(l, "die");
	for (int64_t until = clock_mono_us() + US_PER_S; has(l, "slow") && clock_mono_us() < until;)
		;
	*ret_state = s;
	*ret_signatures = 1;
	return 0;
}

/* ---- what it does ---- */

static void crash(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	raise(SIGSEGV); /* ignored by the first process of a namespace */
	__builtin_trap();
}

static void aborts(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	abort();
}

static void hang(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	for (volatile unsigned n = 0;; n++)
		;
}

/* Long enough to be interrupted, and then done. */
static void wait_a_little(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	for (int64_t until = clock_mono_us() + 3 * US_PER_S; clock_mono_us() < until;)
		;
}

static void eat_memory(const struct engine_scan *s, struct scan_result *r)
{
	enum { PIECE = 16 << 20, PIECES = 4096 };
	for (int i = 0; i < PIECES; i++) {
		char *p = malloc(PIECE);
		if (!p) {
			scan_result_missed(r, "fault", SCAN_FAILED);
			return;
		}
		for (size_t k = 0; k < PIECE; k += 4096)
			p[k] = 1;
	}
	(void)s; /* 64 GB and nobody said no: clean, which the test finds wrong */
}

static void fill_folder(const struct engine_scan *s, struct scan_result *r)
{
	static char block[1 << 20];
	char path[256];
	for (int i = 0; s->temporary && i < 4096; i++) {
		snprintf(path, sizeof path, "%s/%d", s->temporary, i);
		int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, block, sizeof block) != sizeof block) {
			scan_result_missed(r, "fault", SCAN_NO_SPACE);
			return;
		}
		close(fd);
	}
	if (!s->temporary)
		scan_result_missed(r, "fault", SCAN_NO_SPACE);
}

static void open_socket(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	socket(AF_INET, SOCK_STREAM, 0);
}

static void forks(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	fork();
}

static void executes(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	execl("/bin/true", "true", (char *)NULL);
}

static void mounts(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	mount("x", "/", "tmpfs", 0, NULL);
}

static void traces(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void kills(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	(void)r;
	kill(-1, SIGKILL);
}

/* Clean only when nothing could be opened. */
static void opens(const struct engine_scan *s, struct scan_result *r)
{
	static const char *const paths[] = {"/etc/passwd", "/proc/self/maps", "/dev/null", "/bin/sh"};
	(void)s;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (open(paths[i], O_RDONLY | O_CLOEXEC) >= 0)
			scan_result_add(r, "fault", paths[i], SCAN_INFECTED, 0);
}

/* A worker that somebody has taken over answers for a job that it does not have. */
static void lies(const struct engine_scan *s, struct scan_result *r)
{
	static const unsigned char frame[] = {10, 0, 0, 0, 1, 0, 0, 0, POOL_RESULT, 0, 9, 9, 9, 9, 9, 9, 9, 9};
	(void)s;
	(void)r;
	if (write(WORKER_CHANNEL, frame, sizeof frame) < 0)
		_exit(1);
}

static void speaks_garbage(const struct engine_scan *s, struct scan_result *r)
{
	static unsigned char noise[256];
	(void)s;
	(void)r;
	memset(noise, 0xff, sizeof noise);
	if (write(WORKER_CHANNEL, noise, sizeof noise) < 0)
		_exit(1);
}

static void finds(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	scan_result_add(r, "fault", "Test.Fault", SCAN_INFECTED, 0);
}

static void planted(const struct engine_scan *s, struct scan_result *r)
{
	(void)s;
	scan_result_add(r, "fault", ENGINE_PLANTED, SCAN_INFECTED, 0);
}

static const struct {
	const char *word;
	void (*act)(const struct engine_scan *s, struct scan_result *r);
} acts[] = {
    {"crash", crash},
    {"abort", aborts},
    {"hang", hang},
    {"wait", wait_a_little},
    {"memory", eat_memory},
    {"fill", fill_folder},
    {"socket", open_socket},
    {"fork", forks},
    {"exec", executes},
    {"mount", mounts},
    {"ptrace", traces},
    {"kill", kills},
    {"open", opens},
    {"lie", lies},
    {"garbage", speaks_garbage},
    {"infected", finds},
    {"planted", planted},
};

static bool says(const struct scan_content *c, const char *word)
{
	size_t n = strlen(START), k = strlen(word);
	return c->bytes && c->size >= (int64_t)(n + k) && memcmp(c->bytes, START, n) == 0 &&
	       memcmp(c->bytes + n, word, k) == 0;
}

static void scan(void *state, struct scan_content *c, const struct engine_scan *s, struct scan_result *r)
{
	const struct fault_state *f = state;
	if (says(c, "planted") && f->dies)
		crash(s, r);
	if (says(c, "planted") && f->misses)
		return;
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
		if (says(c, acts[i].word))
			acts[i].act(s, r);
}

static const void *planted_bytes(void *state, size_t *ret_n)
{
	static const char bytes[] = START "planted";
	(void)state;
	*ret_n = sizeof bytes - 1;
	return bytes;
}

static const struct engine engine_fault = {
    .name = "fault", .load = load, .unload = free, .scan = scan, .planted = planted_bytes};

const struct engine *const scan_table[] = {&engine_fault};
const size_t scan_table_n = sizeof scan_table / sizeof *scan_table;
