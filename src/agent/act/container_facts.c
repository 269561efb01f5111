#include "container.h"

#include <errno.h>
#include <sys/types.h>

void container_facts_release(struct container_facts *f)
{
	attributes_release(&f->attributes);
	buf_release(&f->memory);
}

/* ipc's primitives are used for their strictness; which fields there are is this file's affair alone. */
void container_put_item(struct buf *m, const struct quarantine_item *item)
{
	const struct detection *d = &item->detection;
	ipc_put_id(m, item->id);
	ipc_put_i64(m, item->taken_us);
	ipc_put_i64(m, item->size);
	ipc_put_u32(m, item->mode);
	ipc_put_u32(m, item->uid);
	ipc_put_u32(m, item->gid);
	ipc_put_i64(m, item->mtime_s);
	ipc_put_u32(m, item->mtime_ns);
	ipc_put_i64(m, item->links);
	ipc_put_text(m, d->engine);
	ipc_put_text(m, d->name);
	ipc_put_text(m, d->type);
	ipc_put_bytes(m, d->path.raw, d->path.n);
	ipc_put_text(m, d->path.display);
	ipc_put_bool(m, d->has_md5);
	ipc_put_fixed(m, d->md5, sizeof d->md5);
	ipc_put_fixed(m, d->sha256, sizeof d->sha256);
	ipc_put_u8(m, (uint8_t)d->device);
}

void container_get_item(struct ipc_reader *r, struct quarantine_item *ret)
{
	struct detection *d = &ret->detection;
	*ret = (struct quarantine_item){.id = ipc_get_id(r)};
	ret->taken_us = ipc_get_i64(r);
	ret->size = ipc_get_i64(r);
	ret->mode = ipc_get_u32(r);
	ret->uid = ipc_get_u32(r);
	ret->gid = ipc_get_u32(r);
	ret->mtime_s = ipc_get_i64(r);
	ret->mtime_ns = ipc_get_u32(r);
	ret->links = ipc_get_i64(r);
	d->engine = ipc_get_text(r, MAX_SHORT_TEXT);
	d->name = ipc_get_text(r, MAX_TEXT);
	d->type = ipc_get_text(r, MAX_SHORT_TEXT);
	d->path.form = PATH_BYTES;
	d->path.raw = ipc_get_bytes(r, MAX_PATH_BYTES, &d->path.n);
	d->path.display = ipc_get_text(r, MAX_DISPLAY);
	d->has_md5 = ipc_get_bool(r);
	ipc_get_fixed(r, d->md5, sizeof d->md5);
	d->has_sha256 = true;
	ipc_get_fixed(r, d->sha256, sizeof d->sha256);
	d->device = ipc_get_enum(r, DEVICE_MEMORY + 1);
	if (ret->size < 0)
		r->error = -EBADMSG;
}

void container_put_facts(struct buf *m, const struct container_facts *f)
{
	container_put_item(m, &f->item);
	ipc_put_i64(m, (int64_t)f->device);
	ipc_put_i64(m, (int64_t)f->inode);
	attributes_put(m, &f->attributes);
}

int container_get_facts(struct ipc_reader *r, struct container_facts *ret)
{
	container_get_item(r, &ret->item);
	ret->device = (uint64_t)ipc_get_i64(r);
	ret->inode = (uint64_t)ipc_get_i64(r);
	attributes_get(r, &ret->attributes);
	return ipc_end(r);
}
