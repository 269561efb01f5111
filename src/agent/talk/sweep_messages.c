#include "sweep_messages.h"
#include "ipc.h"
#include "ipc_model.h"

#include <errno.h>
#include <string.h>

/* A path as bytes without NUL: text, except that nobody says it is UTF-8. */
static void put_path(struct buf *m, const char *path)
{
	ipc_put_bytes(m, path, strlen(path) + 1);
}

static const char *get_path(struct ipc_reader *r)
{
	size_t n;
	const char *path = ipc_get_bytes(r, MAX_PATH_BYTES, &n);
	if (!r->error && (!n || memchr(path, 0, n) != path + n - 1))
		r->error = -EBADMSG;
	return r->error ? "" : path;
}

void sweep_put_progress(struct buf *m, const struct sweep_progress *v)
{
	ipc_put_i64(m, v->files);
	ipc_put_i64(m, v->bytes);
	ipc_put_i64(m, v->infected);
	ipc_put_i64(m, v->suspicious);
	for (size_t i = 0; i < SCAN_REASON_COUNT; i++)
		ipc_put_i64(m, v->not_scanned[i]);
	ipc_put_i64(m, v->all_files);
	ipc_put_i64(m, v->all_bytes);
	ipc_put_u8(m, v->rest);
	ipc_put_bytes(m, v->position, v->position_n);
}

void sweep_get_progress(struct ipc_reader *r, struct sweep_progress *ret)
{
	*ret = (struct sweep_progress){.files = ipc_get_i64(r)};
	ret->bytes = ipc_get_i64(r);
	ret->infected = ipc_get_i64(r);
	ret->suspicious = ipc_get_i64(r);
	for (size_t i = 0; i < SCAN_REASON_COUNT; i++)
		ret->not_scanned[i] = ipc_get_i64(r);
	ret->all_files = ipc_get_i64(r);
	ret->all_bytes = ipc_get_i64(r);
	ret->rest = ipc_get_u8(r);
	ret->position = ipc_get_bytes(r, MAX_PATH_BYTES, &ret->position_n);
}

void sweep_put_begin(struct buf *m, const struct sweep_begin *v)
{
	ipc_put_u8(m, (uint8_t)v->extent);
	ipc_put_bool(m, v->background);
	ipc_put_bool(m, v->quarantine);
	ipc_put_bool(m, v->stop_processes);
	ipc_put_bool(m, v->on_battery);
	ipc_put_bool(m, v->removable);
	ipc_put_i64(m, v->cpu_percent);
	ipc_put_i64(m, v->max_file_bytes);
	ipc_put_i64(m, v->file_s);
	put_path(m, v->state);
	sweep_put_progress(m, &v->before);
	ipc_put_u8(m, (uint8_t)v->n_paths);
	for (size_t i = 0; i < v->n_paths; i++)
		put_path(m, v->paths[i]);
}

void sweep_get_begin(struct ipc_reader *r, struct sweep_begin *ret)
{
	*ret = (struct sweep_begin){.extent = ipc_get_enum(r, SCAN_EXTENT_END)};
	ret->background = ipc_get_bool(r);
	ret->quarantine = ipc_get_bool(r);
	ret->stop_processes = ipc_get_bool(r);
	ret->on_battery = ipc_get_bool(r);
	ret->removable = ipc_get_bool(r);
	ret->cpu_percent = ipc_get_i64(r);
	ret->max_file_bytes = ipc_get_i64(r);
	ret->file_s = ipc_get_i64(r);
	ret->state = get_path(r);
	sweep_get_progress(r, &ret->before);
	ret->n_paths = ipc_get_enum(r, MAX_SCAN_PATHS + 1);
	for (size_t i = 0; i < ret->n_paths; i++)
		ret->paths[i] = get_path(r);
	if (!r->error &&
	    (ret->cpu_percent < 1 || ret->cpu_percent > 100 || ret->max_file_bytes < 1 || ret->file_s < 1 ||
	        ret->file_s > 3600 || (ret->extent == SCAN_CUSTOM) != (ret->n_paths > 0)))
		r->error = -EBADMSG;
}

void sweep_put_found(struct buf *m, const struct sweep_found *v)
{
	ipc_put_u8(m, (uint8_t)v->verdict);
	ipc_put_detection(m, &v->detection);
	ipc_put_u32(m, (uint32_t)v->stopped);
	ipc_put_text(m, v->why);
}

void sweep_get_found(struct ipc_reader *r, struct sweep_found *ret)
{
	*ret = (struct sweep_found){.verdict = ipc_get_enum(r, SCAN_VERDICT_COUNT)};
	ipc_get_detection(r, &ret->detection);
	ret->stopped = (int32_t)ipc_get_u32(r);
	ret->why = ipc_get_text(r, SWEEP_MAX_WHY);
}
