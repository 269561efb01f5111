#include "agent_fixture.h"

#include "clock.h"
#include "machine.h"
#include "rnd.h"
#include "unit.h"

#include <sodium.h>

static const struct ledger_who tester = {"account:1", "request-1"};

int centre_job(struct centre *c, int (*run)(struct db *db, void *arg), void *arg)
{
	assert_int_equal(db_savepoint(c->db), 0);
	int r = run(c->db, arg);
	if (r == 0)
		r = db_release_savepoint(c->db);
	if (r)
		db_rollback_savepoint(c->db);
	return r;
}

void centre_sql(struct centre *c, const char *sql)
{
	assert_int_equal(db_script(c->db, sql), 0);
}

int64_t centre_machine(struct centre *c, const struct agent *a)
{
	int64_t id = 0;
	assert_int_equal(machine_find(c->db, a->machine, &id), 0);
	return id;
}

int64_t centre_number(struct centre *c, const char *sql)
{
	struct db_rows *rows;
	assert_int_equal(db_query_built(c->db, &rows, sql, ""), 0);
	assert_true(db_next(rows));
	int64_t n = db_i64(rows, 0);
	assert_int_equal(db_done(rows), 0);
	return n;
}

struct token_job {
	struct centre *c;
	int64_t uses;
};

static int make_token(struct db *db, void *arg)
{
	struct token_job *j = arg;
	static const uint8_t pin[SHA256_BYTES] = {1, 2, 3};
	struct err e = {0};
	const struct token_wish w = {.uses = j->uses,
	    .expires_real = clock_real_us() + 3600 * US_PER_S,
	    .node_id = NODE_PROVINCE,
	    .note = "test"};
	return token_create(db, &tester, &w, pin, j->c->token_text, &e);
}

void centre_new_token(struct centre *c, int64_t uses)
{
	struct token_job j = {c, uses};
	assert_int_equal(centre_job(c, make_token, &j), 0);
	assert_int_equal(token_parse(c->token_text, &c->token), 0);
}

void centre_open(struct centre *c)
{
	struct err e = {0};
	*c = (struct centre){0};
	assert_int_equal(db_open(&c->db, fixture_where(), DB_WRITE, &e), 0);
	assert_int_equal(db_begin(c->db), 0);
	store_key_new(&c->key);
	assert_int_equal(store_key_adopt(c->db, &c->key), 0);
	assert_int_equal(desk_new(&c->desk), 0);
	centre_new_token(c, 1000);
}

void centre_close(struct centre *c)
{
	desk_free(c->desk);
	db_rollback(c->db);
	db_close(c->db);
}

struct hardware hardware_of(int uuid, int board, int disk, int mac)
{
	const int values[] = {uuid, board, disk, mac};
	struct hardware h = {0};
	for (int i = 0; i < 4; i++) {
		if (!values[i])
			continue;
		h.v[h.n].kind = (enum hw_kind)(HW_SMBIOS_UUID + i);
		memcpy(h.v[h.n].digest.b, &values[i], sizeof values[i]);
		h.n++;
	}
	hw_normalize(&h);
	return h;
}

void agent_forget(struct agent *a)
{
	struct hardware hw = a->hardware;
	char host[sizeof a->host];
	memcpy(host, a->host, sizeof host);
	bool ready = a->engine_ready;
	*a = (struct agent){.hardware = hw, .engine_ready = ready};
	memcpy(a->host, host, sizeof host);
	rnd_bytes(a->key_hash, sizeof a->key_hash);
	rnd_bytes(a->install_id.b, sizeof a->install_id.b);
	crypto_box_keypair(a->seal_public, a->seal_secret);
}

void agent_new(struct agent *a, const char *host, struct hardware hw)
{
	*a = (struct agent){.hardware = hw};
	snprintf(a->host, sizeof a->host, "%s", host);
	agent_forget(a);
}

struct enrol_job {
	struct centre *c;
	struct enrol_request q;
	struct enrol_answer a;
	struct cert_info cert;
};

static int decide(struct db *db, void *arg)
{
	struct enrol_job *j = arg;
	return enrol_decide(j->c->desk, db, &j->c->key, &j->q, &j->a);
}

static int finish(struct db *db, void *arg)
{
	struct enrol_job *j = arg;
	return enrol_finish(db, j->q.key_hash, &j->cert);
}

static void check_answer(struct agent *a, const struct enrol_job *j, const uint8_t auth_key[AUTH_KEY_BYTES])
{
	uint8_t confirm[PROOF_BYTES];
	id16 machine;
	for (int i = 0; i < ID_BYTES; i++) {
		unsigned byte;
		assert_int_equal(sscanf(j->a.machine + 2 * i, "%2x", &byte), 1);
		machine.b[i] = (uint8_t)byte;
	}
	token_confirm(auth_key, &machine, j->a.sealed, a->seal_public, confirm);
	assert_memory_equal(confirm, j->a.confirm, sizeof confirm);
	assert_int_equal(crypto_box_seal_open(a->secret, j->a.sealed, SEALED_BYTES, a->seal_public, a->seal_secret), 0);
	memcpy(a->machine, j->a.machine, sizeof a->machine);
}

/* The certificate is its serial here: what khien-ca makes of the key is not the store's affair. */
static void sign(struct centre *c, struct enrol_job *j, char pem[2 * SERIAL_MAX + 1])
{
	uint8_t serial[SERIAL_MAX];
	rnd_bytes(serial, sizeof serial);
	for (int i = 0; i < SERIAL_MAX; i++)
		snprintf(pem + 2 * i, 3, "%02x", serial[i]);
	j->cert = (struct cert_info){.serial_n = SERIAL_MAX,
	    .not_before = clock_real_us(),
	    .not_after = clock_real_us() + 30 * INT64_C(86400) * US_PER_S,
	    .pem = pem};
	memcpy(j->cert.serial, serial, sizeof serial);
	assert_int_equal(centre_job(c, finish, j), 0);
}

static void take_certificate(struct agent *a, const char *pem)
{
	for (int i = 0; i < SERIAL_MAX; i++) {
		unsigned byte;
		assert_int_equal(sscanf(pem + 2 * i, "%2x", &byte), 1);
		a->serial[i] = (uint8_t)byte;
	}
	a->certified = true;
}

enum verdict agent_enrol(struct centre *c, struct agent *a, enum loss loss)
{
	const struct inventory inventory = {.host_name = a->host};
	struct enrol_job j = {.c = c,
	    .q = {.token_id = c->token.id,
	        .install_id = a->install_id,
	        .hardware = a->hardware,
	        .inventory = &inventory,
	        .call = {.address = "10.0.0.1", .request = "request-2"}}};
	uint8_t auth_key[AUTH_KEY_BYTES];
	char pem[2 * SERIAL_MAX + 1];
	memcpy(j.q.key_hash, a->key_hash, sizeof j.q.key_hash);
	memcpy(j.q.csr_sha256, a->key_hash, sizeof j.q.csr_sha256);
	memcpy(j.q.seal_key, a->seal_public, sizeof j.q.seal_key);
	token_auth_key(c->token.secret, auth_key);
	token_proof(auth_key, j.q.csr_sha256, &j.q.install_id, j.q.seal_key, j.q.proof);
	assert_int_equal(centre_job(c, decide, &j), 0);
	enum verdict v = j.a.verdict;
	if (v == VERDICT_OK && loss != REPLY_LOST) {
		if (!j.a.certificate)
			sign(c, &j, pem);
		else
			snprintf(pem, sizeof pem, "%s", j.a.certificate);
		if (loss == NOTHING_LOST) {
			check_answer(a, &j, auth_key);
			take_certificate(a, pem);
		}
	}
	free(j.a.certificate);
	return v;
}

static id16 hash_of(const void *p, size_t n)
{
	id16 h;
	crypto_generichash(h.b, sizeof h.b, p, n, NULL, 0);
	return h;
}

void agent_prepare(struct agent *a, struct agent_request *r)
{
	static const struct agent_state empty;
	if (!a->pending) {
		a->counter++;
		rnd_bytes(a->nonce.b, sizeof a->nonce.b);
		a->pending = true;
	}
	*r = (struct agent_request){.hardware = a->hardware, .state = empty};
	memcpy(r->serial, a->serial, sizeof r->serial);
	snprintf(r->text, sizeof r->text, "{\"host\":\"%s\",\"ready\":%d}", a->host, a->engine_ready);
	r->state.inventory = (struct inventory){.host_name = a->host, .agent_version = "1"};
	r->state.problems = "";
	r->state.engine_ready = a->engine_ready;
	r->up = (struct sync_up){.has_branch = a->has_branch,
	    .branch = a->branch,
	    .counter = a->counter,
	    .nonce = a->nonce,
	    .install_id = a->install_id,
	    .hardware_hash = hash_of(a->hardware.v, a->hardware.n * sizeof a->hardware.v[0]),
	    .state_hash = hash_of(r->text, strlen(r->text)),
	    .anchors_version = a->anchors_version,
	    .task_seen = a->task_seen,
	    .policy_version = a->policy_version};
	r->up.n_streams = a->n_streams;
	memcpy(r->up.streams, a->streams, sizeof r->up.streams);
	memcpy(r->up.epoch, a->epoch, sizeof r->up.epoch);
	memcpy(r->up.policy_hash, a->policy_hash, sizeof r->up.policy_hash);
	r->up.knows_allowances = true;
	memcpy(r->up.allow_hash, a->allow_hash, sizeof r->up.allow_hash);
	if (memcmp(&r->up.hardware_hash, &a->hardware_confirmed, ID_BYTES) != 0 || a->need & NEED_HARDWARE)
		r->up.hardware = &r->hardware;
	if (memcmp(&r->up.state_hash, &a->state_confirmed, ID_BYTES) != 0 || a->need & NEED_STATE) {
		r->up.state = &r->state;
		r->up.state_text = r->text;
	}
}

struct send_job {
	struct centre *c;
	const struct agent_request *r;
	struct sync_taken *t;
};

static int take(struct db *db, void *arg)
{
	struct send_job *j = arg;
	const struct agent_call call = {j->r->serial, SERIAL_MAX, "10.0.0.1", "request-3"};
	return sync_take(j->c->desk, db, &call, &j->r->up, j->t);
}

enum verdict agent_send(struct centre *c, const struct agent_request *r, struct sync_taken *t)
{
	struct send_job j = {c, r, t};
	int err = centre_job(c, take, &j);
	if (err)
		print_error("sync: %d %s\n", err, db_error(c->db));
	assert_int_equal(err, 0);
	return t->verdict;
}

static void take_answer(struct agent *a, const struct agent_request *r, const struct sync_taken *t)
{
	const struct sync_down *d = &t->down;
	a->pending = false;
	a->has_branch = true;
	a->branch = d->branch;
	a->counter = d->counter;
	a->need = d->need;
	memcpy(a->marks, d->streams, sizeof a->marks);
	memcpy(a->epoch, d->epoch, sizeof a->epoch);
	if (r->up.hardware)
		a->hardware_confirmed = r->up.hardware_hash;
	if (r->up.state)
		a->state_confirmed = r->up.state_hash;
	if (d->policy_json) {
		memcpy(a->policy_hash, d->policy_hash, sizeof a->policy_hash);
		a->policy_version = d->policy_version;
	}
	if (d->allow) {
		memcpy(a->allow_hash, d->allow->hash, sizeof a->allow_hash);
		a->allowed = (int64_t)d->allow->n;
	}
	if (d->anchors)
		a->anchors_version = d->anchors->version;
	for (size_t i = 0; i < d->n_tasks; i++) {
		assert_true(d->tasks[i].task.id > a->task_seen);
		a->task_seen = d->tasks[i].task.id;
		a->tasks_got++;
	}
}

enum verdict agent_sync(struct centre *c, struct agent *a, enum loss loss)
{
	struct agent_request r;
	struct sync_taken t = {0};
	agent_prepare(a, &r);
	enum verdict v = agent_send(c, &r, &t);
	if (v == VERDICT_OK && loss == NOTHING_LOST)
		take_answer(a, &r, &t);
	sync_down_release(&t.down);
	return v;
}

void agent_live(struct centre *c, struct agent *a, enum loss loss)
{
	enum verdict v = a->certified ? agent_sync(c, a, loss) : agent_enrol(c, a, loss);
	if (loss == NOTHING_LOST && (v == VERDICT_CLONE || v == VERDICT_REVOKED))
		agent_forget(a);
}

void centre_silence(struct centre *c)
{
	centre_sql(c, "update machine_live set last_seen_real = last_seen_real - 3600000000");
	centre_sql(c, "update install set enrolled_real = enrolled_real - 3600000000");
}
