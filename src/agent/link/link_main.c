/* khien-link: see link_int.h. Started by khien-agent with the channel as descriptor 3. */
#include "link_int.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHANNEL = 3, LOCK_PATIENCE_MS = 10000, STATUS_EVERY_US = 200000 };

/* Where the resolver looks. Files are allowed by what they are when the sandbox is entered: when one of them was
 * replaced since (a new network), the link ends and is started anew: link_watch_resolver. */
static const char *const resolver_files[] = {
    "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services"};
static const char *const resolver_folders[] = {
    "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/usr/lib", "/lib"};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- start ---- */

static int usage(void)
{
	fputs("usage: khien-link --state FOLDER [--user NAME]   (started by khien-agent)\n", stderr);
	return -EINVAL;
}

static int read_flags(int argc, char **argv, const char **ret_state, const char **ret_user)
{
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage();
		if (strcmp(argv[i], "--state") == 0)
			*ret_state = argv[i + 1];
		else if (strcmp(argv[i], "--user") == 0)
			*ret_user = argv[i + 1];
		else
			return usage();
	}
	return *ret_state ? 0 : usage();
}

/* The folder's path may lead through the parent's, which is shut to us once we are nobody: from here on only the
 * descriptor counts. */
static int open_folders(struct link *l, const char *state)
{
	l->folder = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->folder < 0)
		return -errno;
	return 0;
}

/* What the libraries read at their first use is read while it may be: OpenSSL's configuration, the resolver's modules.
 */
static void warm_up(void)
{
	static const uint8_t nobody[SHA256_BYTES];
	struct https_config config = {
	    .host = "localhost", .port = 1, .pin = nobody, .max_body = 1, .connect_ms = 1, .total_ms = 1};
	struct https_client *client = NULL;
	struct addrinfo *found = NULL;
	if (https_client_new(&config, &client, NULL) == 0)
		https_client_free(client);
	if (getaddrinfo("localhost", NULL, NULL, &found) == 0)
		freeaddrinfo(found);
}

static int enter_sandbox(struct link *l, const char *user)
{
	struct sandbox_path paths[1 + COUNT(resolver_files) + COUNT(resolver_folders)] = {
	    {.fd = l->folder, .access = SANDBOX_WRITE}};
	size_t n = 1;
	for (size_t i = 0; i < COUNT(resolver_files); i++)
		paths[n++] = (struct sandbox_path){.path = resolver_files[i], .fd = -1, .access = SANDBOX_READ};
	for (size_t i = 0; i < COUNT(resolver_folders); i++)
		paths[n++] = (struct sandbox_path){.path = resolver_folders[i], .fd = -1, .access = SANDBOX_READ};
	struct sandbox_plan plan = {.user = user,
	    .no_core = true,
	    .max_files = 64,
	    .landlock = true,
	    .paths = paths,
	    .n_paths = n,
	    .seccomp = true,
	    .calls = SANDBOX_CALLS_FILES | SANDBOX_CALLS_CONNECT | SANDBOX_CALLS_THREADS};
	prctl(PR_SET_NAME, "khien-link");
	return sandbox_enter(&plan, &l->sandbox);
}

/* The link before us may still be at its last write. */
static int lock_folder(struct link *l)
{
	int fd = openat(l->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int64_t until = clock_mono_us() + LOCK_PATIENCE_MS * 1000;
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		struct pollfd f = {CHANNEL, 0, 0};
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_mono_us() > until)
			return -EBUSY;
		if (poll(&f, 1, 20) > 0 && f.revents & (POLLHUP | POLLERR))
			return -EPIPE;
	}
	return 0;
}

static int open_spool_folder(struct link *l)
{
	if (mkdirat(l->folder, "spool", 0700) < 0 && errno != EEXIST)
		return -errno;
	l->spool_folder = openat(l->folder, "spool", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->spool_folder < 0)
		return -errno;
	l->disk = spool_disk_folder(l->spool_folder);
	return fsync(l->folder) < 0 ? -errno : 0;
}

/* Credentials that cannot be read are a reason to stop, not to be nobody: only that there are none is an answer. */
static int load(struct link *l)
{
	struct err e = {0};
	int r = credentials_load(l->folder, PLACE_IN_USE, &l->credentials, &e);
	if (r && r != -ENOENT) {
		log_error("the certificate cannot be read", "error", *e.text ? e.text : strerror(-r), NULL);
		return r;
	}
	r = anchors_load(l->folder, &l->anchors_arena, &l->anchors);
	if (r && r != -ENOENT && r != -EBADMSG)
		return r;
	return sync_state_load(l->folder, &l->sync);
}

static int start(struct link *l, const char *state, const char *user)
{
	l->out = BUF_INIT(MAX_IPC_MESSAGE);
	l->facts = BUF_INIT(MAX_IPC_MESSAGE);
	l->credentials.key_pem = BUF_INIT(PKI_MAX_KEY);
	l->batch_events = MAX_BATCH_EVENTS;
	l->spool_max_bytes = -1;
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a full disk */
	warm_up();
	int r = open_folders(l, state);
	if (!r)
		r = enter_sandbox(l, user);
	if (r)
		return r;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* not earlier: becoming another user forgets it */
	r = ipc_channel_new(CHANNEL, &l->parent);
	if (!r)
		r = lock_folder(l);
	if (!r)
		r = open_spool_folder(l);
	if (!r)
		r = load(l);
	l->wake = r ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!r && l->wake < 0)
		r = -errno;
	if (!r)
		r = caller_new(l->wake, &l->caller);
	return r ? r : caller_new(l->wake, &l->events_caller);
}

static void say_ready(struct link *l)
{
	struct link_ready m = {.has_certificate = l->credentials.cert_pem};
	struct spool_stats st = {0};
	if (l->spool)
		spool_get_stats(l->spool, &st);
	for (size_t i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		m.sandbox[i] = (uint8_t)l->sandbox.outcome[i];
	m.spool_missing = st.missing;
	m.spool_torn_bytes = st.torn_bytes;
	ipc_begin(&l->out, LINK_READY);
	link_put_ready(&l->out, &m);
	link_tell(l);
}

/* ---- loop ---- */

static void (*const answered[])(struct link *l, struct https_answer *a) = {
    [JOB_SYNC] = link_sync_answered,
    [JOB_RENEW] = link_renew_answered,
    [JOB_ENROL] = link_enrol_answered,
    [JOB_GOODBYE] = link_goodbye_answered,
};

/* The resolver's files are not what they were: only a new sandbox can name the new ones. */
static bool resolver_has_changed(void)
{
	static struct stat first[COUNT(resolver_files)];
	static bool seen;
	bool changed = false;
	for (size_t i = 0; i < COUNT(resolver_files); i++) {
		struct stat now = {0};
		if (stat(resolver_files[i], &now) < 0)
			now = (struct stat){0};
		if (seen && (now.st_ino != first[i].st_ino || now.st_dev != first[i].st_dev))
			changed = true;
		if (!seen)
			first[i] = now;
	}
	seen = true;
	return changed;
}

static void take_answers(struct link *l)
{
	struct https_answer a;
	uint64_t n;
	if (read(l->wake, &n, sizeof n) < 0 && errno != EAGAIN)
		return;
	if (caller_take(l->caller, &a)) {
		enum job job = l->job;
		l->job = JOB_NONE;
		if (a.outcome == HTTPS_NO_NAME && resolver_has_changed())
			l->ending = 1;
		answered[job](l, &a);
		https_answer_release(&a);
	}
	if (caller_take(l->events_caller, &a)) {
		if (l->enrolled)
			link_events_answered(l, &a);
		https_answer_release(&a);
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int timeout_ms(const struct link *l, int64_t now)
{
	int64_t next = l->expire_at_us;
	if (l->enrolled && !caller_is_busy(l->caller) && !l->n_tasks && !l->policy_asked && !l->allow_asked)
		next = earlier(next, l->call_at_us);
	if (l->events_at_us > now)
		next = earlier(next, l->events_at_us);
	if (caller_is_configured(l->events_caller))
		next = earlier(next, now + 10 * US_PER_S);
	if (!l->spool)
		next = earlier(next, l->spool_at_us);
	if (l->status_changed)
		next = earlier(next, l->status_at_us);
	return next <= now ? 0 : next - now > 60 * US_PER_S ? 60000 : (int)((next - now) / 1000) + 1;
}

static int turn(struct link *l)
{
	struct pollfd fds[2] = {
	    {CHANNEL, (short)(POLLIN | (ipc_channel_wants_write(l->parent) ? POLLOUT : 0)), 0}, {l->wake, POLLIN, 0}};
	if (poll(fds, 2, timeout_ms(l, clock_mono_us())) < 0)
		return errno == EINTR ? 0 : -errno;
	int r = 0;
	if (fds[0].revents & POLLOUT)
		r = ipc_channel_flush(l->parent);
	if (!r && fds[0].revents)
		r = link_hear_parent(l);
	link_sync_group(l);
	if (fds[1].revents)
		take_answers(l);
	int64_t now = clock_mono_us();
	link_spool_tick(l, now);
	link_ask_task(l);
	link_sync_tick(l, now);
	link_events_tick(l, now);
	if (l->status_changed && now >= l->status_at_us) {
		link_tell_status(l);
		l->status_at_us = now + STATUS_EVERY_US;
	}
	return r;
}

static void release(struct link *l)
{
	caller_free(l->caller);
	caller_free(l->events_caller);
	spool_free(l->spool);
	credentials_release(&l->credentials);
	credentials_release(&l->enrolling.credentials);
	buf_release(&l->enrolling.csr);
	arena_release(&l->enrolling.answer_arena);
	arena_release(&l->anchors_arena);
	ipc_channel_free(l->parent);
	buf_release(&l->facts);
	buf_release(&l->out);
}

int main(int argc, char **argv)
{
	static struct link l;
	const char *state = NULL, *user = NULL;
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	log_open("khien-link", LOG_LEVEL_INFO);
	if (read_flags(argc, argv, &state, &user))
		return 2;
	resolver_has_changed();
	int r = start(&l, state, user);
	if (r) {
		log_error("cannot start", "error", strerror(-r), NULL);
		return 1;
	}
	while (!l.begun && !r && !l.ending) { /* what there is to serve, and whom: told first of all */
		struct pollfd f = {CHANNEL, POLLIN, 0};
		poll(&f, 1, -1);
		r = link_hear_parent(&l);
	}
	if (!r)
		say_ready(&l);
	while (!r && !l.ending)
		r = turn(&l);
	if (r && r != -EPIPE)
		log_error("ends", "error", strerror(-r), NULL);
	release(&l);
	return r && r != -EPIPE ? 1 : 0;
}
