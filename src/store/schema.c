#include "schema.h"

#include "clock.h"
#include "ids.h"
#include "ledger.h"
#include "migrations.h"
#include "rnd.h"
#include "str.h"

int schema_meta(struct db *db, const char *key, char *dst, size_t size)
{
	return db_row(db, "select value from meta where key=$1", "t", key, "T", dst, size);
}

static int set_meta(struct db *db, const char *key, const char *value)
{
	return db_exec(db, NULL,
	    "insert into meta(key, value) values ($1, $2) on conflict(key) do update set value=excluded.value", "tt",
	    key, value);
}

static int set_version(struct db *db, int version)
{
	char text[16];
	snprintf(text, sizeof text, "%d", version);
	return set_meta(db, "schema", text);
}

static int version(struct db *db, int *ret)
{
	char text[16];
	int64_t v;
	bool there = false;
	int r = db_has_table(db, "meta", &there);
	if (!r && !there)
		return -ENOENT;
	if (!r)
		r = schema_meta(db, "schema", text, sizeof text);
	if (!r)
		r = str_i64(text, 1, INT32_MAX, &v);
	if (!r)
		*ret = (int)v;
	return r;
}

/* One step in one transaction. 1: there may be more to do. */
static int migrate_one(struct db *db, const char *const *steps, int n)
{
	int v;
	int r = db_begin(db);
	if (r)
		return r;
	r = version(db, &v);
	if (!r && v > n)
		r = -EPROTO;
	if (r || v == n) {
		db_rollback(db);
		return r;
	}
	r = db_script(db, steps[v]);
	if (!r)
		r = set_version(db, v + 1);
	if (r) {
		db_rollback(db);
		return r;
	}
	r = db_commit(db);
	return r ? r : 1;
}

int schema_migrate(struct db *db, const char *const *steps, int n, struct err *e)
{
	int r;
	do
		r = migrate_one(db, steps, n);
	while (r == 1);
	if (r == -ENOENT)
		return err_set(e, r, "there is no store; create it first");
	if (r == -EPROTO)
		return err_set(e, r, "the store is newer than this program, which knows schema %d", n);
	return r ? err_set(e, r, "the schema cannot be brought up to date: %s", db_error(db)) : 0;
}

static int insert_province(struct db *db, const struct store_birth *birth)
{
	struct ledger_entry l;
	int64_t id = 0;
	int r = ledger_begin(db, &l);
	if (!r)
		r = db_row(db, "insert into node(kind, rev) values (1, $1) returning id", "i", l.rev, "i", &id);
	if (!r && id != NODE_PROVINCE)
		r = -EPROTO;
	if (!r)
		r = db_exec(db, NULL,
		    "insert into node_fact(node_id, valid_from, valid_to, rev, present, parent_id, code, name, "
		    "name_fold, "
		    "sort_order, document, document_day) values ($1, 0, $2, $3, 1, 0, '', $4, $5, 0, '', 0)",
		    "iiitt", id, TIME_END, l.rev, birth->province, birth->province_fold);
	if (!r)
		r = ledger_end(db, &l, &(struct ledger_who){"system", ""}, "store.create", "store", NODE_PROVINCE,
		    birth->simulation_us ? "{\"simulation\":true}" : "{\"simulation\":false}");
	return r;
}

static int give_birth(struct db *db, const struct store_birth *birth)
{
	bool there = false;
	int r = db_has_table(db, "meta", &there);
	if (!r && there)
		r = -EEXIST;
	for (int i = 0; i < migrations_n && !r; i++)
		r = db_script(db, migrations[i]);
	if (!r)
		r = set_version(db, migrations_n);
	char epoch[ID_TEXT];
	rnd_hex(epoch, ID_BYTES);
	if (!r)
		r = set_meta(db, "epoch", epoch);
	if (!r)
		r = set_meta(db, "province", birth->province);
	if (!r && birth->simulation_us) {
		clock_simulate(birth->simulation_us);
		r = db_exec(db, NULL, "insert into sim_clock(id, now_us) values (1, $1)", "i", birth->simulation_us);
	}
	return r ? r : insert_province(db, birth);
}

int schema_create(struct db *db, const struct store_birth *birth, struct err *e)
{
	int r = db_begin(db);
	if (r)
		return err_set(e, r, "%s", db_error(db));
	r = give_birth(db, birth);
	if (r)
		db_rollback(db);
	else
		r = db_commit(db);
	if (r == -EEXIST)
		return err_set(e, r, "there is a store already");
	return r ? err_set(e, r, "the store cannot be created: %s", db_error(db)) : 0;
}
