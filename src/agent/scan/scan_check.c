#include "scan_int.h"
#include "bounds.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_WITHIN_MS = 120000, CHECK_MEMORY = 1 << 30, CHECK_TEMPORARY = 64 << 20 };

/* Problems of single files are for the person who loads them: each is a line. */
static void print_problem(void *arg, const char *engine, const char *file, int line, const char *text)
{
	(void)arg;
	if (line)
		fprintf(stderr, "%s: %s:%d: %s\n", engine, file, line, text);
	else
		fprintf(stderr, "%s: %s%s%s\n", engine, file, *file ? ": " : "", text);
}

static int load(const char *folder, const char *user, struct pipeline **ret)
{
	static const struct scan_limits limits = SCAN_LIMITS_DEFAULT;
	struct sandbox_plan plan = {.user = user, .no_core = true};
	struct sandbox_report report;
	struct err e = {0};
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? err_set(&e, -errno, "%s: %s", folder, strerror(errno)) : 0;
	if (!r && (r = sandbox_enter(&plan, &report)))
		err_set(&e, r, "becoming %s: %s", user ? user : "nobody else", strerror(-r));
	if (!r && (r = scan_engines_new(&limits, ret)))
		err_set(&e, r, "%s", strerror(-r));
	if (!r)
		r = pipeline_load(*ret, fd, print_problem, NULL, &e);
	if (r)
		fprintf(stderr, "khien-scan: %s\n", e.text);
	if (fd >= 0)
		close(fd);
	return r;
}

static int ask(struct ipc_channel *c, struct pool_up *ret)
{
	struct ipc_reader r;
	uint16_t type;
	int k;
	while ((k = ipc_channel_receive(c, &r, &type)) == 0) {
		struct pollfd f = {.fd = ipc_channel_fd(c), .events = POLLIN};
		if (poll(&f, 1, ANSWER_WITHIN_MS) == 0)
			return -ETIMEDOUT;
	}
	if (k > 0)
		pool_get_up(&r, ret);
	return k < 0 ? k : type == POOL_UP ? ipc_end(&r) : -EBADMSG;
}

/* What is planted is looked for where it will be looked for: in the jail. */
static int look(struct pipeline *p, struct pool_up *ret)
{
	struct sandbox_plan plan;
	struct ipc_channel *channel = NULL;
	int fds[2], r = ipc_pair(fds);
	if (r || (r = ipc_channel_new(fds[0], &channel)))
		return r;
	sandbox_jail_plan(&plan, NULL, 0, CHECK_MEMORY, CHECK_TEMPORARY);
	pid_t pid = sandbox_fork(&plan);
	if (pid < 0)
		r = -errno;
	if (pid == 0)
		worker_run(p, &(struct worker_start){.channel = fds[1], .plan = &plan, .verbose = true});
	close(fds[1]);
	if (!r)
		r = ask(channel, ret);
	ipc_channel_free(channel); /* which ends it */
	if (r && pid > 0)
		kill(pid, SIGKILL);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return r;
}

static void print_up(const struct pool_up *up)
{
	printf("generation: %" PRId64 "\n", up->engines.generation);
	for (size_t i = 0; i < up->engines.n; i++) {
		const struct engine_report *e = &up->engines.v[i];
		printf("%s: %s, %zu signatures, %zu left out\n", e->name, engine_health_name(e->health), e->signatures,
		    e->problems);
	}
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++)
		if (up->sandbox[m] == SANDBOX_MISSING)
			printf("jail: %s is missing on this computer\n", sandbox_mechanism_name(m));
}

int scan_check(const char *folder, const char *user)
{
	struct pipeline *p = NULL;
	struct pool_up up;
	int r = load(folder, user, &p);
	if (r)
		return 1;
	r = look(p, &up);
	if (r)
		fprintf(stderr, "khien-scan: the trial ended without an answer: %s\n", strerror(-r));
	else
		print_up(&up);
	pipeline_free(p);
	return r || !up.engines.all_found;
}
