#include "cert.h"

#include "clock.h"
#include "identity_int.h"
#include "machine.h"
#include "str.h"

#include <stdlib.h>

int cert_caller(struct db *db, const uint8_t *serial, size_t n, struct caller *ret)
{
	struct caller c;
	int64_t status;
	int r = db_row(db,
	    "select c.install_id, i.machine_id, m.uid, i.status, c.key_hash, c.not_after, i.install_id"
	    " from cert c join install i on i.id = c.install_id join machine m on m.id = i.machine_id where c.serial = "
	    "$1",
	    "b", serial, n, "iiTibib", &c.install_id, &c.machine_id, c.machine, sizeof c.machine, &status, c.key_hash,
	    sizeof c.key_hash, &c.not_after, c.agent_install_id.b, (size_t)ID_BYTES);
	c.status = (enum install_status)status;
	if (r == 0)
		*ret = c;
	return r;
}

static int revoke(
    struct db *db, const struct ledger_who *who, const struct machine_row *m, int64_t install_id, const char *reason)
{
	struct change ch = CHANGE_INIT(NULL);
	struct detail d = DETAIL_INIT;
	char object[64];
	int r = change_beat(db, &ch);
	if (r == 0)
		r = db_exec(db, NULL, "update install set status = $2, changed_beat = $3 where id = $1", "iii",
		    install_id, (int64_t)INSTALL_REVOKED, ch.beat);
	detail_text(&d, "reason", reason);
	const char *text = detail_close(&d);
	snprintf(object, sizeof object, "machine:%s", m->uid);
	if (r == 0)
		r = text ? ledger_end(db, &ch.l, who, "machine.revoke", object, m->node_id, text) : detail_error(&d);
	detail_release(&d);
	change_release(&ch);
	return r;
}

int cert_revoke(
    struct db *db, const struct ledger_who *who, const struct scope *scope, const char *uid, const char *reason)
{
	struct machine_row m = {0};
	int64_t install_id, status;
	int r = machine_get(db, scope, uid, &m);
	if (r)
		return r;
	r = db_row(db,
	    "select i.id, i.status from machine_live l join install i on i.id = l.install_id where l.machine_id = $1",
	    "i", m.machine_id, "ii", &install_id, &status);
	if (r == 0 && status == INSTALL_VALID)
		r = revoke(db, who, &m, install_id, reason);
	machine_row_release(&m);
	return r;
}

int cert_changed_since(
    struct db *db, int64_t beat, int (*fn)(void *arg, const uint8_t key_hash[SHA256_BYTES]), void *arg)
{
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select distinct c.key_hash from install i join cert c on c.install_id = i.id where i.changed_beat > $1",
	    "i", beat);
	while (r == 0 && db_next(rows)) {
		size_t n;
		const uint8_t *p = db_blob(rows, 0, &n);
		if (n == SHA256_BYTES)
			r = fn(arg, p);
	}
	int done = db_done(rows);
	return r ? r : done;
}

static int tell(struct db_rows *rows, int64_t live_install, int (*fn)(void *arg, const struct cert_row *c), void *arg)
{
	char serial[2 * SERIAL_MAX + 1];
	size_t n;
	const void *p = db_blob(rows, 0, &n);
	if (n > SERIAL_MAX)
		return -EBADMSG;
	hex_encode(serial, p, n);
	struct cert_row row = {
	    .serial = serial,
	    .not_before = db_i64(rows, 1),
	    .not_after = db_i64(rows, 2),
	    .status = (enum install_status)db_i64(rows, 3),
	    .current = db_i64(rows, 4) == live_install,
	};
	return fn(arg, &row);
}

int cert_list(struct db *db, const struct scope *scope, const char *uid, int (*fn)(void *arg, const struct cert_row *c),
    void *arg)
{
	struct machine_row m = {0};
	struct db_rows *rows = NULL;
	int64_t live = 0;
	int r = machine_get(db, scope, uid, &m);
	if (r)
		return r;
	r = db_row(db, "select install_id from machine_live where machine_id = $1", "i", m.machine_id, "i", &live);
	if (r == 0 || r == -ENOENT)
		r = db_query(db, &rows,
		    "select c.serial, c.not_before, c.not_after, i.status, i.id from install i join cert c on "
		    "c.install_id = i.id"
		    " where i.machine_id = $1 order by c.not_before desc, c.serial",
		    "i", m.machine_id);
	while (r == 0 && db_next(rows))
		r = tell(rows, live, fn, arg);
	int done = db_done(rows);
	machine_row_release(&m);
	return r ? r : done;
}
