/* khien-sim: a fleet of simulated endpoints over the real protocol, with real keys, CSRs and TLS. */
#include "day.h"
#include "log.h"
#include "run.h"
#include "str.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char usage[] =
    "usage: khien-sim --enrol ADDRESS:PORT --agents ADDRESS:PORT --tokens FILE\n"
    "                 (--units FILE --sizes FILE | --computers N) [OPTION…] PHASE…\n"
    "\n"
    "  --tokens FILE              lines: group (or *), enrolment token\n"
    "  --units FILE               CSV: code, name, group\n"
    "  --sizes FILE               CSV: group, unit, installed; a row that is no unit: computers named against the "
    "guideline\n"
    "  --computers N              N computers of one unit instead\n"
    "  --seed N                   the same seed, the same fleet (1)\n"
    "  --misnamed P --reinstalled P --cloned P --silent P --skewed P --protected P\n"
    "                             shares of the computers, in percent\n"
    "  --signatures DAY           day of the protected computers' signatures, YYYY-MM-DD\n"
    "  --lose P --repeat P        calls whose answer is lost, calls that the network delivers twice, in percent\n"
    "  --detections-per-hour N    of each computer, in the phase live\n"
    "  --batch N                  events in one call (100)\n"
    "  --spread SECONDS           over which the starts of a phase are spread (0)\n"
    "  --concurrency N            calls under way at once; 0: no bound (200)\n"
    "  --receipts FILE            writes what the centre has acknowledged: stream, number of events\n"
    "  --certificate FILE --key FILE   for the phase get, which needs no enrolment\n"
    "\n"
    "PHASE: enrol, sync, reinstall, clone, storm, syncs=S, hold=S, idle=S, live=S, get=S (seconds), events=N (each).\n"
    "Each phase ends with one line of JSON on standard output. The phase - reads further phases from standard input, a "
    "line each.\n";

enum option_kind { TEXT_OPTION, ADDRESS_OPTION, COUNT_OPTION, SHARE_OPTION, DAY_OPTION };

struct settings {
	struct run_config run;
	const char *units, *sizes, *receipts;
	int64_t computers, spread, concurrency, batch, seed;
};
static struct settings set = {.concurrency = 200, .batch = 100, .seed = 1};

static const struct option_def {
	const char *name;
	enum option_kind kind;
	void *to;
	void *port; /* ADDRESS_OPTION */
	int64_t max;
} options[] = {
    {"enrol", ADDRESS_OPTION, &set.run.enrol_host, &set.run.enrol_port, 0},
    {"agents", ADDRESS_OPTION, &set.run.agents_host, &set.run.agents_port, 0},
    {"tokens", TEXT_OPTION, &set.run.tokens_path, NULL, 0},
    {"units", TEXT_OPTION, &set.units, NULL, 0},
    {"sizes", TEXT_OPTION, &set.sizes, NULL, 0},
    {"receipts", TEXT_OPTION, &set.receipts, NULL, 0},
    {"certificate", TEXT_OPTION, &set.run.get_cert, NULL, 0},
    {"key", TEXT_OPTION, &set.run.get_key, NULL, 0},
    {"computers", COUNT_OPTION, &set.computers, NULL, 1000000},
    {"seed", COUNT_OPTION, &set.seed, NULL, INT64_MAX},
    {"detections-per-hour", COUNT_OPTION, &set.run.detections_per_hour, NULL, 1000000},
    {"batch", COUNT_OPTION, &set.batch, NULL, MAX_BATCH_EVENTS},
    {"spread", COUNT_OPTION, &set.spread, NULL, 86400},
    {"concurrency", COUNT_OPTION, &set.concurrency, NULL, 1000000},
    {"misnamed", SHARE_OPTION, &set.run.knobs.misnamed, NULL, 0},
    {"reinstalled", SHARE_OPTION, &set.run.knobs.reinstalled, NULL, 0},
    {"cloned", SHARE_OPTION, &set.run.knobs.cloned, NULL, 0},
    {"silent", SHARE_OPTION, &set.run.knobs.silent, NULL, 0},
    {"skewed", SHARE_OPTION, &set.run.knobs.skewed, NULL, 0},
    {"protected", SHARE_OPTION, &set.run.knobs.guarded, NULL, 0},
    {"signatures", DAY_OPTION, &set.run.signature_day, NULL, 0},
    {"lose", SHARE_OPTION, &set.run.lose, NULL, 0},
    {"repeat", SHARE_OPTION, &set.run.repeat, NULL, 0},
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

static bool take_address(const struct option_def *o, char *value)
{
	int64_t port;
	char *colon = strrchr(value, ':');
	if (!colon || str_i64(colon + 1, 1, 65535, &port))
		return false;
	*colon = 0;
	*(const char **)o->to = value;
	*(uint16_t *)o->port = (uint16_t)port;
	return true;
}

static bool take_option(const struct option_def *o, char *value)
{
	char *end;
	switch (o->kind) {
	case TEXT_OPTION:
		*(const char **)o->to = value;
		return true;
	case ADDRESS_OPTION:
		return take_address(o, value);
	case COUNT_OPTION:
		return str_i64(value, 0, o->max, o->to) == 0;
	case DAY_OPTION:
		return day_parse(value, o->to) == 0;
	case SHARE_OPTION: {
		double percent = strtod(value, &end);
		*(int64_t *)o->to = (int64_t)(percent * 10000 + 0.5);
		return end != value && !*end && percent >= 0 && percent <= 100;
	}
	}
	return false;
}

static bool take_options(int argc, char **argv)
{
	struct option longs[N_OPTIONS + 2] = {0};
	for (int i = 0; i < N_OPTIONS; i++)
		longs[i] = (struct option){options[i].name, required_argument, NULL, 256 + i};
	longs[N_OPTIONS] = (struct option){"help", no_argument, NULL, 'h'};
	for (int k; (k = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
		if (k == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (k < 256)
			return false;
		if (!take_option(&options[k - 256], optarg)) {
			fprintf(stderr, "khien-sim: --%s does not take '%s'\n", options[k - 256].name, optarg);
			return false;
		}
	}
	set.run.knobs.seed = (uint64_t)set.seed;
	set.run.spread_s = (int)set.spread;
	set.run.concurrency = (int)set.concurrency;
	set.run.batch = (int)set.batch;
	return optind < argc && set.run.agents_host && set.batch > 0 && (set.computers || (set.units && set.sizes));
}

/* A descriptor a computer. */
static void raise_descriptors(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

static int write_receipts(const struct run *run, const char *path, struct err *e)
{
	FILE *f = fopen(path, "we");
	if (!f)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	for (size_t i = 0; i < run->n; i++) {
		char stream[ID_TEXT];
		const struct computer *c = &run->computer[i];
		hex_encode(stream, c->stream.b, ID_BYTES);
		fprintf(f, "%s %s %s %lld\n", c->uid, c->plan->name, stream, (long long)c->acked);
	}
	return fclose(f) ? err_set(e, -errno, "%s: %s", path, strerror(errno)) : 0;
}

/* For who measures in turns: the fleet stays as it is between two lines. */
static int run_lines(struct run *run, struct err *e)
{
	char line[64];
	int r = 0;
	while (!r && fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		r = run_phase(run, line, stdout, e);
	}
	return r;
}

static int run_all(struct run *run, int n, char **phase, struct err *e)
{
	int r = set.computers ? plan_uniform(&run->plan, (size_t)set.computers, &run->config.knobs, e)
	                      : plan_read(&run->plan, set.units, set.sizes, &run->config.knobs, e);
	if (!r)
		r = run_open(run, e);
	for (int i = 0; !r && i < n; i++)
		r = str_eq(phase[i], "-") ? run_lines(run, e) : run_phase(run, phase[i], stdout, e);
	if (!r && set.receipts)
		r = write_receipts(run, set.receipts, e);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = {0};
	log_open("khien-sim", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (!take_options(argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	raise_descriptors();
	struct run run = {.config = set.run};
	int r = run_all(&run, argc - optind, argv + optind, &e);
	if (r)
		log_error(e.code ? e.text : strerror(-r), NULL);
	if (*run.first_problem)
		log_error("some calls were refused or given up", "first", run.first_problem, NULL);
	r = r || run.stats.refused || run.stats.gave_up;
	run_close(&run);
	return r ? 1 : 0;
}
