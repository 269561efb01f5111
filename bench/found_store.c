/* How long the questions about finds take in the store alone: a million detections of 20.000 machines over a year, 300
 * kinds of malware, 30.000 contents of which a few are everywhere. bench-found sqlite|postgresql [FINDS] */
#include "agent_fixture.h"

#include "clock.h"
#include "detection_group.h"
#include "event_store.h"

#include <stdio.h>
#include <stdlib.h>

enum { MACHINES = 20000, NAMES = 300, CONTENTS = 30000 };

static struct centre centre, *c = &centre;
static int64_t finds = 1000000;
static uint64_t seed = 1;

static uint64_t random_below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static int64_t wall_us(void)
{
	return clock_mono_us();
}

static void fill_machines(void)
{
	char uid[ID_TEXT];
	for (int64_t i = 1; i <= MACHINES; i++) {
		snprintf(uid, sizeof uid, "%032llx", (unsigned long long)i);
		assert_int_equal(
		    db_send(c->db, "insert into machine(id, uid, rev) values ($1, $2, 1)", "it", i, uid), 0);
		assert_int_equal(
		    db_send(c->db,
		        "insert into place_fact(machine_id, valid_from, valid_to, rev, node_id, basis, rule_id, "
		        "reason) values ($1, 0, $2, 1, 1, 4, 0, '')",
		        "ii", i, TIME_END),
		    0);
		assert_int_equal(
		    db_send(c->db,
		        "insert into stream(num, id, machine_id, install_id, hwm, hwm_id, opened_at) values ($1, $2, "
		        "$1, $1, 0, $3, 0)",
		        "ibb", i, uid, (size_t)ID_TEXT - 1, "12345678", (size_t)8),
		    0);
	}
}

static void fill_find(int64_t pos)
{
	uint8_t sha256[SHA256_BYTES] = {0};
	char name[64], path[181];
	uint64_t a = random_below(CONTENTS), b = random_below(CONTENTS), content = a * b / CONTENTS;
	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = 0;
	memcpy(sha256, &content, sizeof content);
	snprintf(name, sizeof name, "Win.Trojan.Agent-%llu-0", (unsigned long long)(content % NAMES));
	assert_int_equal(
	    db_send(c->db,
	        "insert into detection(pos, stream_num, seq, event_id, at, received_at, engine, name, type, "
	        "path_form, path, path_display, md5, sha256, device, action, request) values ($1, $2, $3, $4, $5, "
	        "$5, 'clamav', $6, 'trojan', 1, $7, $8, $9, $10, 1, 2, '')",
	        "iiibitbtbb", pos, (int64_t)random_below(MACHINES) + 1, pos, "12345678", (size_t)8,
	        INT64_C(1700000000000000) + pos * (INT64_C(365) * 86400 * US_PER_S / finds), name, path,
	        sizeof path - 1, path, sha256, (size_t)MD5_BYTES, sha256, (size_t)SHA256_BYTES),
	    0);
}

static int nothing(void *arg, const struct detection_group *g)
{
	(void)g;
	++*(int *)arg;
	return 0;
}

static void ask(const char *what, struct detection_group_query q)
{
	int64_t best = INT64_MAX, groups = 0;
	q.limit = 100;
	for (int run = 0; run < 3; run++) {
		int told = 0;
		int64_t start = wall_us();
		assert_int_equal(detection_groups(c->db, scope_everything(), &q, nothing, &told, &groups), 0);
		int64_t took = wall_us() - start;
		best = took < best ? took : best;
	}
	printf("%-44s %7lld groups  %8.1f ms\n", what, (long long)groups, (double)best / 1000);
}

static int row(void *arg, const struct detection_row *d)
{
	(void)d;
	++*(int *)arg;
	return 0;
}

static void list(const char *what, struct detection_query q)
{
	int64_t best = INT64_MAX;
	int told = 0;
	q.limit = 100;
	for (int run = 0; run < 3; run++) {
		int64_t start = wall_us();
		told = 0;
		assert_int_equal(detection_list(c->db, scope_everything(), &q, row, &told), 0);
		int64_t took = wall_us() - start;
		best = took < best ? took : best;
	}
	printf("%-44s %7d rows    %8.1f ms\n", what, told, (double)best / 1000);
}

static void measure(void **state)
{
	static const uint8_t common[SHA256_BYTES];
	(void)state;
	centre_open(c);
	int64_t start = wall_us();
	fill_machines();
	for (int64_t i = 1; i <= finds; i++)
		fill_find(i);
	assert_int_equal(db_settle(c->db), 0);
	printf("%lld finds of %d machines: %.1f us each to insert\n", (long long)finds, MACHINES,
	    (double)(wall_us() - start) / (double)finds);
	int64_t end = INT64_C(1700000000000000) + INT64_C(365) * 86400 * US_PER_S,
	        month = INT64_C(30) * 86400 * US_PER_S;
	ask("by malware, the whole year", (struct detection_group_query){.by = BY_MALWARE});
	ask("by hash, the whole year", (struct detection_group_query){.by = BY_HASH, .order = ORDER_MACHINES});
	ask("by machine, the whole year", (struct detection_group_query){.by = BY_MACHINE, .order = ORDER_FOUND});
	ask("by malware, the last 30 days", (struct detection_group_query){.by = BY_MALWARE, .from_us = end - month});
	ask("by machine, of one content, the whole year",
	    (struct detection_group_query){.by = BY_MACHINE, .sha256 = common});
	list("the newest rows", (struct detection_query){0});
	list("the newest rows of one content", (struct detection_query){.sha256 = common});
	list("the newest rows of one malware", (struct detection_query){.name = "Win.Trojan.Agent-7-0"});
	centre_close(c);
}

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {cmocka_unit_test(measure)};
	return cmocka_run_group_tests_name(kind, cases, fixture_store, fixture_close);
}

int main(int argc, char **argv)
{
	if (argc > 2)
		finds = strtoll(argv[2], NULL, 10);
	return fixture_main(argc > 2 ? 2 : argc, argv, run);
}
