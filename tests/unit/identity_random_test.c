/* Two computers that live, in random order, with replies lost, calls repeated by the network, snapshots put back. What
 * must come of it whatever the order: as many machines as there are computers, and decisions that end. */
#include "agent_fixture.h"

#include "clock.h"
#include "identity_int.h"

#define INSTALLED                                                                                                      \
	"select count(*) from machine m where 1 = (select p.installed from presence_fact p where p.machine_id = m.id"  \
	" order by p.rev desc limit 1)"
#define DECISIONS "select count(*) from identity_decision where kind not in ('new', 'snapshot')"

static struct centre centre, *c = &centre;
static uint64_t random_state;

static unsigned pick(unsigned n)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = random_state;
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ z >> 31) % n);
}

static enum loss any_loss(void)
{
	return pick(3) ? NOTHING_LOST : (enum loss)(REPLY_LOST + pick(2));
}

/* The network delivers an earlier call again. */
struct echo {
	struct agent_request r[3];
	unsigned n;
};

static void remember(struct echo *e, const struct agent_request *r)
{
	struct agent_request *at = &e->r[e->n++ % 3];
	*at = *r;
	if (at->up.hardware)
		at->up.hardware = &at->hardware;
	if (at->up.state) {
		at->up.state = &at->state;
		at->up.state_text = at->text;
	}
}

static void echo(const struct echo *e)
{
	struct sync_taken t = {0};
	if (e->n == 0)
		return;
	agent_send(c, &e->r[pick(e->n < 3 ? e->n : 3)], &t);
	sync_down_release(&t.down);
}

static void step(struct agent *a, struct echo *e)
{
	struct agent_request r;
	if (a->certified) {
		agent_prepare(a, &r);
		agent_live(c, a, any_loss());
		remember(e, &r);
	} else {
		agent_live(c, a, any_loss());
	}
	if (pick(4) == 0)
		echo(e);
}

static void settle(struct agent *v, size_t n, int rounds)
{
	for (int i = 0; i < rounds; i++)
		for (size_t k = 0; k < n; k++)
			agent_live(c, &v[k], NOTHING_LOST);
}

static void begin(uint64_t seed)
{
	random_state = seed;
	centre_open(c);
}

static void end(void)
{
	centre_close(c);
}

enum { ROUNDS = 24 };

/* A statement costs PostgreSQL a round trip; what is random here does not depend on the database. */
static uint64_t runs(void)
{
	return fixture_is_postgres() ? 30 : 150;
}

#define check(seed, what, ...)                                                                                         \
	do {                                                                                                           \
		if (!(what))                                                                                           \
			fail_msg("seed %llu: " #what " %s", (unsigned long long)(seed), __VA_ARGS__);                  \
	} while (0)

/* After all is said: both are in, apart, and nothing more is decided however long they go on. */
static void check_two(uint64_t seed, struct agent v[2])
{
	settle(v, 2, 8);
	check(seed, v[0].certified && v[1].certified, "");
	int64_t decided = centre_number(c, DECISIONS);
	int64_t snapshots = centre_number(c, "select count(*) from identity_decision");
	settle(v, 2, 12);
	check(seed, centre_number(c, "select count(*) from identity_decision") == snapshots, "");
	check(seed, decided <= 8, "");
	check(seed,
	    centre_number(c, "select count(*) from (select distinct machine_id from install where status = 1) d") >= 2,
	    "");
	for (int k = 0; k < 2; k++)
		check(seed, agent_sync(c, &v[k], NOTHING_LOST) == VERDICT_OK, v[k].host);
	check(seed, centre_number(c, INSTALLED) == 2, "");
	check(seed, centre_number(c, "select count(*) from machine_live") == 2, "");
	check(seed,
	    centre_number(
	        c, "select count(*) from install i join machine_live l on l.install_id = i.id where i.status = 1") == 2,
	    "");
}

static void grow(struct agent *a, struct echo *e, const char *host, struct hardware hw)
{
	agent_new(a, host, hw);
	int rounds = 2 + (int)pick(12);
	for (int i = 0; i < rounds; i++)
		step(a, e);
	while (!a->certified)
		agent_live(c, a, NOTHING_LOST);
}

static void live_together(struct agent v[2], struct echo e[2])
{
	for (int i = 0; i < ROUNDS; i++) {
		unsigned k = pick(2);
		step(&v[k], &e[k]);
	}
}

/* A running computer is copied, hardware and all, or with hardware of its own in part or wholly. */
static void copies(void **state)
{
	static const struct hardware_numbers {
		int uuid, board, disk, mac;
	} other[] = {{1, 1, 1, 1}, {1, 1, 2, 2}, {1, 1, 1, 2}, {2, 2, 2, 2}};
	(void)state;
	for (uint64_t seed = 1; seed <= runs(); seed++) {
		struct agent v[2];
		struct echo e[2] = {0};
		begin(seed);
		grow(&v[0], &e[0], "pc", hardware_of(1, 1, 1, 1));
		v[1] = v[0];
		const struct hardware_numbers *h = &other[pick(4)];
		v[1].hardware = hardware_of(h->uuid, h->board, h->disk, h->mac);
		live_together(v, e);
		check_two(seed, v);
		end();
	}
}

/* Two made from one template, which share values; the first may be silent when the second comes. */
static void templates(void **state)
{
	(void)state;
	for (uint64_t seed = 1001; seed <= 1000 + runs(); seed++) {
		struct agent v[2];
		struct echo e[2] = {0};
		begin(seed);
		grow(&v[0], &e[0], "vm-1", hardware_of(7, 7, 1, 1));
		if (pick(2))
			centre_silence(c);
		agent_new(&v[1], "vm-2", hardware_of(7, 7, pick(2) ? 1 : 2, 2));
		live_together(v, e);
		check_two(seed, v);
		end();
	}
}

/* The disk is installed anew, or exchanged and comes back in another computer of the very same hardware. */
static void old_disks(void **state)
{
	(void)state;
	for (uint64_t seed = 2001; seed <= 2000 + runs(); seed++) {
		struct agent v[2];
		struct echo e[2] = {0};
		begin(seed);
		grow(&v[0], &e[0], "pc", hardware_of(1, 1, 1, 1));
		agent_new(&v[1], "pc", hardware_of(1, 1, 1, 1));
		live_together(v, e);
		check_two(seed, v);
		end();
	}
}

/* One computer: snapshots, reinstallations, repairs. However often, it is one. */
static void one_alone(void **state)
{
	(void)state;
	for (uint64_t seed = 3001; seed <= 3000 + runs(); seed++) {
		struct agent a, kept;
		struct echo e = {0};
		begin(seed);
		grow(&a, &e, "pc", hardware_of(1, 1, 1, 1));
		kept = a;
		for (int i = 0; i < ROUNDS; i++) {
			step(&a, &e);
			unsigned what = pick(12);
			if (what == 0) {
				a = kept;
			} else if (what == 1) {
				kept = a;
			} else if (what == 2) {
				agent_forget(&a);
				while (!a.certified)
					agent_live(c, &a, NOTHING_LOST);
				kept = a;
				e = (struct echo){0};
			} else if (what ==
			           3) { /* not in one breath with a snapshot: that is a copy on other hardware */
				settle(&a, 1, 2);
				a.hardware.v[3].digest.b[7]++;
				agent_live(c, &a, NOTHING_LOST);
				kept = a;
				e = (struct echo){0}; /* the network does not keep calls for so long */
			}
		}
		settle(&a, 1, 4);
		check(seed, centre_number(c, INSTALLED) == 1, "");
		check(seed, centre_number(c, "select count(*) from machine") == 1, "");
		check(seed, centre_number(c, "select count(*) from clone") == 0, "");
		end();
	}
}

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    cmocka_unit_test(copies),
	    cmocka_unit_test(templates),
	    cmocka_unit_test(old_disks),
	    cmocka_unit_test(one_alone),
	};
	return cmocka_run_group_tests_name(kind, cases, fixture_store, fixture_close);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
