#include "sync_store.h"

#include "detail.h"
#include "rnd.h"

int store_new_epoch(struct db *db, const struct ledger_who *who, char ret_epoch[ID_TEXT])
{
	struct ledger_entry l;
	struct detail d = DETAIL_INIT;
	char epoch[ID_TEXT];
	rnd_hex(epoch, ID_BYTES);
	int r = ledger_begin(db, &l);
	if (r == 0)
		r = db_exec(db, NULL, "update meta set value = $1 where key = 'epoch'", "t", epoch);
	detail_text(&d, "epoch", epoch);
	const char *text = detail_close(&d);
	if (r == 0)
		r = text ? ledger_end(db, &l, who, "store.restored", "store", NODE_PROVINCE, text) : detail_error(&d);
	if (r == 0)
		memcpy(ret_epoch, epoch, sizeof epoch);
	detail_release(&d);
	return r;
}
