/* What one core does of enrolments, syncs and detections in the store alone: no TLS, no JSON, groups of 256 in one
 * synced commit, in a province of 200 units whose machines are placed by the last of 16 naming rules. Counted in this
 * process's processor time, so that a busy computer gives the same figures (on PostgreSQL its server's time is not in
 * them). Medians of five runs; the rows are counted afterwards. bench-fleet sqlite|postgresql
 */
#include "agent_fixture.h"
#include "house.h"

#include "clock.h"
#include "event_store.h"
#include "rnd.h"

enum { MACHINES = 2000, GROUP = 256, RUNS = 5, BATCH = 100, BATCHES = 400, GROUPS = 5, UNITS = 200, RULES = 16 };

static struct centre centre;
static struct agent agents[MACHINES];
static struct event events[BATCH];
static int64_t sent[MACHINES];
static uint8_t last_id[MACHINES][8];

static int64_t processor_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static void commit(void)
{
	assert_int_equal(db_commit(centre.db), 0);
	assert_int_equal(db_begin(centre.db), 0);
}

static double syncs(void)
{
	int64_t start = processor_us();
	for (int i = 0; i < MACHINES; i++) {
		assert_int_equal(agent_sync(&centre, &agents[i], NOTHING_LOST), VERDICT_OK);
		if (i % GROUP == GROUP - 1)
			commit();
	}
	commit();
	return MACHINES * 1e6 / (double)(processor_us() - start);
}

static void fill(int machine)
{
	static char path[400];
	memset(path, 'p', sizeof path - 1);
	for (int i = 0; i < BATCH; i++) {
		events[i] = (struct event){.seq = sent[machine] + i + 1,
		    .at_us = clock_real_us(),
		    .kind = EVENT_DETECTION,
		    .detection = {.engine = "clamav",
		        .name = "Win.Trojan.Agent-1234567-0",
		        .type = "trojan",
		        .path = {.form = PATH_BYTES, .raw = path, .n = 180, .display = path + 200},
		        .has_md5 = true,
		        .has_sha256 = true,
		        .device = DEVICE_FIXED,
		        .action = ACTION_QUARANTINED},
		    .body = "{}"};
		rnd_bytes(events[i].id, 8);
	}
}

static int take(struct db *db, void *arg)
{
	int machine = *(int *)arg;
	const struct agent *a = &agents[machine];
	const struct agent_call call = {a->serial, SERIAL_MAX, "10.0.0.1", "0123456789abcdef"};
	struct event_batch b = {.first = events[0].seq, .floor = 1, .branch = a->branch, .n = BATCH, .events = events};
	struct events_taken t;
	memcpy(b.stream.b, &machine, sizeof machine);
	memcpy(b.prev_id, last_id[machine], 8);
	int r = events_take(db, &call, &b, &t);
	return r ? r : t.verdict == VERDICT_OK ? 0 : -EPROTO;
}

static double detections(void)
{
	int64_t spent = 0;
	for (int i = 0; i < BATCHES; i++) {
		int machine = i % 1000;
		fill(machine);
		int64_t start = processor_us();
		assert_int_equal(centre_job(&centre, take, &machine), 0);
		if (i % 20 == 19)
			commit();
		spent += processor_us() - start;
		sent[machine] += BATCH;
		memcpy(last_id[machine], events[BATCH - 1].id, 8);
	}
	return BATCH * BATCHES * 1e6 / (double)spent;
}

static void make_province(void)
{
	static const struct ledger_who who = {"system", ""};
	struct house h = {.db = centre.db};
	int64_t group[GROUPS];
	char text[64];
	assert_int_equal(ledger_begin(h.db, &h.l), 0);
	for (int i = 0; i < GROUPS; i++) {
		snprintf(text, sizeof text, "khoi-%d", i);
		group[i] = house_group(&h, text, text);
	}
	for (int i = 0; i < UNITS; i++) {
		snprintf(text, sizeof text, "U%03d", i);
		house_unit(&h, group[i % GROUPS], text, text);
	}
	for (int i = 1; i < RULES; i++) {
		snprintf(text, sizeof text, "R%02d-(?<unit>\\w+)-[A-Z0-9]+-[0-9]{3}", i);
		house_rule(&h, text, 0);
	}
	house_rule(&h, "(?<unit>\\w+)-[A-Z0-9]+-[0-9]{3}", 0);
	assert_int_equal(ledger_end(h.db, &h.l, &who, "test", "test", NODE_PROVINCE, "{}"), 0);
}

static double enrolments(void)
{
	char name[32];
	int64_t start = processor_us();
	for (int i = 0; i < MACHINES; i++) {
		snprintf(name, sizeof name, "U%03d-PC-%03d", i % UNITS, i / UNITS);
		agent_new(&agents[i], name, hardware_of(i + 1, i + 1, i + 1, i + 1));
		assert_int_equal(agent_enrol(&centre, &agents[i], NOTHING_LOST), VERDICT_OK);
		if (i % GROUP == GROUP - 1)
			commit();
	}
	return MACHINES * 1e6 / (double)(processor_us() - start);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void measure(const char *what, double (*once)(void))
{
	double v[RUNS];
	for (int i = 0; i < RUNS; i++)
		v[i] = once();
	qsort(v, RUNS, sizeof v[0], by_size);
	printf("%s: %.0f per second of a core (from %.0f to %.0f)\n", what, v[RUNS / 2], v[0], v[RUNS - 1]);
}

static int run(const char *kind)
{
	void *state;
	printf("%s, %d machines\n", kind, MACHINES);
	fixture_store(&state);
	centre_open(&centre);
	centre_new_token(&centre, MACHINES);
	make_province();
	printf("enrolments: %.0f per second of a core\n", enrolments());
	assert_int_equal(centre_number(&centre, "select count(*) from place_fact where basis = 1"), MACHINES);
	syncs(); /* the first ones bring state and hardware */
	syncs();
	measure("syncs with nothing new", syncs);
	measure("detections", detections);
	assert_int_equal(centre_number(&centre, "select count(*) from detection"), RUNS * BATCH * BATCHES);
	centre_close(&centre);
	return fixture_close(&state);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
