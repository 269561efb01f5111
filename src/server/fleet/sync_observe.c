/* What a sync shows of its machine. */
#include "sync_int.h"

#include "clock.h"
#include "day.h"
#include "machine.h"
#include "text.h"

static bool same_id(const id16 *a, const id16 *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* Once a day: what "active" rests on. */
static int observe_day(struct sync_job *j)
{
	int64_t now = clock_business_us();
	int32_t day = day_of(now);
	if (j->was.heard_day == day)
		return 0;
	j->now.heard_day = day;
	return db_exec(j->db, NULL,
	    "insert into heard_day(machine_id, day, first_at) values ($1, $2, $3) on conflict(machine_id, day) do "
	    "nothing",
	    "iii", j->caller.machine_id, (int64_t)day, now);
}

/* Whoever speaks is there, whatever was said about it. */
static int observe_presence(struct sync_job *j)
{
	bool changed;
	if (j->was.installed)
		return 0;
	int r = change_note(j->db, &j->ch, "machine.heard-again", NULL);
	return r ? r : machine_set_installed(j->db, &j->ch.l, j->caller.machine_id, true, "heard again", &changed);
}

static int observe_name(struct sync_job *j)
{
	const char *said = j->up->state->inventory.host_name;
	char clean[MAX_HOST_NAME + 1], old[MAX_HOST_NAME + 1];
	text_nfc_any(clean, sizeof clean, said);
	int r = machine_name(j->db, j->caller.machine_id, old, sizeof old);
	if (r || strcmp(clean, old) == 0)
		return r;
	struct detail d = DETAIL_INIT;
	detail_text(&d, "from", old);
	detail_text(&d, "to", clean);
	r = change_note(j->db, &j->ch, "machine.rename", &d);
	if (r == 0)
		r = machine_rename(j->db, &j->ch.l, j->desk, j->caller.machine_id, said, NULL);
	detail_release(&d);
	return r;
}

struct protection_row {
	int64_t engine_ready, on_access, signature_day, other_on, other_signature_day;
};

/* Of other vendors' products the one that is on, and of those the one with the newest signatures. */
static struct protection_row summarize(const struct agent_state *s)
{
	struct protection_row p = {.engine_ready = s->engine_ready};
	for (size_t i = 0; i < s->n_providers; i++) {
		const struct provider *v = &s->providers[i];
		if (v->ours) {
			p.on_access = v->on_access;
			p.signature_day = v->signature_day;
		} else if (v->on == TRI_YES && (p.other_on != TRI_YES || v->signature_day > p.other_signature_day)) {
			p.other_on = TRI_YES;
			p.other_signature_day = v->signature_day;
		} else if (p.other_on == TRI_UNKNOWN) {
			p.other_on = v->on;
		}
	}
	return p;
}

static int observe_protection(struct sync_job *j)
{
	const struct agent_state *s = j->up->state;
	const struct protection_row p = summarize(s);
	struct protection_row old;
	char *problems = NULL;
	int r = db_row(j->db,
	    "select engine_ready, on_access, signature_day, other_on, other_signature_day, problems from "
	    "protection_seen"
	    " where machine_id = $1 order by at desc limit 1",
	    "i", j->caller.machine_id, "iiiiit", &old.engine_ready, &old.on_access, &old.signature_day, &old.other_on,
	    &old.other_signature_day, &problems);
	bool same = r == 0 && memcmp(&p, &old, sizeof p) == 0 && strcmp(problems, s->problems) == 0;
	free(problems);
	if (same || (r && r != -ENOENT))
		return r;
	return db_exec(j->db, NULL,
	    "insert into protection_seen(machine_id, at, engine_ready, on_access, signature_day, other_on, "
	    "other_signature_day,"
	    " problems) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict(machine_id, at) do update set"
	    " engine_ready = excluded.engine_ready, on_access = excluded.on_access, signature_day = "
	    "excluded.signature_day,"
	    " other_on = excluded.other_on, other_signature_day = excluded.other_signature_day, problems = "
	    "excluded.problems",
	    "iiiiiiit", j->caller.machine_id, clock_business_us(), p.engine_ready, p.on_access, p.signature_day,
	    p.other_on, p.other_signature_day, s->problems);
}

static int observe_state(struct sync_job *j)
{
	const struct sync_up *up = j->up;
	bool same = same_id(&up->state_hash, &j->was.state_hash);
	if (!up->state || !up->state_text) {
		if (!same || j->other_epoch)
			j->ret->down.need |= NEED_STATE;
		return 0;
	}
	if (same)
		return 0;
	j->now.state_hash = up->state_hash;
	int r = db_exec(j->db, NULL,
	    "insert into machine_state(machine_id, received_at, state) values ($1, $2, $3)"
	    " on conflict(machine_id) do update set received_at = excluded.received_at, state = excluded.state",
	    "iit", j->caller.machine_id, clock_business_us(), up->state_text);
	if (r == 0)
		r = observe_name(j);
	return r ? r : observe_protection(j);
}

static bool same_hardware(const struct hardware *a, const struct hardware *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++)
		same = a->v[i].kind == b->v[i].kind && same_id(&a->v[i].digest, &b->v[i].digest);
	return same;
}

static int new_hardware(struct sync_job *j)
{
	uint8_t old[HW_DIGEST_BYTES], new[HW_DIGEST_BYTES];
	struct detail d = DETAIL_INIT;
	hardware_digest(&j->stored, old);
	hardware_digest(j->up->hardware, new);
	detail_text(&d, "compared", hw_match_name(j->hw));
	detail_hex(&d, "from", old, sizeof old);
	detail_hex(&d, "to", new, sizeof new);
	detail_int(&d, "values", (int64_t)j->up->hardware->n);
	int r = decision_write(
	    j->db, &j->ch, &(struct decision){j->caller.machine_id, 0, "hardware-changed", APART_NOT}, &d);
	if (r == 0)
		r = hardware_replace(j->db, j->caller.install_id, j->up->hardware);
	detail_release(&d);
	return r;
}

static int observe_hardware(struct sync_job *j)
{
	const struct sync_up *up = j->up;
	bool same = same_id(&up->hardware_hash, &j->was.hw_hash);
	if (!up->hardware) {
		if (!same || j->other_epoch)
			j->ret->down.need |= NEED_HARDWARE;
		return 0;
	}
	if (same)
		return 0;
	j->now.hw_hash = up->hardware_hash;
	return same_hardware(&j->stored, up->hardware) ? 0 : new_hardware(j);
}

int sync_observe(struct sync_job *j)
{
	int r = observe_day(j);
	if (r == 0)
		r = observe_presence(j);
	if (r == 0)
		r = observe_hardware(j);
	return r ? r : observe_state(j);
}
