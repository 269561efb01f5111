/* Every row of the table "Which machine is it?" and of the counter's table, with two agents that live. */
#include "agent_fixture.h"

#include "clock.h"
#include "identity_int.h"
#include "machine.h"

#define INSTALLED                                                                                                      \
	"select count(*) from machine m where 1 = (select p.installed from presence_fact p where p.machine_id = m.id"  \
	" order by p.rev desc limit 1)"
#define DECISIONS     "select count(*) from identity_decision where kind <> 'new'"
#define DECIDED(kind) "select count(*) from identity_decision where kind = '" kind "'"

static struct centre centre, *c = &centre;

static int up(void **state)
{
	(void)state;
	centre_open(c);
	return 0;
}

static int down(void **state)
{
	(void)state;
	centre_close(c);
	return 0;
}

static void enrolled(struct agent *a, const char *host, struct hardware hw)
{
	agent_new(a, host, hw);
	assert_int_equal(agent_enrol(c, a, NOTHING_LOST), VERDICT_OK);
}

static void syncs(struct agent *a, int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(agent_sync(c, a, NOTHING_LOST), VERDICT_OK);
}

static void renamed(void **state)
{
	struct agent a;
	(void)state;
	enrolled(&a, "pc-one", hardware_of(1, 1, 1, 1));
	syncs(&a, 2);
	snprintf(a.host, sizeof a.host, "pc-two");
	syncs(&a, 2);
	assert_int_equal(centre_number(c, "select count(*) from name_fact where name = 'pc-two'"), 1);
	assert_int_equal(centre_number(c, "select count(*) from machine"), 1);
	assert_int_equal(centre_number(c, "select count(*) from audit where action = 'machine.rename'"), 1);
}

static void reinstalled(void **state)
{
	struct agent old, new;
	(void)state;
	enrolled(&old, "pc", hardware_of(1, 1, 1, 1));
	syncs(&old, 3);
	enrolled(&new, "pc", hardware_of(1, 1, 1, 1));
	syncs(&new, 3);
	assert_string_equal(old.machine, new.machine);
	assert_memory_not_equal(old.secret, new.secret, SECRET_BYTES);
	assert_int_equal(centre_number(c, INSTALLED), 1);
	assert_int_equal(centre_number(c, DECIDED("reinstalled")), 1);
	/* the old disk comes back: refused, marked once, and the new one goes on */
	for (int i = 0; i < 3; i++)
		assert_int_equal(agent_sync(c, &old, NOTHING_LOST), VERDICT_REVOKED);
	syncs(&new, 2);
	assert_int_equal(centre_number(c, DECIDED("superseded-speaks")), 1);
	agent_forget(&old);
	assert_int_equal(agent_enrol(c, &old, NOTHING_LOST), VERDICT_OK);
	assert_string_not_equal(old.machine, new.machine);
	assert_int_equal(centre_number(c, DECIDED("twin")), 1);
	assert_int_equal(centre_number(c, "select count(*) from clone where enrolled_as = 0"), 0);
	syncs(&old, 2);
	syncs(&new, 2);
	assert_int_equal(centre_number(c, INSTALLED), 2);
	assert_int_equal(centre_number(c, DECISIONS), 3);
}

static void enrolment_whose_reply_is_lost(void **state)
{
	struct agent a;
	(void)state;
	centre_new_token(c, 1);
	agent_new(&a, "pc", hardware_of(1, 1, 1, 1));
	assert_int_equal(agent_enrol(c, &a, REPLY_LOST), VERDICT_OK);
	assert_int_equal(agent_enrol(c, &a, CERTIFICATE_LOST), VERDICT_OK);
	centre_sql(c, "update enrol_token set expires_real = 1");
	assert_int_equal(agent_enrol(c, &a, CERTIFICATE_LOST), VERDICT_OK);
	assert_int_equal(agent_enrol(c, &a, NOTHING_LOST), VERDICT_OK);
	syncs(&a, 2);
	assert_int_equal(centre_number(c, "select count(*) from machine"), 1);
	assert_int_equal(centre_number(c, "select count(*) from cert"), 1);
	assert_int_equal(centre_number(c, "select uses_left from enrol_token where uses = 1"), 0);
	uint8_t secret[SECRET_BYTES];
	assert_int_equal(machine_secret(c->db, &c->key, centre_machine(c, &a), secret), 0);
	assert_memory_equal(secret, a.secret, sizeof secret);
	assert_int_equal(centre_number(c, "select count(*) from install where length(secret) = 72"), 1);
	struct agent b;
	agent_new(&b, "other", hardware_of(2, 2, 2, 2));
	assert_int_equal(agent_enrol(c, &b, NOTHING_LOST), VERDICT_TOKEN);
	assert_int_equal(centre_number(c, "select count(*) from machine"), 1);
}

static void a_wrong_proof(void **state)
{
	struct agent a;
	(void)state;
	agent_new(&a, "pc", hardware_of(1, 1, 1, 1));
	c->token.secret[0] ^= 1;
	assert_int_equal(agent_enrol(c, &a, NOTHING_LOST), VERDICT_TOKEN);
	c->token.secret[0] ^= 1;
	assert_int_equal(centre_number(c, "select uses_left from enrol_token"), 1000);
	assert_int_equal(agent_enrol(c, &a, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(token_revoke(c->db, &(struct ledger_who){"account:1", ""}, c->token.id), 0);
	struct agent b;
	agent_new(&b, "pc", hardware_of(2, 2, 2, 2));
	assert_int_equal(agent_enrol(c, &b, NOTHING_LOST), VERDICT_TOKEN);
}

static void cloned_disk(void **state)
{
	struct agent a, b;
	(void)state;
	enrolled(&a, "pc", hardware_of(1, 1, 1, 1));
	syncs(&a, 3);
	b = a;
	b.hardware = hardware_of(2, 2, 2, 2);
	/* the clone speaks first, at an unbroken counter */
	for (int i = 0; i < 3; i++)
		assert_int_equal(agent_sync(c, &b, NOTHING_LOST), VERDICT_CLONE);
	syncs(&a, 3);
	assert_int_equal(agent_sync(c, &b, NOTHING_LOST), VERDICT_CLONE);
	assert_int_equal(centre_number(c, DECIDED("clone-hardware")), 1);
	assert_int_equal(centre_number(c, "select count(*) from clone where enrolled_as = 0"), 1);
	agent_forget(&b);
	assert_int_equal(agent_enrol(c, &b, NOTHING_LOST), VERDICT_OK);
	syncs(&b, 2);
	syncs(&a, 2);
	assert_int_equal(centre_number(c, "select count(*) from clone where enrolled_as = 0"), 0);
	assert_int_equal(centre_number(c, INSTALLED), 2);
	assert_string_not_equal(a.machine, b.machine);
}

static void template_both_alive(void **state)
{
	struct agent a, b, third;
	(void)state;
	enrolled(&a, "vm-1", hardware_of(7, 7, 1, 1));
	syncs(&a, 2);
	enrolled(&b, "vm-2", hardware_of(7, 7, 2, 2));
	syncs(&b, 2);
	syncs(&a, 2);
	assert_string_not_equal(a.machine, b.machine);
	assert_int_equal(centre_number(c, DECIDED("two-alive")), 1);
	centre_silence(c);
	enrolled(&third, "vm-3", hardware_of(7, 7, 3, 3));
	assert_int_equal(centre_number(c, INSTALLED), 3);
	/* reinstalled in earnest: its own hardware wholly */
	agent_forget(&a);
	assert_int_equal(agent_enrol(c, &a, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(centre_number(c, INSTALLED), 3);
}

static void template_silent_then_both(void **state)
{
	struct agent a, b;
	(void)state;
	enrolled(&a, "vm-1", hardware_of(7, 7, 1, 1));
	syncs(&a, 3);
	centre_silence(c);
	enrolled(&b, "vm-2", hardware_of(7, 7, 2, 2));
	syncs(&b, 2);
	assert_string_equal(a.machine, b.machine);
	assert_int_equal(centre_number(c, INSTALLED), 1);
	/* the first was only switched off */
	uint8_t secret[SECRET_BYTES];
	assert_int_equal(agent_sync(c, &a, REPLY_LOST), VERDICT_OK);
	syncs(&a, 3);
	syncs(&b, 3);
	assert_int_equal(centre_number(c, INSTALLED), 2);
	assert_int_equal(centre_number(c, DECIDED("split")), 1);
	assert_int_equal(centre_number(c, DECISIONS), 2);
	int64_t first = centre_machine(c, &a);
	int64_t second = centre_number(c, "select max(id) from machine");
	char name[MAX_HOST_NAME + 1];
	assert_int_equal(machine_name(c->db, first, name, sizeof name), 0);
	assert_string_equal(name, "vm-1");
	assert_int_equal(machine_name(c->db, second, name, sizeof name), 0);
	assert_string_equal(name, "vm-2");
	assert_int_equal(machine_secret(c->db, &c->key, centre_machine(c, &a), secret), 0);
	assert_memory_equal(secret, a.secret, sizeof secret);
	assert_int_equal(machine_secret(c->db, &c->key, second, secret), 0);
	assert_memory_equal(secret, b.secret, sizeof secret);
	/* never joined again */
	centre_silence(c);
	agent_forget(&b);
	b.hardware = hardware_of(7, 7, 5, 5);
	assert_int_equal(agent_enrol(c, &b, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(centre_number(c, INSTALLED), 3);
}

static void repaired(void **state)
{
	struct agent a;
	(void)state;
	enrolled(&a, "pc", hardware_of(1, 1, 1, 1));
	syncs(&a, 2);
	a.hardware = hardware_of(1, 1, 9, 1);
	assert_int_equal(agent_sync(c, &a, REPLY_LOST), VERDICT_OK);
	syncs(&a, 2);
	assert_int_equal(centre_number(c, DECIDED("hardware-changed")), 1);
	assert_int_equal(centre_number(c, DECISIONS), 1);
	struct agent b; /* reinstalled with what it has now */
	enrolled(&b, "pc", hardware_of(1, 1, 9, 1));
	assert_string_equal(a.machine, b.machine);
}

static void a_repeat_is_answered_alike(void **state)
{
	struct agent a;
	struct agent_request r;
	struct sync_taken one = {0}, two = {0};
	(void)state;
	enrolled(&a, "pc", hardware_of(1, 1, 1, 1));
	for (int i = 0; i < 2; i++) {
		agent_prepare(&a, &r);
		assert_int_equal(agent_send(c, &r, &one), VERDICT_OK);
		assert_int_equal(agent_send(c, &r, &two), VERDICT_OK);
		assert_memory_equal(&one.down.branch, &two.down.branch, ID_BYTES);
		assert_int_equal(one.down.counter, two.down.counter);
		syncs(&a, 1);
		assert_memory_equal(&one.down.branch, &a.branch, ID_BYTES);
	}
	assert_int_equal(centre_number(c, DECISIONS), 0);
	assert_int_equal(centre_number(c, "select count(*) from branch"), 1);
	sync_down_release(&one.down);
	sync_down_release(&two.down);
}

static void a_late_repeat_changes_nothing(void **state)
{
	struct agent a;
	struct agent_request r;
	struct sync_taken t = {0};
	(void)state;
	enrolled(&a, "pc", hardware_of(1, 1, 1, 1));
	syncs(&a, 3);
	agent_prepare(&a, &r);
	syncs(&a, 4);
	assert_int_equal(agent_send(c, &r, &t), VERDICT_OK);
	syncs(&a, 2);
	assert_int_equal(centre_number(c, DECISIONS), 0);
	sync_down_release(&t.down);
}

static void restored_snapshot(void **state)
{
	struct agent a, snapshot;
	(void)state;
	enrolled(&a, "vm", hardware_of(1, 1, 1, 1));
	syncs(&a, 3);
	snapshot = a;
	syncs(&a, 5);
	for (int i = 0; i < 3; i++) { /* put back three times */
		id16 before = a.branch;
		a = snapshot;
		assert_int_equal(agent_sync(c, &a, REPLY_LOST), VERDICT_OK);
		syncs(&a, 3);
		assert_memory_not_equal(&before, &a.branch, ID_BYTES);
	}
	assert_int_equal(centre_number(c, DECIDED("snapshot")), 3);
	assert_int_equal(centre_number(c, DECISIONS), 3);
	assert_int_equal(centre_number(c, INSTALLED), 1);
	assert_int_equal(centre_number(c, "select count(*) from branch where status = 1"), 1);
}

static void a_step_back_on_other_hardware(void **state)
{
	struct agent a, b;
	(void)state;
	enrolled(&a, "vm", hardware_of(1, 1, 1, 1));
	syncs(&a, 3);
	b = a;
	b.hardware = hardware_of(1, 1, 5, 5);
	syncs(&a, 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(agent_sync(c, &b, NOTHING_LOST), VERDICT_CLONE);
	syncs(&a, 2);
	assert_int_equal(centre_number(c, DECISIONS), 1);
	agent_forget(&b);
	centre_silence(c);
	assert_int_equal(agent_enrol(c, &b, NOTHING_LOST), VERDICT_OK);
	assert_string_not_equal(a.machine, b.machine);
}

/* Nothing is known of the hardware on either side: absent is not equal. */
static void a_step_back_without_hardware(void **state)
{
	struct agent a, b;
	(void)state;
	enrolled(&a, "box", hardware_of(0, 0, 0, 0));
	syncs(&a, 3);
	b = a;
	syncs(&a, 2);
	assert_int_equal(agent_sync(c, &b, NOTHING_LOST), VERDICT_CLONE);
	assert_int_equal(agent_sync(c, &b, NOTHING_LOST), VERDICT_CLONE);
	syncs(&a, 2);
	assert_int_equal(centre_number(c, DECISIONS), 1);
	struct agent other;
	enrolled(&other, "box", hardware_of(0, 0, 0, 0));
	assert_string_not_equal(a.machine, other.machine);
}

static void one_key_in_two_places(void **state)
{
	struct agent a, b;
	(void)state;
	enrolled(&a, "vm", hardware_of(1, 1, 1, 1));
	syncs(&a, 3);
	b = a; /* a running copy, same hardware to the last digit */
	syncs(&a, 2);
	assert_int_equal(agent_sync(c, &b, REPLY_LOST), VERDICT_OK);
	syncs(&b, 2);
	assert_int_equal(agent_sync(c, &a, REPLY_LOST), VERDICT_OK);
	syncs(&a, 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(agent_sync(c, &b, NOTHING_LOST), VERDICT_CLONE);
	syncs(&a, 2);
	assert_int_equal(centre_number(c, DECIDED("forked")), 1);
	assert_int_equal(
	    centre_number(c, "select count(*) from clone where enrolled_as = 0 and address = '10.0.0.1'"), 1);
	agent_forget(&b);
	assert_int_equal(agent_enrol(c, &b, NOTHING_LOST), VERDICT_OK);
	syncs(&b, 2);
	syncs(&a, 2);
	assert_int_equal(centre_number(c, INSTALLED), 2);
	assert_int_equal(centre_number(c, DECISIONS), 3);
	assert_int_equal(centre_number(c, "select count(*) from clone where enrolled_as = 0"), 0);
	/* the pair is never joined: a third with that hardware is a third */
	struct agent third;
	enrolled(&third, "vm", hardware_of(1, 1, 1, 1));
	assert_int_equal(centre_number(c, INSTALLED), 3);
}

static void copied_before_the_first_sync(void **state)
{
	struct agent a, b;
	(void)state;
	enrolled(&a, "vm", hardware_of(1, 1, 1, 1));
	b = a;
	syncs(&a, 1);
	syncs(&b, 1);
	syncs(&a, 1);
	assert_int_equal(agent_sync(c, &b, NOTHING_LOST), VERDICT_CLONE);
	syncs(&a, 2);
}

static void revoked(void **state)
{
	struct agent a;
	const struct ledger_who who = {"account:1", ""};
	(void)state;
	enrolled(&a, "pc", hardware_of(1, 1, 1, 1));
	syncs(&a, 1);
	assert_int_equal(cert_revoke(c->db, &who, scope_everything(), a.machine, "stolen"), 0);
	assert_int_equal(cert_revoke(c->db, &who, scope_everything(), a.machine, "stolen"), 0);
	assert_int_equal(agent_sync(c, &a, NOTHING_LOST), VERDICT_REVOKED);
	assert_int_equal(agent_enrol(c, &a, NOTHING_LOST), VERDICT_REVOKED);
	assert_int_equal(centre_number(c, "select count(*) from audit where action = 'machine.revoke'"), 1);
	assert_int_equal(cert_revoke(c->db, &who, scope_everything(), "0123", "x"), -ENOENT);
	agent_forget(&a);
	assert_int_equal(agent_enrol(c, &a, NOTHING_LOST), VERDICT_OK);
	syncs(&a, 1);
	assert_int_equal(centre_number(c, INSTALLED), 1);
}

static void an_unknown_certificate(void **state)
{
	struct agent a;
	(void)state;
	agent_new(&a, "pc", hardware_of(1, 1, 1, 1));
	assert_int_equal(agent_sync(c, &a, NOTHING_LOST), VERDICT_REVOKED);
}

static void expired(void **state)
{
	struct agent a;
	(void)state;
	enrolled(&a, "pc", hardware_of(1, 1, 1, 1));
	syncs(&a, 1);
	centre_sql(c, "update cert set not_after = 5, not_before = 1");
	assert_int_equal(agent_sync(c, &a, NOTHING_LOST), VERDICT_EXPIRED);
	struct renew_answer answer = {0};
	uint8_t key[SHA256_BYTES] = {9};
	const struct agent_call call = {a.serial, SERIAL_MAX, "10.0.0.1", "request-4"};
	assert_int_equal(cert_renew_decide(c->db, &call, &a.install_id, key, &answer), 0);
	assert_int_equal(answer.verdict, VERDICT_OK);
	assert_null(answer.certificate);
	assert_string_equal(answer.machine, a.machine);
	struct cert_info info = {.serial = {7},
	    .serial_n = SERIAL_MAX,
	    .not_before = clock_real_us(),
	    .not_after = clock_real_us() * 2,
	    .pem = "PEM"};
	memcpy(info.key_hash, key, sizeof key);
	assert_int_equal(cert_renew_finish(c->db, &call, &info), 0);
	assert_int_equal(cert_renew_decide(c->db, &call, &a.install_id, key, &answer), 0);
	assert_string_equal(answer.certificate, "PEM");
	free(answer.certificate);
	memcpy(a.serial, info.serial, SERIAL_MAX);
	syncs(&a, 3);
	assert_int_equal(centre_number(c, INSTALLED), 1);
}

static void goodbye_and_back(void **state)
{
	struct agent a;
	enum verdict v;
	(void)state;
	enrolled(&a, "pc", hardware_of(1, 1, 1, 1));
	syncs(&a, 1);
	const struct agent_call call = {a.serial, SERIAL_MAX, "10.0.0.1", "request-5"};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(identity_goodbye(c->db, &call, &v), 0);
		assert_int_equal(v, VERDICT_OK);
		assert_int_equal(centre_number(c, INSTALLED), 0);
	}
	assert_int_equal(centre_number(c, "select count(*) from audit where action = 'machine.goodbye'"), 1);
	syncs(&a, 2);
	assert_int_equal(centre_number(c, INSTALLED), 1);
	const struct ledger_who who = {"account:1", ""};
	assert_int_equal(identity_retire(c->db, &who, scope_everything(), a.machine, "given away"), 0);
	assert_int_equal(centre_number(c, INSTALLED), 0);
	struct agent b; /* reinstalled by its next owner */
	enrolled(&b, "pc", hardware_of(1, 1, 1, 1));
	assert_string_equal(a.machine, b.machine);
	assert_int_equal(centre_number(c, INSTALLED), 1);
}

static void silent_ones_retire(void **state)
{
	struct agent a, b;
	int64_t n = -1;
	const struct ledger_who who = {"system", ""};
	(void)state;
	enrolled(&a, "pc-1", hardware_of(1, 1, 1, 1));
	enrolled(&b, "pc-2", hardware_of(2, 2, 2, 2));
	syncs(&a, 1);
	syncs(&b, 1);
	assert_int_equal(identity_retire_silent(c->db, &who, 30, 100, &n), 0);
	assert_int_equal(n, 0);
	centre_sql(
	    c, "update machine_live set last_seen = 1 where machine_id = (select min(machine_id) from machine_live)");
	centre_sql(
	    c, "update install set enrolled_at = 1 where machine_id = (select min(machine_id) from machine_live)");
	assert_int_equal(identity_retire_silent(c->db, &who, 30, 100, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(centre_number(c, INSTALLED), 1);
	syncs(&a, 1);
	assert_int_equal(centre_number(c, INSTALLED), 2);
}

/* A value that very many machines have (a filler that nobody knew) joins nobody; what else they have still does. */
static void a_common_value(void **state)
{
	struct agent a;
	(void)state;
	for (int i = 0; i < 20; i++)
		enrolled(&a, "pc", hardware_of(77, 0, 100 + i, 100 + i));
	assert_int_equal(centre_number(c, INSTALLED), 20);
	centre_silence(c);
	enrolled(&a, "pc", hardware_of(77, 0, 1000, 1000));
	assert_int_equal(centre_number(c, INSTALLED), 21);
	enrolled(&a, "pc", hardware_of(77, 0, 105, 105));
	assert_int_equal(centre_number(c, INSTALLED), 21);
}

static int new_epoch(struct db *db, void *arg)
{
	return store_new_epoch(db, &(struct ledger_who){"local:root", ""}, arg);
}

/* The store is put back to an older state; agents are ahead of it. */
static void a_restored_store(void **state)
{
	struct agent a, b;
	char epoch[ID_TEXT];
	(void)state;
	enrolled(&a, "pc-1", hardware_of(1, 1, 1, 1));
	enrolled(&b, "pc-2", hardware_of(2, 2, 2, 2));
	syncs(&a, 9);
	syncs(&b, 9);
	struct agent snapshot = b;
	syncs(&b, 3);
	b = snapshot;
	syncs(&b, 3); /* on a branch that the backup does not know */
	centre_sql(c, "update machine_live set counter = 2");
	centre_sql(c, "update machine_live set branch = (select parent from branch where id = machine_live.branch)"
	              " where machine_id = (select max(machine_id) from machine_live)");
	centre_sql(c, "delete from branch where status = 1 and install_id = (select max(id) from install)");
	centre_sql(c, "update branch set status = 1");
	assert_int_equal(centre_job(c, new_epoch, epoch), 0);
	int64_t before = centre_number(c, DECISIONS);
	syncs(&a, 3);
	syncs(&b, 3);
	assert_string_equal(a.epoch, epoch);
	assert_int_equal(centre_number(c, DECISIONS), before);
	assert_int_equal(centre_number(c, INSTALLED), 2);
}

static void another_epoch_asks_for_all(void **state)
{
	struct agent a;
	struct agent_request r;
	struct sync_taken t = {0};
	char epoch[ID_TEXT];
	(void)state;
	enrolled(&a, "pc-1", hardware_of(1, 1, 1, 1));
	syncs(&a, 2);
	assert_int_equal(centre_job(c, new_epoch, epoch), 0);
	agent_prepare(&a, &r);
	assert_int_equal(agent_send(c, &r, &t), VERDICT_OK);
	assert_true(t.answer_now);
	assert_int_equal(t.down.need, NEED_STATE | NEED_HARDWARE);
	sync_down_release(&t.down);
	syncs(&a, 2);
	assert_int_equal(a.need, 0);
}

static void what_was_seen(void **state)
{
	struct agent a;
	(void)state;
	enrolled(&a, "pc", hardware_of(1, 1, 1, 1));
	syncs(&a, 4);
	assert_int_equal(centre_number(c, "select count(*) from heard_day"), 1);
	assert_int_equal(centre_number(c, "select count(*) from protection_seen"), 1);
	a.engine_ready = true;
	syncs(&a, 3);
	assert_int_equal(centre_number(c, "select count(*) from protection_seen"), 2);
	assert_int_equal(centre_number(c, "select count(*) from machine_state where state like '%\"ready\":1%'"), 1);
	assert_int_equal(centre_number(c, "select count(*) from audit"), 3); /* birth, token, enrolment */
}

#define EACH(f) EACH_WITH(f, up, down)

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    EACH(renamed),
	    EACH(reinstalled),
	    EACH(enrolment_whose_reply_is_lost),
	    EACH(a_wrong_proof),
	    EACH(cloned_disk),
	    EACH(template_both_alive),
	    EACH(template_silent_then_both),
	    EACH(repaired),
	    EACH(a_repeat_is_answered_alike),
	    EACH(a_late_repeat_changes_nothing),
	    EACH(restored_snapshot),
	    EACH(a_step_back_on_other_hardware),
	    EACH(a_step_back_without_hardware),
	    EACH(one_key_in_two_places),
	    EACH(copied_before_the_first_sync),
	    EACH(revoked),
	    EACH(an_unknown_certificate),
	    EACH(expired),
	    EACH(goodbye_and_back),
	    EACH(silent_ones_retire),
	    EACH(a_common_value),
	    EACH(a_restored_store),
	    EACH(another_epoch_asks_for_all),
	    EACH(what_was_seen),
	};
	return cmocka_run_group_tests_name(kind, cases, fixture_store, fixture_close);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
