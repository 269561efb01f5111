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

static void put_path(struct buf *m, const struct os_path *p)
{
	ipc_put_u8(m, (uint8_t)p->form);
	ipc_put_bytes(m, p->raw, p->n);
	ipc_put_text(m, p->display);
}

static void get_path(struct ipc_reader *r, struct os_path *ret)
{
	ret->form = ipc_get_enum(r, PATH_UTF16 + 1);
	ret->raw = ipc_get_bytes(r, MAX_PATH_BYTES, &ret->n);
	ret->display = ipc_get_text(r, MAX_DISPLAY);
	if (!ret->form)
		r->error = -EBADMSG;
}

/* An enum that has no value 0. */
static unsigned get_kind(struct ipc_reader *r, unsigned end)
{
	unsigned v = ipc_get_enum(r, end);
	if (!v)
		r->error = -EBADMSG;
	return v;
}

/* A number that counts something. */
static int64_t get_amount(struct ipc_reader *r)
{
	int64_t v = ipc_get_i64(r);
	if (v < 0)
		r->error = -EBADMSG;
	return r->error ? 0 : v;
}

void ipc_put_detection(struct buf *m, const struct detection *d)
{
	ipc_put_text(m, d->engine);
	ipc_put_text(m, d->name);
	ipc_put_text(m, d->type);
	put_path(m, &d->path);
	ipc_put_bool(m, d->has_md5);
	ipc_put_fixed(m, d->md5, sizeof d->md5);
	ipc_put_bool(m, d->has_sha256);
	ipc_put_fixed(m, d->sha256, sizeof d->sha256);
	ipc_put_u8(m, (uint8_t)d->device);
	ipc_put_u8(m, (uint8_t)d->action);
	ipc_put_bool(m, d->has_item);
	ipc_put_id(m, d->item);
}

void ipc_get_detection(struct ipc_reader *r, struct detection *ret)
{
	*ret = (struct detection){0};
	ret->engine = ipc_get_text(r, MAX_SHORT_TEXT);
	ret->name = ipc_get_text(r, MAX_TEXT);
	ret->type = ipc_get_text(r, MAX_SHORT_TEXT);
	get_path(r, &ret->path);
	ret->has_md5 = ipc_get_bool(r);
	ipc_get_fixed(r, ret->md5, sizeof ret->md5);
	ret->has_sha256 = ipc_get_bool(r);
	ipc_get_fixed(r, ret->sha256, sizeof ret->sha256);
	ret->device = ipc_get_enum(r, DEVICE_MEMORY + 1);
	ret->action = ipc_get_enum(r, ACTION_FAILED + 1);
	ret->has_item = ipc_get_bool(r);
	ret->item = ipc_get_id(r);
}

static void put_scan_args(struct buf *m, const struct task_scan *s)
{
	ipc_put_u8(m, (uint8_t)s->extent);
	ipc_put_u8(m, (uint8_t)s->n_paths);
	for (size_t i = 0; i < s->n_paths; i++)
		ipc_put_text(m, s->paths[i]);
}

static void get_scan_args(struct ipc_reader *r, struct task_scan *ret)
{
	ret->extent = get_kind(r, SCAN_EXTENT_END);
	ret->n_paths = ipc_get_enum(r, MAX_SCAN_PATHS + 1);
	for (size_t i = 0; i < ret->n_paths; i++)
		ret->paths[i] = ipc_get_text(r, MAX_SCAN_PATH);
}

static void put_quarantine_args(struct buf *m, const struct task_quarantine *q)
{
	ipc_put_bool(m, q->by_item);
	ipc_put_id(m, q->item);
	ipc_put_fixed(m, q->sha256, sizeof q->sha256);
}

static void get_quarantine_args(struct ipc_reader *r, struct task_quarantine *ret)
{
	ret->by_item = ipc_get_bool(r);
	ret->item = ipc_get_id(r);
	ipc_get_fixed(r, ret->sha256, sizeof ret->sha256);
}

void ipc_put_task_args(struct buf *m, enum task_kind k, const struct task_args *a)
{
	if (task_takes(k) == TASK_TAKES_SCAN)
		put_scan_args(m, &a->scan);
	else if (task_takes(k) == TASK_TAKES_QUARANTINE)
		put_quarantine_args(m, &a->quarantine);
}

void ipc_get_task_args(struct ipc_reader *r, enum task_kind k, struct task_args *ret)
{
	*ret = (struct task_args){0};
	if (task_takes(k) == TASK_TAKES_SCAN)
		get_scan_args(r, &ret->scan);
	else if (task_takes(k) == TASK_TAKES_QUARANTINE)
		get_quarantine_args(r, &ret->quarantine);
}

void ipc_put_quarantine(struct buf *m, const struct quarantine_event *q)
{
	ipc_put_u8(m, (uint8_t)q->change);
	ipc_put_id(m, q->item);
	ipc_put_fixed(m, q->sha256, sizeof q->sha256);
	ipc_put_text(m, q->name);
	put_path(m, &q->path);
	ipc_put_text(m, q->why);
	ipc_put_i64(m, q->task_id);
}

void ipc_get_quarantine(struct ipc_reader *r, struct quarantine_event *ret)
{
	*ret = (struct quarantine_event){0};
	ret->change = get_kind(r, QUARANTINE_CHANGE_END);
	ret->item = ipc_get_id(r);
	ipc_get_fixed(r, ret->sha256, sizeof ret->sha256);
	ret->name = ipc_get_text(r, MAX_TEXT);
	get_path(r, &ret->path);
	ret->why = ipc_get_text(r, MAX_TEXT);
	ret->task_id = get_amount(r);
}

void ipc_put_scan(struct buf *m, const struct scan_event *s)
{
	ipc_put_u8(m, (uint8_t)s->extent);
	ipc_put_u8(m, (uint8_t)s->end);
	ipc_put_i64(m, s->task_id);
	ipc_put_i64(m, s->started_us);
	ipc_put_i64(m, s->files);
	ipc_put_i64(m, s->bytes);
	ipc_put_i64(m, s->known);
	ipc_put_i64(m, s->infected);
	ipc_put_i64(m, s->suspicious);
	ipc_put_u8(m, (uint8_t)s->n_reasons);
	for (size_t i = 0; i < s->n_reasons; i++) {
		ipc_put_text(m, s->not_scanned[i].reason);
		ipc_put_i64(m, s->not_scanned[i].files);
	}
	ipc_put_text(m, s->why);
}

void ipc_get_scan(struct ipc_reader *r, struct scan_event *ret)
{
	*ret = (struct scan_event){0};
	ret->extent = get_kind(r, SCAN_EXTENT_END);
	ret->end = get_kind(r, SCAN_END_END);
	ret->task_id = get_amount(r);
	ret->started_us = get_amount(r);
	ret->files = get_amount(r);
	ret->bytes = get_amount(r);
	ret->known = get_amount(r);
	ret->infected = get_amount(r);
	ret->suspicious = get_amount(r);
	ret->n_reasons = ipc_get_enum(r, MAX_SCAN_REASONS + 1);
	for (size_t i = 0; i < ret->n_reasons; i++) {
		ret->not_scanned[i].reason = ipc_get_text(r, MAX_SHORT_TEXT);
		ret->not_scanned[i].files = get_amount(r);
	}
	ret->why = ipc_get_text(r, MAX_TEXT);
}

static void put_said(struct buf *m, const struct event *e)
{
	ipc_put_i64(m, e->task_id);
	ipc_put_bool(m, e->task_ok);
	ipc_put_bool(m, e->task_started);
	ipc_put_text(m, e->body);
}

static void get_said(struct ipc_reader *r, struct event *ret)
{
	ret->task_id = ipc_get_i64(r);
	ret->task_ok = ipc_get_bool(r);
	ret->task_started = ipc_get_bool(r);
	ret->body = ipc_get_text(r, MAX_EVENT_BODY);
}

void ipc_put_event(struct buf *m, const struct event *e)
{
	ipc_put_u8(m, (uint8_t)e->kind);
	ipc_put_fixed(m, e->id, sizeof e->id);
	ipc_put_i64(m, e->at_us);
	if (e->kind == EVENT_DETECTION)
		ipc_put_detection(m, &e->detection);
	else if (e->kind == EVENT_QUARANTINE)
		ipc_put_quarantine(m, &e->quarantine);
	else if (e->kind == EVENT_SCAN)
		ipc_put_scan(m, &e->scan);
	else
		put_said(m, e);
}

void ipc_get_event(struct ipc_reader *r, struct event *ret)
{
	*ret = (struct event){0};
	ret->kind = get_kind(r, EVENT_KIND_END);
	ipc_get_fixed(r, ret->id, sizeof ret->id);
	ret->at_us = ipc_get_i64(r);
	if (ret->kind == EVENT_DETECTION)
		ipc_get_detection(r, &ret->detection);
	else if (ret->kind == EVENT_QUARANTINE)
		ipc_get_quarantine(r, &ret->quarantine);
	else if (ret->kind == EVENT_SCAN)
		ipc_get_scan(r, &ret->scan);
	else
		get_said(r, ret);
	if (ret->kind == EVENT_EVENTS_MISSING) /* the centre alone writes it */
		r->error = -EBADMSG;
}
