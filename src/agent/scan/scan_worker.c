#include "scan_int.h"
#include "bounds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_SHUNNED = 1024 };

/* Contents that ended other workers. */
struct shunned {
	size_t n, next;
	struct {
		uint8_t sha256[SHA256_BYTES];
		enum scan_reason reason;
	} v[MAX_SHUNNED];
};

struct worker {
	struct ipc_channel *feeder;
	struct pipeline *pipeline;
	struct shunned shunned;
	struct buf out;
	int64_t job;
};

/* Nothing of a worker outlives it, so that nothing is tidied up: its end is an exit. */
static _Noreturn void end(int code)
{
	_exit(code);
}

static void wait_for(const struct worker *w)
{
	short events = (short)(POLLIN | (ipc_channel_wants_write(w->feeder) ? POLLOUT : 0));
	struct pollfd f = {.fd = WORKER_CHANNEL, .events = events};
	if (poll(&f, 1, -1) < 0 && errno != EINTR)
		end(1);
	if (f.revents & POLLOUT && ipc_channel_flush(w->feeder))
		end(0);
}

static void say(struct worker *w)
{
	if (ipc_channel_send(w->feeder, &w->out))
		end(0);
}

/* ---- start ---- */

static void own_descriptors(const struct worker_start *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (dup2(s->channel, WORKER_CHANNEL) < 0)
		end(1);
	for (int fd = 0; null >= 0 && fd <= (s->verbose ? 1 : 2); fd++)
		dup2(null, fd);
}

static void own_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a temporary file that may not grow is a failed write */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Where the root is not ours, there is no place to unpack into: the engines that need one say so. */
static const char *temporary_folder(const struct sandbox_report *report)
{
	if (report->outcome[SANDBOX_EMPTY_ROOT] != SANDBOX_IN_FORCE || mkdir("/tmp", 0700) < 0)
		return NULL;
	return "/tmp";
}

static void say_up(struct worker *w, const struct sandbox_report *report)
{
	struct pool_up up = {.landlock_abi = report->landlock_abi};
	bool all_found = pipeline_check(w->pipeline);
	for (size_t i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		up.sandbox[i] = (uint8_t)report->outcome[i];
	scan_engines_report(w->pipeline, all_found, &up.engines);
	ipc_begin(&w->out, POOL_UP);
	pool_put_up(&w->out, &up);
	say(w);
}

/* ---- jobs ---- */

static enum scan_reason shunned_for(const struct shunned *s, const uint8_t *sha256)
{
	for (size_t i = 0; i < s->n; i++)
		if (memcmp(s->v[i].sha256, sha256, SHA256_BYTES) == 0)
			return s->v[i].reason;
	return SCAN_REASON_NONE;
}

/* Called when the content's digest is known, before anything parses it. */
static enum scan_reason gate(void *arg, const uint8_t sha256[SHA256_BYTES])
{
	struct worker *w = arg;
	enum scan_reason reason = shunned_for(&w->shunned, sha256);
	if (reason)
		return reason;
	ipc_begin(&w->out, POOL_DIGEST);
	ipc_put_i64(&w->out, w->job);
	ipc_put_fixed(&w->out, sha256, SHA256_BYTES);
	say(w);
	return SCAN_REASON_NONE;
}

static int take_job(struct worker *w, struct ipc_reader *r)
{
	struct scan_result result = {.verdict = SCAN_NOT_SCANNED, .reason = SCAN_UNREADABLE};
	w->job = ipc_get_i64(r);
	if (ipc_end(r))
		return -EBADMSG;
	int fd = ipc_channel_take_fd(w->feeder);
	if (fd >= 0) {
		pipeline_scan(w->pipeline, fd, &result);
		close(fd);
	}
	ipc_begin(&w->out, POOL_RESULT);
	ipc_put_i64(&w->out, w->job);
	pool_put_result(&w->out, &result);
	say(w);
	return 0;
}

static int take_check(struct worker *w, struct ipc_reader *r)
{
	struct engine_states states;
	int64_t id = ipc_get_i64(r);
	if (ipc_end(r))
		return -EBADMSG;
	bool all_found = pipeline_check(w->pipeline);
	scan_engines_report(w->pipeline, all_found, &states);
	ipc_begin(&w->out, POOL_CHECKED);
	ipc_put_i64(&w->out, id);
	pool_put_engines(&w->out, &states);
	say(w);
	return 0;
}

static int take_shun(struct worker *w, struct ipc_reader *r)
{
	struct shunned *s = &w->shunned;
	ipc_get_fixed(r, s->v[s->next].sha256, SHA256_BYTES);
	s->v[s->next].reason = ipc_get_enum(r, SCAN_REASON_COUNT);
	if (ipc_end(r))
		return -EBADMSG;
	s->next = (s->next + 1) % MAX_SHUNNED;
	if (s->n < MAX_SHUNNED)
		s->n++;
	return 0;
}

/* A list that cannot be read allows nothing: the safe side. */
static int take_allow(struct worker *w, struct ipc_reader *r)
{
	if (ipc_end(r))
		return -EBADMSG;
	int fd = ipc_channel_take_fd(w->feeder);
	if (pipeline_set_allow(w->pipeline, fd < 0 ? -1 : fd))
		pipeline_set_allow(w->pipeline, -1);
	if (fd >= 0)
		close(fd);
	return 0;
}

static int take(struct worker *w, uint16_t type, struct ipc_reader *r)
{
	switch (type) {
	case POOL_JOB:
		return take_job(w, r);
	case POOL_CHECK:
		return take_check(w, r);
	case POOL_SHUN:
		return take_shun(w, r);
	case POOL_ALLOW:
		return take_allow(w, r);
	default:
		return -EBADMSG;
	}
}

static void serve(struct worker *w)
{
	struct ipc_reader r;
	uint16_t type;
	for (;;) {
		int k = ipc_channel_receive(w->feeder, &r, &type);
		if (k == 0)
			wait_for(w);
		else if (k < 0 || take(w, type, &r))
			end(k == -EPIPE ? 0 : 1);
	}
}

_Noreturn void worker_run(struct pipeline *pipeline, const struct worker_start *s)
{
	static struct worker w;
	static const int keep[] = {0, 1, 2, WORKER_CHANNEL};
	struct sandbox_report report;
	own_signals();
	own_descriptors(s);
	prctl(PR_SET_NAME, "khien-scan-work");
	w.pipeline = pipeline;
	w.out = BUF_INIT(MAX_IPC_MESSAGE);
	s->plan->keep = keep;
	s->plan->n_keep = sizeof keep / sizeof *keep;
	if (ipc_channel_new(WORKER_CHANNEL, &w.feeder) || sandbox_enter(s->plan, &report))
		end(1);
	pipeline_set_gate(pipeline, gate, &w);
	if (pipeline_enter(pipeline, temporary_folder(&report)))
		end(1);
	say_up(&w, &report);
	serve(&w);
	end(0);
}
