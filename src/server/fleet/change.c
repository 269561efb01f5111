#include "change.h"

#include "identity_int.h"

#include <errno.h>

int change_open(struct db *db, struct change *ch)
{
	if (ch->open)
		return 0;
	int r = ledger_begin(db, &ch->l);
	if (r == 0)
		ch->open = true;
	return r;
}

int change_beat(struct db *db, struct change *ch)
{
	int r = change_open(db, ch);
	if (r || ch->beaten)
		return r;
	r = store_beat(db);
	if (r == 0)
		r = pulse_now(db, &ch->beat);
	if (r == 0)
		ch->beaten = true;
	return r;
}

int change_note(struct db *db, struct change *ch, const char *action, struct detail *evidence)
{
	int r = change_open(db, ch);
	if (r)
		return r;
	if (!ch->action)
		ch->action = action;
	const char *text = evidence ? detail_close(evidence) : "{}";
	if (!text)
		return detail_error(evidence);
	return buf_addf(&ch->notes, "%s{\"evidence\":%s,\"what\":\"%s\"}", ch->notes.n ? "," : "", text, action);
}

int change_close(struct db *db, struct change *ch, const struct agent_call *c, int64_t machine_id)
{
	char uid[ID_TEXT], actor[64], object[64];
	int64_t node_id;
	if (!ch->open)
		return 0;
	if (!ch->action)
		return -EPROTO;
	int r = machine_uid(db, machine_id, uid);
	if (r == 0)
		r = machine_node(db, machine_id, &node_id);
	if (r)
		return r;
	snprintf(actor, sizeof actor, "machine:%s", uid);
	snprintf(object, sizeof object, "machine:%s", uid);
	struct detail d = DETAIL_INIT;
	struct buf list = BUF_INIT(MAX_DETAIL);
	buf_addf(&list, "[%s]", buf_str(&ch->notes));
	detail_text(&d, "address", c->address);
	detail_raw(&d, "changes", buf_str(&list));
	const char *text = detail_close(&d);
	r = list.error ? list.error : text ? 0 : detail_error(&d);
	const struct ledger_who who = {actor, c->request};
	if (r == 0)
		r = ledger_end(db, &ch->l, &who, ch->action, object, node_id, text);
	buf_release(&list);
	detail_release(&d);
	return r;
}

void change_release(struct change *ch)
{
	buf_release(&ch->notes);
}
