/* khien-server */
#include "clock.h"
#include "day.h"
#include "log.h"
#include "notify.h"
#include "sandbox.h"
#include "server.h"
#include "version.h"

#include <getopt.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILES = 262144, RETRY_S = 1 };

/* A simulation's clock moves only forward, so it begins before what one may want to simulate. */
static const char simulation_start[] = "2020-01-01T00:00:00+07:00";

struct options {
	const char *config, *user, *province, *simulation, *administrator, *anchor;
};

static const char usage[] =
    "khien-server --config FILE [--user NAME]\n"
    "    serves until SIGTERM; SIGHUP reads the key and chain anew\n"
    "khien-server --config FILE [--user NAME] --create PROVINCE [--simulation[=INSTANT]]\n"
    "    creates the store; a simulation's clock begins at INSTANT (2020-01-01T00:00:00+07:00)\n"
    "khien-server --config FILE [--user NAME] --administrator NAME\n"
    "    makes this administrator, or gives the account back; the password is a line of standard input\n"
    "khien-server --config FILE [--user NAME] --anchor PURPOSE\n"
    "    gives agents another trust anchor for this purpose, from standard input\n"
    "khien-server --version\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"user", required_argument, NULL, 'u'},
    {"create", required_argument, NULL, 'p'},
    {"simulation", optional_argument, NULL, 's'},
    {"administrator", required_argument, NULL, 'a'},
    {"anchor", required_argument, NULL, 't'},
    {"version", no_argument, NULL, 'v'},
    {0},
};

/* 0: go on; 1: all is done; negative: wrong. */
static int read_options(int argc, char **argv, struct options *o)
{
	int k;
	while ((k = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (k) {
		case 'c':
			o->config = optarg;
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'p':
			o->province = optarg;
			break;
		case 's':
			o->simulation = optarg ? optarg : simulation_start;
			break;
		case 'a':
			o->administrator = optarg;
			break;
		case 't':
			o->anchor = optarg;
			break;
		case 'v':
			puts("khien-server " KHIEN_VERSION);
			return 1;
		default:
			return -EINVAL;
		}
	}
	int errands = !!o->province + !!o->administrator + !!o->anchor;
	return !o->config || optind != argc || errands > 1 || (o->simulation && !o->province) ? -EINVAL : 0;
}

static int enter(const struct options *o, struct err *e)
{
	struct sandbox_plan plan = {.user = o->user, .no_core = true, .max_files = MAX_FILES};
	struct sandbox_report report;
	umask(077);
	int r = sandbox_enter(&plan, &report);
	return r ? err_set(e, r, "cannot become '%s': %s", o->user ? o->user : "?", strerror(-r)) : 0;
}

static int create(const struct config *c, const struct options *o, struct err *e)
{
	int64_t us = 0;
	if (o->simulation && instant_parse(o->simulation, &us))
		return err_set(e, -EINVAL, "'%s' is no instant", o->simulation);
	return server_create_store(c, o->province, us, e);
}

static sigset_t own_signals(void)
{
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGHUP);
	return s;
}

static bool waits(void)
{
	sigset_t s = own_signals();
	int signal_number = sigtimedwait(&s, NULL, &(struct timespec){.tv_sec = RETRY_S});
	return signal_number != SIGTERM && signal_number != SIGINT;
}

/* The next signal. Meanwhile systemd is told that the server turns, as long as each of its event bases does. */
static int next_signal(struct notify *n, struct server *s)
{
	sigset_t signals = own_signals();
	int got;
	do {
		int64_t now = clock_mono_us(), left;
		if (now >= notify_next_us(n) && server_turns(s))
			notify_alive(n, now);
		left = notify_next_us(n) - now;
		left = left < RETRY_S * US_PER_S ? RETRY_S * US_PER_S : left;
		const struct timespec t = {.tv_sec = (time_t)(left / US_PER_S)};
		got = sigtimedwait(&signals, NULL, notify_next_us(n) == INT64_MAX ? NULL : &t);
	} while (got < 0);
	return got;
}

static int serve(const struct config *c, struct notify *n, struct err *e)
{
	struct server *s = NULL;
	sigset_t signals = own_signals();
	int got;
	sigprocmask(SIG_BLOCK, &signals, NULL); /* before there are threads: all of them inherit it */
	signal(SIGPIPE, SIG_IGN);
	int r = server_start(&s, c, waits, e);
	if (r)
		return r == -ECANCELED ? 0 : r;
	log_info("serving", "version", KHIEN_VERSION, "enrol", log_num(c->enrol.port), "agents",
	    log_num(c->agents.port), "console", log_num(c->console.port), NULL);
	notify_ready(n);
	while ((got = next_signal(n, s)) == SIGHUP)
		server_reload(s);
	log_info("stopping", "signal", log_num(got), NULL);
	server_stop(s);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct config c;
	struct err e = {0};
	struct notify n;
	log_open("khien-server", LOG_LEVEL_INFO);
	int r = read_options(argc, argv, &o);
	if (r < 0)
		fputs(usage, stderr);
	if (r)
		return r < 0 ? 2 : 0;
	if (notify_open(&n))
		log_warn("systemd cannot be told how we do", NULL);
	r = config_read(o.config, &c, &e);
	if (!r)
		log_open("khien-server", (enum log_level)c.log);
	if (!r)
		r = enter(&o, &e);
	if (!r)
		r = o.province        ? create(&c, &o, &e)
		    : o.administrator ? server_make_administrator(&c, o.administrator, &e)
		    : o.anchor        ? server_set_anchor(&c, o.anchor, &e)
		                      : serve(&c, &n, &e);
	notify_close(&n);
	if (r)
		log_error("ended", "error", log_num(-r), "why", e.text, NULL);
	return r ? 1 : 0;
}
