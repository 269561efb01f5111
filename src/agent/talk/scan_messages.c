#include "scan_messages.h"
#include "str.h"

#include <errno.h>

void scan_put_limits(struct buf *m, const struct scan_limits *v)
{
	ipc_put_i64(m, v->max_file_bytes);
	ipc_put_i64(m, v->max_expanded_bytes);
	ipc_put_u32(m, v->max_files);
	ipc_put_u32(m, v->max_depth);
	ipc_put_u32(m, v->max_ms);
}

void scan_get_limits(struct ipc_reader *r, struct scan_limits *ret)
{
	ret->max_file_bytes = ipc_get_i64(r);
	ret->max_expanded_bytes = ipc_get_i64(r);
	ret->max_files = ipc_get_u32(r);
	ret->max_depth = ipc_get_u32(r);
	ret->max_ms = ipc_get_u32(r);
}

void scan_put_begin(struct buf *m, const struct scan_begin *v)
{
	ipc_put_bool(m, v->has_signatures);
	scan_put_limits(m, &v->limits);
	ipc_put_i64(m, v->worker_memory);
	ipc_put_i64(m, v->temporary_bytes);
}

void scan_get_begin(struct ipc_reader *r, struct scan_begin *ret)
{
	*ret = (struct scan_begin){.has_signatures = ipc_get_bool(r)};
	scan_get_limits(r, &ret->limits);
	ret->worker_memory = ipc_get_i64(r);
	ret->temporary_bytes = ipc_get_i64(r);
	if (ret->worker_memory <= 0 || ret->temporary_bytes <= 0)
		r->error = -EBADMSG;
}

static void put_sandbox(struct buf *m, const uint8_t *outcomes)
{
	for (size_t i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		ipc_put_u8(m, outcomes[i]);
}

static void get_sandbox(struct ipc_reader *r, uint8_t *ret)
{
	for (size_t i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		ret[i] = (uint8_t)ipc_get_enum(r, SANDBOX_MISSING + 1);
}

void scan_put_loaded(struct buf *m, const struct scan_loaded *v)
{
	pool_put_engines(m, &v->engines);
	ipc_put_i64(m, v->took_ms);
	put_sandbox(m, v->sandbox);
	ipc_put_text(m, v->problem);
}

void scan_get_loaded(struct ipc_reader *r, struct scan_loaded *ret)
{
	pool_get_engines(r, &ret->engines);
	ret->took_ms = ipc_get_i64(r);
	get_sandbox(r, ret->sandbox);
	if (str_copy(ret->problem, sizeof ret->problem, ipc_get_text(r, sizeof ret->problem - 1)))
		r->error = -EBADMSG;
}

void scan_put_worker(struct buf *m, const struct scan_worker *v)
{
	ipc_put_i64(m, v->ticket);
	ipc_put_i64(m, v->pid);
	pool_put_up(m, &v->up);
}

void scan_get_worker(struct ipc_reader *r, struct scan_worker *ret)
{
	ret->ticket = ipc_get_i64(r);
	ret->pid = ipc_get_i64(r);
	pool_get_up(r, &ret->up);
	if (ret->pid <= 0 || ret->pid > INT32_MAX)
		r->error = -EBADMSG;
}
