#include "identity_int.h"

#include "moment.h"

#include <sodium.h>

int pulse_now(struct db *db, int64_t *ret)
{
	return db_row(db, "select n from pulse where id = 1", "", "i", ret);
}

int machine_uid(struct db *db, int64_t machine_id, char ret[ID_TEXT])
{
	return db_row(db, "select uid from machine where id = $1", "i", machine_id, "T", ret, (size_t)ID_TEXT);
}

int machine_node(struct db *db, int64_t machine_id, int64_t *ret)
{
	struct as_of now;
	int r = moment_now(db, &now);
	if (r)
		return r;
	*ret = NODE_PROVINCE;
	r = db_row(db,
	    "select node_id from place_fact where machine_id = $1 and valid_from <= $2 and $2 < valid_to order by rev "
	    "desc limit 1",
	    "ii", machine_id, now.at, "i", ret);
	return r == -ENOENT ? 0 : r;
}

int machine_name(struct db *db, int64_t machine_id, char *dst, size_t size)
{
	struct as_of now;
	int r = moment_now(db, &now);
	if (r)
		return r;
	dst[0] = 0;
	r = db_row(db,
	    "select name from name_fact where machine_id = $1 and valid_from <= $2 and $2 < valid_to order by rev desc "
	    "limit 1",
	    "ii", machine_id, now.at, "T", dst, size);
	return r == -ENOENT ? 0 : r;
}

int hardware_load(struct db *db, int64_t install_id, struct hardware *ret)
{
	struct db_rows *rows;
	struct hardware h = {0};
	int r = db_query(db, &rows, "select kind, digest from install_hw where install_id = $1 order by kind, digest",
	    "i", install_id);
	if (r)
		return r;
	while (db_next(rows) && h.n < MAX_HW_VALUES) {
		size_t n;
		const void *p = db_blob(rows, 1, &n);
		struct hw_value v = {.kind = (enum hw_kind)db_i64(rows, 0)};
		if (n != ID_BYTES)
			continue;
		memcpy(v.digest.b, p, ID_BYTES);
		h.v[h.n++] = v;
	}
	r = db_done(rows);
	if (r == 0)
		*ret = h;
	return r;
}

int hardware_replace(struct db *db, int64_t install_id, const struct hardware *h)
{
	int r = db_exec(db, NULL, "delete from install_hw where install_id = $1", "i", install_id);
	for (size_t i = 0; i < h->n && r == 0; i++)
		r = db_exec(db, NULL, "insert into install_hw(install_id, kind, digest) values ($1, $2, $3)", "iib",
		    install_id, (int64_t)h->v[i].kind, h->v[i].digest.b, (size_t)ID_BYTES);
	return r;
}

/* The installation's machine-id is not of the metal. */
void hardware_digest(const struct hardware *h, uint8_t dst[HW_DIGEST_BYTES])
{
	crypto_generichash_state s;
	crypto_generichash_init(&s, NULL, 0, HW_DIGEST_BYTES);
	for (size_t i = 0; i < h->n; i++) {
		uint8_t kind = (uint8_t)h->v[i].kind;
		if (h->v[i].kind == HW_MACHINE_ID)
			continue;
		crypto_generichash_update(&s, &kind, 1);
		crypto_generichash_update(&s, h->v[i].digest.b, ID_BYTES);
	}
	crypto_generichash_final(&s, dst, HW_DIGEST_BYTES);
}

const char *hw_match_name(enum hw_match m)
{
	static const char *const names[] = {
	    [HW_UNKNOWN] = "unknown", [HW_DIFFERENT] = "different", [HW_PARTLY] = "partly", [HW_SAME] = "same"};
	return names[m];
}

int decision_write(struct db *db, struct change *ch, const struct decision *d, struct detail *evidence)
{
	int r = change_note(db, ch, d->kind, evidence);
	if (r)
		return r;
	return db_exec(db, NULL,
	    "insert into identity_decision(rev, machine_id, other_id, kind, apart, detail) values ($1, $2, $3, $4, $5, "
	    "$6)",
	    "iiitit", ch->l.rev, d->machine_id, d->other_id, d->kind, (int64_t)d->apart,
	    evidence ? buf_str(&evidence->b) : "{}");
}

int apart_of(struct db *db, int64_t machine_id, enum apart *ret)
{
	int64_t level;
	int r = db_row(db,
	    "select max(apart) from ("
	    "select apart from identity_decision where machine_id = $1 union all "
	    "select apart from identity_decision where other_id = $1) d",
	    "i", machine_id, "i", &level);
	if (r == 0)
		*ret = (enum apart)level;
	return r;
}

int clone_insert(struct db *db, const struct change *ch, const struct clone_seen *c)
{
	return db_exec(db, NULL,
	    "insert into clone(machine_id, install_id, branch, hw, address, state, seen_at, rev, enrolled_as)"
	    " values ($1, $2, $3, $4, $5, $6, $7, $8, 0)",
	    "iibbttii", c->machine_id, c->install_id, c->branch.b, (size_t)ID_BYTES, c->hw, (size_t)HW_DIGEST_BYTES,
	    c->address, c->state, ch->l.recorded_at, ch->l.rev);
}

int clone_enrolled(struct db *db, const struct hardware *h, int64_t machine_id)
{
	uint8_t digest[HW_DIGEST_BYTES];
	hardware_digest(h, digest);
	return db_exec(db, NULL,
	    "update clone set enrolled_as = $2 where id = (select min(id) from clone where hw = $1 and enrolled_as = "
	    "0)",
	    "bi", digest, sizeof digest, machine_id);
}
