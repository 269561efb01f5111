#include "machine.h"
#include "clock.h"
#include "machine_place.h"
#include "text.h"

#include <errno.h>
#include <string.h>

enum { NAME_FOLD = 4 * MAX_HOST_NAME + 1 };

static int insert_presence(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t from, int64_t to,
    bool installed, const char *reason)
{
	char clean[MAX_REASON + 1];
	text_nfc_any(clean, sizeof clean, reason);
	return db_exec(db, NULL,
	    "insert into presence_fact(machine_id, valid_from, valid_to, rev, installed, reason)"
	    " values ($1, $2, $3, $4, $5, $6)",
	    "iiiiit", machine_id, from, to, l->rev, (int64_t)installed, clean);
}

/* name: already in its stored form. */
static int insert_name(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t from, const char *name)
{
	char fold[NAME_FOLD];
	int r = text_fold(fold, sizeof fold, name);
	if (r)
		return r;
	return db_exec(db, NULL,
	    "insert into name_fact(machine_id, valid_from, valid_to, rev, name, name_fold) values ($1, $2, $3, $4, $5, "
	    "$6)",
	    "iiiitt", machine_id, from, TIME_END, l->rev, name, fold);
}

static int insert_token_node(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t node_id)
{
	return db_exec(db, NULL, "insert into machine_token_node(machine_id, rev, node_id) values ($1, $2, $3)", "iii",
	    machine_id, l->rev, node_id);
}

int machine_create(struct db *db, const struct ledger_entry *l, struct desk *desk, const char *uid, int64_t since,
    const char *name, int64_t token_node, int64_t *ret_id)
{
	char clean[MAX_HOST_NAME + 1];
	int64_t id;
	if (strlen(uid) != ID_TEXT - 1 || since < 0 || since > l->recorded_at)
		return -EINVAL;
	text_nfc_any(clean, sizeof clean, name);
	int r = db_row(db, "insert into machine(uid, rev) values ($1, $2) returning id", "ti", uid, l->rev, "i", &id);
	if (r == 0)
		r = insert_presence(db, l, id, since, TIME_END, true, "enrolled");
	if (r == 0)
		r = insert_name(db, l, id, since, clean);
	if (r == 0 && token_node != 0)
		r = insert_token_node(db, l, id, token_node);
	if (r == 0)
		r = machine_place_first(db, l, desk, id, since, clean, token_node);
	if (r == 0)
		*ret_id = id;
	return r;
}

int machine_rename(struct db *db, const struct ledger_entry *l, struct desk *desk, int64_t machine_id, const char *name,
    bool *ret_changed)
{
	char clean[MAX_HOST_NAME + 1], old[MAX_HOST_NAME + 1];
	text_nfc_any(clean, sizeof clean, name);
	int r = db_row(db,
	    "select name from name_fact where machine_id = $1 and valid_from <= $2 and $2 < valid_to"
	    " order by rev desc limit 1",
	    "ii", machine_id, l->recorded_at, "T", old, sizeof old);
	if (r && r != -ENOENT)
		return r;
	bool changed = r == -ENOENT || strcmp(old, clean) != 0;
	r = changed ? insert_name(db, l, machine_id, l->recorded_at, clean) : 0;
	if (r == 0 && changed)
		r = machine_place_again(db, l, desk, machine_id);
	if (r == 0 && ret_changed)
		*ret_changed = changed;
	return r;
}

int machine_set_installed(struct db *db, const struct ledger_entry *l, int64_t machine_id, bool installed,
    const char *reason, bool *ret_changed)
{
	int64_t now = 0;
	int r = db_row(db,
	    "select installed from presence_fact where machine_id = $1 and valid_from <= $2 and $2 < valid_to"
	    " order by rev desc limit 1",
	    "ii", machine_id, l->recorded_at, "i", &now);
	if (r && r != -ENOENT)
		return r;
	bool changed = r == -ENOENT || (now != 0) != installed;
	r = changed ? insert_presence(db, l, machine_id, l->recorded_at, TIME_END, installed, reason) : 0;
	if (r == 0 && ret_changed)
		*ret_changed = changed;
	return r;
}

int machine_state_presence(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t from, int64_t to,
    bool installed, const char *reason)
{
	if (from < 0 || from >= to || to > TIME_END)
		return -EINVAL;
	return insert_presence(db, l, machine_id, from, to, installed, reason);
}

int machine_set_token_node(
    struct db *db, const struct ledger_entry *l, struct desk *desk, int64_t machine_id, int64_t node_id)
{
	int r = insert_token_node(db, l, machine_id, node_id);
	return r ? r : machine_place_again(db, l, desk, machine_id);
}

int machine_find(struct db *db, const char *uid, int64_t *ret_id)
{
	return db_row(db, "select id from machine where uid = $1", "t", uid, "i", ret_id);
}
