#include "ipc_model.h"

#include <errno.h>

void ipc_put_hardware(struct buf *m, const struct hardware *h)
{
	ipc_put_u8(m, (uint8_t)h->n);
	for (size_t i = 0; i < h->n; i++) {
		ipc_put_u8(m, (uint8_t)h->v[i].kind);
		ipc_put_id(m, h->v[i].digest);
	}
}

void ipc_get_hardware(struct ipc_reader *r, struct hardware *ret)
{
	*ret = (struct hardware){0};
	size_t n = ipc_get_enum(r, MAX_HW_VALUES + 1);
	for (size_t i = 0; i < n; i++) {
		ret->v[i].kind = ipc_get_enum(r, HW_KIND_END);
		ret->v[i].digest = ipc_get_id(r);
		if (!ret->v[i].kind)
			r->error = -EBADMSG;
	}
	ret->n = r->error ? 0 : n;
	hw_normalize(ret);
}

static void put_inventory(struct buf *m, const struct inventory *v)
{
	ipc_put_text(m, v->host_name);
	ipc_put_text(m, v->domain);
	ipc_put_text(m, v->directory_path);
	ipc_put_text(m, v->os_name);
	ipc_put_text(m, v->os_kind);
	ipc_put_text(m, v->kernel);
	ipc_put_text(m, v->agent_version);
	ipc_put_u8(m, (uint8_t)v->n_addresses);
	for (size_t i = 0; i < v->n_addresses; i++)
		ipc_put_text(m, v->addresses[i]);
	ipc_put_i64(m, v->patches_pending);
	ipc_put_i64(m, v->security_patches_pending);
	ipc_put_u8(m, (uint8_t)v->firewall);
	ipc_put_u8(m, (uint8_t)v->restart_needed);
	ipc_put_i64(m, v->memory_bytes);
	ipc_put_i64(m, v->cpus);
}

static int32_t get_count(struct ipc_reader *r, int32_t min)
{
	int64_t v = ipc_get_i64(r);
	if (v < min || v > INT32_MAX)
		r->error = -EBADMSG;
	return r->error ? 0 : (int32_t)v;
}

static void get_inventory(struct ipc_reader *r, struct inventory *v)
{
	v->host_name = ipc_get_text(r, MAX_TEXT);
	v->domain = ipc_get_text(r, MAX_TEXT);
	v->directory_path = ipc_get_text(r, MAX_TEXT);
	v->os_name = ipc_get_text(r, MAX_TEXT);
	v->os_kind = ipc_get_text(r, MAX_TEXT);
	v->kernel = ipc_get_text(r, MAX_TEXT);
	v->agent_version = ipc_get_text(r, MAX_TEXT);
	v->n_addresses = ipc_get_enum(r, MAX_ADDRESSES + 1);
	for (size_t i = 0; i < v->n_addresses; i++)
		v->addresses[i] = ipc_get_text(r, MAX_TEXT);
	v->patches_pending = get_count(r, -1);
	v->security_patches_pending = get_count(r, -1);
	v->firewall = ipc_get_enum(r, TRI_YES + 1);
	v->restart_needed = ipc_get_enum(r, TRI_YES + 1);
	v->memory_bytes = ipc_get_i64(r);
	v->cpus = get_count(r, 0);
}

void ipc_put_state(struct buf *m, const struct agent_state *s)
{
	put_inventory(m, &s->inventory);
	ipc_put_bool(m, s->engine_ready);
	ipc_put_u8(m, (uint8_t)s->n_providers);
	for (size_t i = 0; i < s->n_providers; i++) {
		const struct provider *p = &s->providers[i];
		ipc_put_text(m, p->name);
		ipc_put_u8(m, (uint8_t)p->on);
		ipc_put_u8(m, (uint8_t)p->on_access);
		ipc_put_i64(m, p->signature_day);
		ipc_put_bool(m, p->ours);
		ipc_put_text(m, p->note);
	}
	ipc_put_text(m, s->problems);
}

void ipc_get_state(struct ipc_reader *r, struct agent_state *ret)
{
	*ret = (struct agent_state){0};
	get_inventory(r, &ret->inventory);
	ret->engine_ready = ipc_get_bool(r);
	ret->n_providers = ipc_get_enum(r, MAX_PROVIDERS + 1);
	for (size_t i = 0; i < ret->n_providers; i++) {
		struct provider *p = &ret->providers[i];
		p->name = ipc_get_text(r, MAX_TEXT);
		p->on = ipc_get_enum(r, TRI_YES + 1);
		p->on_access = ipc_get_enum(r, TRI_YES + 1);
		p->signature_day = get_count(r, 0);
		p->ours = ipc_get_bool(r);
		p->note = ipc_get_text(r, MAX_TEXT);
	}
	ret->problems = ipc_get_text(r, MAX_PROBLEMS);
}

void ipc_put_detection(struct buf *m, const struct detection *d)
{
	ipc_put_text(m, d->engine);
	ipc_put_text(m, d->name);
	ipc_put_text(m, d->type);
	ipc_put_u8(m, (uint8_t)d->path.form);
	ipc_put_bytes(m, d->path.raw, d->path.n);
	ipc_put_text(m, d->path.display);
	ipc_put_bool(m, d->has_md5);
	ipc_put_fixed(m, d->md5, sizeof d->md5);
	ipc_put_bool(m, d->has_sha256);
	ipc_put_fixed(m, d->sha256, sizeof d->sha256);
	ipc_put_u8(m, (uint8_t)d->device);
	ipc_put_u8(m, (uint8_t)d->action);
}

void ipc_get_detection(struct ipc_reader *r, struct detection *ret)
{
	*ret = (struct detection){0};
	ret->engine = ipc_get_text(r, MAX_SHORT_TEXT);
	ret->name = ipc_get_text(r, MAX_TEXT);
	ret->type = ipc_get_text(r, MAX_SHORT_TEXT);
	ret->path.form = ipc_get_enum(r, PATH_UTF16 + 1);
	ret->path.raw = ipc_get_bytes(r, MAX_PATH_BYTES, &ret->path.n);
	ret->path.display = ipc_get_text(r, MAX_DISPLAY);
	ret->has_md5 = ipc_get_bool(r);
	ipc_get_fixed(r, ret->md5, sizeof ret->md5);
	ret->has_sha256 = ipc_get_bool(r);
	ipc_get_fixed(r, ret->sha256, sizeof ret->sha256);
	ret->device = ipc_get_enum(r, DEVICE_MEMORY + 1);
	ret->action = ipc_get_enum(r, ACTION_FAILED + 1);
	if (!ret->path.form)
		r->error = -EBADMSG;
}

void ipc_put_event(struct buf *m, const struct event *e)
{
	ipc_put_u8(m, (uint8_t)e->kind);
	ipc_put_fixed(m, e->id, sizeof e->id);
	ipc_put_i64(m, e->at_us);
	if (e->kind == EVENT_DETECTION) {
		ipc_put_detection(m, &e->detection);
		return;
	}
	ipc_put_i64(m, e->task_id);
	ipc_put_bool(m, e->task_ok);
	ipc_put_text(m, e->body);
}

void ipc_get_event(struct ipc_reader *r, struct event *ret)
{
	*ret = (struct event){0};
	ret->kind = ipc_get_enum(r, EVENT_STARTED + 1); /* the centre alone writes events-missing */
	ipc_get_fixed(r, ret->id, sizeof ret->id);
	ret->at_us = ipc_get_i64(r);
	if (ret->kind == EVENT_DETECTION) {
		ipc_get_detection(r, &ret->detection);
		return;
	}
	ret->task_id = ipc_get_i64(r);
	ret->task_ok = ipc_get_bool(r);
	ret->body = ipc_get_text(r, MAX_EVENT_BODY);
	if (!ret->kind)
		r->error = -EBADMSG;
}
