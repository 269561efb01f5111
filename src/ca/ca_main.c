/* khien-ca: the only holder of the key that signs certificates. One thread, no network: a Unix socket that was opened
 * before everything else was given up. */
#include "ca_service.h"
#include "clock.h"
#include "ipc_channel.h"
#include "log.h"
#include "notify.h"
#include "sandbox.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_CLIENTS = 64, MAX_ROUND = 64 };

struct client {
	struct ipc_channel *channel; /* NULL: free */
	struct ca_caller who;
};

struct answer {
	struct client *to;
	struct buf m;
	bool lasting;
};

struct program {
	struct ca_config config;
	struct ca_service service;
	int listen_fd, dir_fd;
	struct client clients[MAX_CLIENTS];
	struct answer round[MAX_ROUND];
	size_t n;
	struct notify notify;
};

static volatile sig_atomic_t ends;

static void end(int number)
{
	(void)number;
	ends = 1;
}

static bool allowed(const struct ca_config *c, uid_t uid)
{
	for (size_t i = 0; i < c->n_users; i++)
		if (c->users[i] == uid)
			return true;
	return false;
}

static struct client *free_place(struct program *p)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (!p->clients[i].channel)
			return &p->clients[i];
	return NULL;
}

/* Who it is the kernel says. One that may not ask anything is told so by the end of the connection. */
static void take_client(struct program *p)
{
	struct ipc_channel *c = NULL;
	struct ipc_peer peer;
	if (ipc_accept(p->listen_fd, &c))
		return;
	struct client *place = free_place(p);
	int r = ipc_channel_peer(c, &peer);
	bool admin = !r && (peer.uid == 0 || peer.uid == geteuid());
	if (r || !place || !(admin || allowed(&p->config, peer.uid))) {
		log_warn("a client was turned away", "uid", log_num(r ? -1 : (long long)peer.uid), "why",
		    place ? "not allowed" : "too many", NULL);
		ipc_channel_free(c);
		return;
	}
	*place = (struct client){c, {peer.uid, admin}};
}

static void drop(struct client *c)
{
	ipc_channel_free(c->channel);
	*c = (struct client){0};
}

static void say(const struct ca_caller *who, const struct ca_request *q, bool lasting)
{
	static const char *const names[CA_CALL_END] = {
	    [CA_SIGN_SERVER] = "server certificate", [CA_ROTATE] = "rotation", [CA_RETIRE] = "retirement"};
	if (names[q->call])
		log_info(names[q->call], "uid", log_num(who->uid), "done", lasting ? "yes" : "no", NULL);
}

/* Answers what has come from one client, as far as the round has room. */
static void hear(struct program *p, struct client *c)
{
	struct ipc_reader reader;
	uint16_t type;
	int r = 0;
	while (p->n < MAX_ROUND && (r = ipc_channel_receive(c->channel, &reader, &type)) == 1) {
		struct answer *a = &p->round[p->n];
		struct ca_request q;
		if ((r = ca_get_request(&reader, type, &q)))
			break;
		a->to = c;
		a->m = BUF_INIT(MAX_IPC_MESSAGE);
		a->lasting = ca_service_answer(&p->service, &c->who, &q, &a->m);
		say(&c->who, &q, a->lasting);
		p->n++;
	}
	if (r < 0) {
		if (r == -EBADMSG)
			log_warn("a client spoke nonsense", "uid", log_num(c->who.uid), NULL);
		drop(c);
	}
}

/* One sync for all that was signed in this round; only then do the answers leave. */
static void answer_all(struct program *p)
{
	int r = ca_service_sync(&p->service);
	if (r)
		log_error("signed.log cannot be written", "error", log_num(r), NULL);
	for (size_t i = 0; i < p->n; i++) {
		struct answer *a = &p->round[i];
		if (r && a->lasting)
			ca_put_failed(&a->m, -EIO, "khien-ca cannot write its log");
		if (a->to->channel && ipc_channel_send(a->to->channel, &a->m))
			drop(a->to);
		buf_release(&a->m);
	}
	p->n = 0;
}

/* Until there is work, or until systemd is to hear that the loop turns. */
static const struct timespec *patience(const struct program *p, bool hurry, struct timespec *t)
{
	int64_t next = notify_next_us(&p->notify), left = next - clock_mono_us();
	if (!hurry && next == INT64_MAX)
		return NULL;
	left = hurry || left < 0 ? 0 : left;
	*t = (struct timespec){.tv_sec = (time_t)(left / US_PER_S), .tv_nsec = (long)(left % US_PER_S * 1000)};
	return t;
}

static int wait_for_work(struct program *p, struct pollfd v[1 + MAX_CLIENTS], const sigset_t *unblocked, bool hurry)
{
	struct timespec t;
	v[0] = (struct pollfd){.fd = p->listen_fd, .events = POLLIN};
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct ipc_channel *c = p->clients[i].channel;
		v[1 + i] = (struct pollfd){.fd = c ? ipc_channel_fd(c) : -1, .events = POLLIN};
		if (c && ipc_channel_wants_write(c))
			v[1 + i].events |= POLLOUT;
	}
	return ppoll(v, 1 + MAX_CLIENTS, patience(p, hurry, &t), unblocked);
}

static void serve(struct program *p, const sigset_t *unblocked)
{
	struct pollfd v[1 + MAX_CLIENTS];
	bool full = false; /* messages that were received already make no descriptor readable */
	while (!ends) {
		if (wait_for_work(p, v, unblocked, full) < 0 && errno != EINTR)
			break;
		for (size_t i = 0; i < MAX_CLIENTS; i++) {
			struct client *c = &p->clients[i];
			if (c->channel && v[1 + i].revents & POLLOUT && ipc_channel_flush(c->channel))
				drop(c);
			if (c->channel && (full || v[1 + i].revents & (POLLIN | POLLHUP | POLLERR)))
				hear(p, c);
		}
		full = p->n == MAX_ROUND;
		answer_all(p);
		if (v[0].revents & POLLIN)
			take_client(p);
		notify_alive(&p->notify, clock_mono_us());
	}
}

/* The folder belongs to the user that the program becomes. */
static int open_state(struct program *p, const char *user, struct err *e)
{
	struct passwd *pw = user ? getpwnam(user) : NULL;
	struct stat st;
	if (user && !pw)
		return err_set(e, -EINVAL, "no user named %s", user);
	if (mkdir(p->config.state, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "%s: %s", p->config.state, strerror(errno));
	p->dir_fd = open(p->config.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir_fd < 0 || fstat(p->dir_fd, &st) < 0)
		return err_set(e, -errno, "%s: %s", p->config.state, strerror(errno));
	if (pw && st.st_uid != pw->pw_uid && fchown(p->dir_fd, pw->pw_uid, pw->pw_gid) < 0)
		return err_set(e, -errno, "%s: %s", p->config.state, strerror(errno));
	return 0;
}

static int open_socket(struct program *p, const char *user, struct err *e)
{
	int r = ipc_listen(p->config.socket, 0660, &p->listen_fd);
	if (r)
		return err_set(e, r, "%s: %s", p->config.socket, strerror(-r));
	struct passwd *pw = user ? getpwnam(user) : NULL;
	if ((pw || p->config.n_users) && geteuid() == 0 &&
	    chown(p->config.socket, pw ? pw->pw_uid : (uid_t)-1, p->config.group) < 0)
		return err_set(e, -errno, "%s: %s", p->config.socket, strerror(errno));
	return 0;
}

static int enter_sandbox(struct program *p, const char *user, struct err *e)
{
	const struct sandbox_path paths[] = {
	    {.path = p->config.state, .fd = p->dir_fd, .access = SANDBOX_READ | SANDBOX_WRITE}};
	const struct sandbox_plan plan = {.user = user,
	    .no_core = true,
	    .landlock = true,
	    .paths = paths,
	    .n_paths = 1,
	    .seccomp = true,
	    .calls = SANDBOX_CALLS_FILES | SANDBOX_CALLS_ACCEPT};
	struct sandbox_report report;
	int r = sandbox_enter(&plan, &report);
	if (r)
		return err_set(e, r, "privileges cannot be dropped: %s", strerror(-r));
	log_info("confined", "landlock", sandbox_outcome_name(report.outcome[SANDBOX_LANDLOCK]), "seccomp",
	    sandbox_outcome_name(report.outcome[SANDBOX_SECCOMP]), "no_new_privs",
	    sandbox_outcome_name(report.outcome[SANDBOX_NO_NEW_PRIVS]), NULL);
	return 0;
}

struct options {
	const char *config, *user;
	bool init;
};

static int read_options(int argc, char **argv, struct options *ret)
{
	static const struct option names[] = {{"config", required_argument, NULL, 'c'},
	    {"user", required_argument, NULL, 'u'}, {"init", no_argument, NULL, 'i'},
	    {"version", no_argument, NULL, 'v'}, {0}};
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		if (c == 'v') {
			puts("khien-ca " KHIEN_VERSION);
			exit(0);
		} else if (c == 'c') {
			ret->config = optarg;
		} else if (c == 'u') {
			ret->user = optarg;
		} else if (c == 'i') {
			ret->init = true;
		} else {
			return -EINVAL;
		}
	}
	return ret->config && optind == argc ? 0 : -EINVAL;
}

static void block_signals(sigset_t *ret_unblocked)
{
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, ret_unblocked);
	sigdelset(ret_unblocked, SIGTERM);
	sigdelset(ret_unblocked, SIGINT);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = end}, NULL);
	sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

static int run(struct program *p, const struct options *o, const sigset_t *unblocked, struct err *e)
{
	int r = ca_config_read(o->config, &p->config, e);
	if (!r)
		r = open_state(p, o->user, e);
	if (!r && !o->init)
		r = open_socket(p, o->user, e);
	if (!r)
		r = enter_sandbox(p, o->user, e);
	if (!r)
		r = ca_service_open(&p->service, &p->config, p->dir_fd, o->init, e);
	if (r || o->init)
		return r;
	log_info("ready", "socket", p->config.socket, "generations", log_num((long long)p->service.house.n), "key",
	    p->service.house.key ? "here" : "lost", NULL);
	notify_ready(&p->notify);
	serve(p, unblocked);
	return 0;
}

int main(int argc, char **argv)
{
	static struct program p = {.listen_fd = -1, .dir_fd = -1, .service.journal_fd = -1};
	struct options o = {0};
	struct err e = {0};
	sigset_t unblocked;
	log_open("khien-ca", LOG_LEVEL_INFO);
	if (read_options(argc, argv, &o)) {
		fputs("khien-ca --config FILE [--user NAME] [--init]\n", stderr);
		return 2;
	}
	umask(0077);
	block_signals(&unblocked);
	if (notify_open(&p.notify))
		log_warn("systemd cannot be told how we do", NULL);
	int r = run(&p, &o, &unblocked, &e);
	if (r)
		log_error("ends", "error", log_num(r), "why", e.text, NULL);
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		drop(&p.clients[i]);
	if (p.listen_fd >= 0) {
		unlink(p.config.socket);
		close(p.listen_fd);
	}
	notify_close(&p.notify);
	ca_service_close(&p.service);
	if (p.dir_fd >= 0)
		close(p.dir_fd);
	return r ? 1 : 0;
}
