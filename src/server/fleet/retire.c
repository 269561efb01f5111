#include "identity.h"

#include "clock.h"
#include "day.h"
#include "identity_int.h"
#include "machine.h"

static int set_gone(struct db *db, const struct ledger_entry *l, int64_t machine_id, const char *reason)
{
	int r = machine_set_installed(db, l, machine_id, false, reason, NULL);
	if (r == 0)
		r = db_exec(db, NULL, "update machine_live set installed = 0 where machine_id = $1", "i", machine_id);
	return r;
}

int identity_goodbye(struct db *db, const struct agent_call *call, enum verdict *ret)
{
	struct change ch = CHANGE_INIT(NULL);
	struct caller c;
	int64_t installed = 0;
	*ret = VERDICT_REVOKED;
	int r = cert_caller(db, call->serial, call->serial_n, &c);
	if (r == 0 && c.status == INSTALL_VALID)
		r = db_row(
		    db, "select installed from machine_live where machine_id = $1", "i", c.machine_id, "i", &installed);
	else if (r == 0 || r == -ENOENT)
		return 0;
	if (r == 0 && installed)
		r = change_note(db, &ch, "machine.goodbye", NULL);
	if (r == 0 && installed)
		r = set_gone(db, &ch.l, c.machine_id, "removed");
	if (r == 0)
		r = change_close(db, &ch, call, c.machine_id);
	if (r == 0)
		*ret = VERDICT_OK;
	change_release(&ch);
	return r;
}

int identity_retire(
    struct db *db, const struct ledger_who *who, const struct scope *scope, const char *uid, const char *reason)
{
	struct machine_row m = {0};
	struct ledger_entry l;
	struct detail d = DETAIL_INIT;
	char object[64];
	int r = machine_get(db, scope, uid, &m);
	if (r)
		return r;
	if (!m.installed)
		goto out;
	detail_text(&d, "reason", reason);
	const char *text = detail_close(&d);
	snprintf(object, sizeof object, "machine:%s", uid);
	r = text ? ledger_begin(db, &l) : detail_error(&d);
	if (r == 0)
		r = set_gone(db, &l, m.machine_id, reason);
	if (r == 0)
		r = ledger_end(db, &l, who, "machine.retire", object, m.node_id, text);
out:
	detail_release(&d);
	machine_row_release(&m);
	return r;
}

enum { RETIRE_PAGE = 500 };

static int list_silent(struct db *db, int32_t days, int64_t limit, int64_t ids[RETIRE_PAGE], int64_t *ret_n)
{
	struct db_rows *rows;
	int64_t n = 0;
	int64_t before = day_first_us(day_of(clock_business_us()) - days);
	int r = db_query(db, &rows,
	    "select l.machine_id from machine_live l join install i on i.id = l.install_id"
	    " where l.installed = 1 and l.last_seen < $1 and i.enrolled_at < $1 order by l.machine_id limit $2",
	    "ii", before, limit < RETIRE_PAGE ? limit : RETIRE_PAGE);
	while (r == 0 && db_next(rows))
		ids[n++] = db_i64(rows, 0);
	int done = db_done(rows);
	*ret_n = n;
	return r ? r : done;
}

int identity_retire_silent(struct db *db, const struct ledger_who *who, int32_t days, int64_t limit, int64_t *ret_n)
{
	int64_t ids[RETIRE_PAGE], n;
	struct ledger_entry l;
	struct detail d = DETAIL_INIT;
	if (days < 1 || limit < 1)
		return -EINVAL;
	int r = list_silent(db, days, limit, ids, &n);
	if (r || n == 0)
		goto out;
	r = ledger_begin(db, &l);
	for (int64_t i = 0; i < n && r == 0; i++)
		r = set_gone(db, &l, ids[i], "silent");
	detail_int(&d, "days", days);
	detail_int(&d, "machines", n);
	const char *text = detail_close(&d);
	if (r == 0)
		r = text ? ledger_end(db, &l, who, "machine.retire-silent", "machines", NODE_PROVINCE, text)
		         : detail_error(&d);
out:
	if (r == 0)
		*ret_n = n;
	detail_release(&d);
	return r;
}
