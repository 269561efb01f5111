#include "ipc_quarantine.h"
#include "ipc_model.h"

void ipc_put_quarantine_item(struct buf *m, const struct quarantine_item *v)
{
	ipc_put_id(m, v->id);
	ipc_put_bool(m, v->damaged);
	ipc_put_i64(m, v->stored_bytes);
	ipc_put_i64(m, v->taken_us);
	ipc_put_i64(m, v->size);
	ipc_put_u32(m, v->mode);
	ipc_put_u32(m, v->uid);
	ipc_put_u32(m, v->gid);
	ipc_put_i64(m, v->mtime_s);
	ipc_put_u32(m, v->mtime_ns);
	ipc_put_i64(m, v->links);
	ipc_put_detection(m, &v->detection);
}

void ipc_get_quarantine_item(struct ipc_reader *r, struct quarantine_item *ret)
{
	*ret = (struct quarantine_item){.id = ipc_get_id(r)};
	ret->damaged = ipc_get_bool(r);
	ret->stored_bytes = ipc_get_i64(r);
	ret->taken_us = ipc_get_i64(r);
	ret->size = ipc_get_i64(r);
	ret->mode = ipc_get_u32(r);
	ret->uid = ipc_get_u32(r);
	ret->gid = ipc_get_u32(r);
	ret->mtime_s = ipc_get_i64(r);
	ret->mtime_ns = ipc_get_u32(r);
	ret->links = ipc_get_i64(r);
	ipc_get_detection(r, &ret->detection);
}

void ipc_put_allow_item(struct buf *m, const struct allow_item *v)
{
	ipc_put_fixed(m, v->sha256, sizeof v->sha256);
	ipc_put_i64(m, v->until_us);
	ipc_put_i64(m, v->added_us);
	ipc_put_text(m, v->who);
	ipc_put_text(m, v->reason);
}

void ipc_get_allow_item(struct ipc_reader *r, struct allow_item *ret)
{
	*ret = (struct allow_item){0};
	ipc_get_fixed(r, ret->sha256, sizeof ret->sha256);
	ret->until_us = ipc_get_i64(r);
	ret->added_us = ipc_get_i64(r);
	ret->who = ipc_get_text(r, MAX_TEXT);
	ret->reason = ipc_get_text(r, MAX_TEXT);
}
