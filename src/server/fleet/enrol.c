#include "identity.h"

#include "clock.h"
#include "enrol_match.h"
#include "identity_int.h"
#include "machine.h"
#include "rnd.h"
#include "str.h"

#include <sodium.h>

struct enrolment {
	const struct store_key *key;
	const struct enrol_request *q;
	struct enrol_match match;
	int64_t token_node;
	int64_t machine_id, install_id;
	uint8_t secret[SECRET_BYTES];
	struct change ch;
};

static int seal_answer(const struct enrol_request *q, const uint8_t auth_key[AUTH_KEY_BYTES],
    const uint8_t secret[SECRET_BYTES], struct enrol_answer *a)
{
	id16 machine;
	if (crypto_box_seal(a->sealed, secret, SECRET_BYTES, q->seal_key)) /* a point of small order */
		return -EINVAL;
	int r = hex_decode(machine.b, sizeof machine.b, a->machine);
	if (r == 0)
		token_confirm(auth_key, &machine, a->sealed, q->seal_key, a->confirm);
	return r;
}

/* *ret_found: this key has enrolled before. */
static int known_key(
    struct db *db, const struct enrol_request *q, struct caller *ret, uint8_t at_rest[SECRET_AT_REST], bool *ret_found)
{
	int64_t status;
	struct caller c = {0};
	int r = db_row(db,
	    "select i.id, i.machine_id, m.uid, i.status, i.secret from install i join machine m on m.id = i.machine_id"
	    " where i.key_hash = $1",
	    "b", q->key_hash, sizeof q->key_hash, "iiTib", &c.install_id, &c.machine_id, c.machine, sizeof c.machine,
	    &status, at_rest, (size_t)SECRET_AT_REST);
	*ret_found = r == 0;
	if (r)
		return r == -ENOENT ? 0 : r;
	c.status = (enum install_status)status;
	*ret = c;
	return 0;
}

static int good_certificate(struct db *db, const struct caller *c, const uint8_t key_hash[SHA256_BYTES], char **ret)
{
	int r = db_row(db,
	    "select pem from cert where install_id = $1 and key_hash = $2 and not_before / 2 + not_after / 2 > $3"
	    " order by not_after desc limit 1",
	    "ibi", c->install_id, key_hash, (size_t)SHA256_BYTES, clock_real_us(), "t", ret);
	return r == -ENOENT ? 0 : r;
}

/* The reply was lost, or the agent comes back to an enrolment that was superseded meanwhile. */
static int answer_again(struct db *db, struct enrolment *e, struct caller *c, const uint8_t auth_key[AUTH_KEY_BYTES],
    const uint8_t at_rest[SECRET_AT_REST], struct enrol_answer *a)
{
	int r = 0;
	if (c->status == INSTALL_SUPERSEDED)
		r = install_speaks_again(db, &e->ch, &e->q->call, c, e->q->inventory->host_name);
	if (r == 0)
		r = change_close(db, &e->ch, &e->q->call, c->machine_id);
	if (r)
		return r;
	if (c->status != INSTALL_VALID) {
		a->verdict = VERDICT_REVOKED;
		return 0;
	}
	memcpy(a->machine, c->machine, sizeof a->machine);
	r = secret_open(e->key, e->q->key_hash, at_rest, e->secret);
	if (r == 0)
		r = seal_answer(e->q, auth_key, e->secret, a);
	if (r == 0)
		r = good_certificate(db, c, e->q->key_hash, &a->certificate);
	if (r == 0)
		a->verdict = VERDICT_OK;
	return r;
}

static int insert_install(struct db *db, struct enrolment *e)
{
	uint8_t at_rest[SECRET_AT_REST];
	secret_seal(e->key, e->q->key_hash, e->secret, at_rest);
	int r = db_row(db,
	    "insert into install(machine_id, key_hash, install_id, token_id, secret, joined, status, successor, "
	    "changed_beat,"
	    " enrolled_at, enrolled_real, rev) values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11) returning id",
	    "ibbtbiiiiii", e->machine_id, e->q->key_hash, (size_t)SHA256_BYTES, e->q->install_id.b, (size_t)ID_BYTES,
	    e->q->token_id, at_rest, sizeof at_rest, (int64_t)e->match.joined, (int64_t)INSTALL_VALID, e->ch.beat,
	    e->ch.l.recorded_at, e->ch.l.real_at, e->ch.l.rev, "i", &e->install_id);
	return r ? r : hardware_replace(db, e->install_id, &e->q->hardware);
}

static int new_machine(struct db *db, struct enrolment *e)
{
	char uid[ID_TEXT];
	rnd_hex(uid, ID_BYTES);
	int r = machine_create(db, &e->ch.l, e->ch.desk, uid, e->ch.l.recorded_at, e->q->inventory->host_name,
	    e->token_node, &e->machine_id);
	if (r == 0)
		r = insert_install(db, e);
	if (r == 0)
		r = live_insert(db, e->machine_id, e->install_id);
	if (r == 0)
		r = clone_enrolled(db, &e->q->hardware, e->machine_id);
	return r;
}

/* The name and the token's node both place the machine: at most one fact of a kind in a commit. */
static int state_facts(struct db *db, struct enrolment *e)
{
	bool renamed = false;
	int r = machine_set_installed(db, &e->ch.l, e->machine_id, true, "reinstalled", NULL);
	if (r == 0 && e->token_node)
		r = db_exec(db, NULL, "insert into machine_token_node(machine_id, rev, node_id) values ($1, $2, $3)",
		    "iii", e->machine_id, e->ch.l.rev, e->token_node);
	if (r == 0)
		r = machine_rename(db, &e->ch.l, e->ch.desk, e->machine_id, e->q->inventory->host_name, &renamed);
	return r || renamed ? r : machine_place_again(db, &e->ch.l, e->ch.desk, e->machine_id);
}

static int join_machine(struct db *db, struct enrolment *e)
{
	e->machine_id = e->match.machine_id;
	int r = change_beat(db, &e->ch);
	if (r == 0)
		r = insert_install(db, e);
	if (r == 0)
		r = db_exec(db, NULL,
		    "update install set status = $2, successor = $3, changed_beat = $4 where id = $1 and status = $5",
		    "iiiii", e->match.install_id, (int64_t)INSTALL_SUPERSEDED, e->install_id, e->ch.beat,
		    (int64_t)INSTALL_VALID);
	if (r == 0)
		r = live_take_over(db, e->machine_id, e->install_id);
	if (r == 0)
		r = state_facts(db, e);
	return r;
}

static int write_decision(struct db *db, struct enrolment *e)
{
	struct detail d = DETAIL_INIT;
	uint8_t digest[HW_DIGEST_BYTES];
	hardware_digest(&e->q->hardware, digest);
	detail_hex(&d, "hardware", digest, sizeof digest);
	detail_int(&d, "hardware_values", (int64_t)e->q->hardware.n);
	detail_text(&d, "host_name", e->q->inventory->host_name);
	detail_hex(&d, "install_id", e->q->install_id.b, ID_BYTES);
	detail_int(&d, "installation", e->install_id);
	detail_int(&d, "last_seen_real_us", e->match.last_seen_real);
	detail_int(&d, "supersedes", e->match.install_id);
	detail_text(&d, "token", e->q->token_id);
	const struct decision decided = {e->machine_id, e->match.other_id, e->match.kind, e->match.apart};
	int r = decision_write(db, &e->ch, &decided, &d);
	detail_release(&d);
	if (r == 0) {
		e->ch.action = "machine.enrol";
		r = change_close(db, &e->ch, &e->q->call, e->machine_id);
	}
	return r;
}

static int enrol(struct db *db, struct enrolment *e, const uint8_t auth_key[AUTH_KEY_BYTES], struct enrol_answer *a)
{
	int r = token_use(db, e->q->token_id, &e->token_node);
	if (r)
		return r == -ENOENT ? 0 : r; /* the verdict stands: token */
	rnd_bytes(e->secret, sizeof e->secret);
	r = enrol_match(db, &e->q->hardware, &e->match);
	if (r == 0)
		r = change_open(db, &e->ch);
	if (r == 0)
		r = e->match.machine_id ? join_machine(db, e) : new_machine(db, e);
	if (r == 0)
		r = write_decision(db, e);
	if (r == 0)
		r = machine_uid(db, e->machine_id, a->machine);
	if (r == 0)
		r = seal_answer(e->q, auth_key, e->secret, a);
	if (r == 0)
		a->verdict = VERDICT_OK;
	return r;
}

int enrol_decide(
    struct desk *d, struct db *db, const struct store_key *k, const struct enrol_request *q, struct enrol_answer *ret)
{
	struct enrolment e = {.key = k, .q = q, .ch = CHANGE_INIT(d)};
	uint8_t auth_key[AUTH_KEY_BYTES], proof[PROOF_BYTES], at_rest[SECRET_AT_REST];
	struct caller c;
	bool found;
	free(ret->certificate);
	*ret = (struct enrol_answer){.verdict = VERDICT_TOKEN};
	int r = token_key(db, q->token_id, auth_key);
	if (r)
		return r == -ENOENT ? 0 : r;
	token_proof(auth_key, q->csr_sha256, &q->install_id, q->seal_key, proof);
	if (mem_equal_ct(proof, q->proof, sizeof proof)) {
		r = known_key(db, q, &c, at_rest, &found);
		if (r == 0)
			r = found ? answer_again(db, &e, &c, auth_key, at_rest, ret) : enrol(db, &e, auth_key, ret);
	}
	sodium_memzero(e.secret, sizeof e.secret);
	sodium_memzero(auth_key, sizeof auth_key);
	change_release(&e.ch);
	return r;
}

int enrol_finish(struct db *db, const uint8_t key_hash[SHA256_BYTES], const struct cert_info *c)
{
	int64_t install_id;
	int r = db_row(
	    db, "select id from install where key_hash = $1", "b", key_hash, (size_t)SHA256_BYTES, "i", &install_id);
	if (r)
		return r;
	return db_exec(db, NULL,
	    "insert into cert(serial, install_id, key_hash, not_before, not_after, pem) values ($1, $2, $3, $4, $5, $6)"
	    " on conflict(serial) do nothing",
	    "bibiit", c->serial, c->serial_n, install_id, key_hash, (size_t)SHA256_BYTES, c->not_before, c->not_after,
	    c->pem);
}

int machine_secret(struct db *db, const struct store_key *k, int64_t machine_id, uint8_t dst[SECRET_BYTES])
{
	uint8_t at_rest[SECRET_AT_REST], key_hash[SHA256_BYTES];
	int r = db_row(db,
	    "select i.key_hash, i.secret from machine_live l join install i on i.id = l.install_id where l.machine_id "
	    "= $1",
	    "i", machine_id, "bb", key_hash, sizeof key_hash, at_rest, sizeof at_rest);
	return r ? r : secret_open(k, key_hash, at_rest, dst);
}
