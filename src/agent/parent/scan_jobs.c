#include "parent_sweep.h"
#include "file.h"
#include "str.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char file_name[] = "scans";
enum { FILE_TYPE = 1, SUM = 16, MAX_FILE = (MAX_QUEUED_SCANS + 1) * (MAX_SCAN_PATHS + 2) * 4096 };

void sweep_job_clear(struct sweep_job *j)
{
	for (size_t i = 0; i < j->n_paths; i++)
		free(j->paths[i]);
	free(j->position);
	*j = (struct sweep_job){0};
}

/* A job's fields, writer beside reader. */
static void put_job(struct buf *b, const struct sweep_job *j)
{
	struct sweep_progress done = j->done;
	done.position = j->position;
	done.position_n = j->position ? strlen(j->position) : 0;
	ipc_put_i64(b, j->number);
	ipc_put_u8(b, (uint8_t)j->extent);
	ipc_put_i64(b, j->task_id);
	ipc_put_i64(b, j->started_us);
	ipc_put_u8(b, (uint8_t)j->n_paths);
	for (size_t i = 0; i < j->n_paths; i++)
		ipc_put_bytes(b, j->paths[i], strlen(j->paths[i]));
	sweep_put_progress(b, &done);
	ipc_put_bool(b, j->report_only);
	ipc_put_u8(b, (uint8_t)j->end);
	ipc_put_fixed(b, j->event_id, sizeof j->event_id);
	ipc_put_text(b, j->why);
}

static char *copy_path(struct ipc_reader *r)
{
	size_t n;
	const char *path = ipc_get_bytes(r, MAX_PATH_BYTES, &n);
	char *copy = n && !memchr(path, 0, n) ? strndup(path, n) : NULL;
	if (n && !copy)
		r->error = -EBADMSG;
	return copy;
}

static void get_job(struct ipc_reader *r, struct sweep_job *ret)
{
	struct sweep_job j = {.number = ipc_get_i64(r)};
	j.extent = ipc_get_enum(r, SCAN_EXTENT_END);
	j.task_id = ipc_get_i64(r);
	j.started_us = ipc_get_i64(r);
	size_t n = ipc_get_enum(r, MAX_SCAN_PATHS + 1);
	for (size_t i = 0; i < n; i++)
		if ((j.paths[j.n_paths] = copy_path(r)))
			j.n_paths++;
	sweep_get_progress(r, &j.done);
	if (!r->error && j.done.position_n && !(j.position = strndup(j.done.position, j.done.position_n)))
		r->error = -ENOMEM;
	j.done.position = NULL;
	j.done.position_n = 0;
	j.report_only = ipc_get_bool(r);
	j.end = ipc_get_enum(r, SCAN_END_END);
	ipc_get_fixed(r, j.event_id, sizeof j.event_id);
	str_copy(j.why, sizeof j.why, ipc_get_text(r, SWEEP_MAX_WHY - 1));
	*ret = j;
}

int scan_jobs_save(int folder, const struct sweeps *s)
{
	struct buf b = BUF_INIT(MAX_FILE);
	unsigned char sum[SUM];
	ipc_begin(&b, FILE_TYPE);
	ipc_put_i64(&b, s->scheduled_us);
	ipc_put_i64(&b, s->next_number);
	ipc_put_u8(&b, (uint8_t)s->n_queue);
	for (size_t i = 0; i < s->n_queue; i++)
		put_job(&b, &s->queue[i]);
	put_job(&b, &s->foreground);
	if (!b.error)
		crypto_generichash(sum, sizeof sum, (unsigned char *)b.p, b.n, NULL, 0);
	buf_add(&b, sum, sizeof sum);
	int r = b.error ? b.error : file_replace(folder, file_name, b.p, b.n, 0600);
	buf_release(&b);
	return r;
}

static int parse(const struct buf *b, struct sweeps *s)
{
	struct ipc_reader r;
	uint16_t type;
	unsigned char sum[SUM];
	if (b->n < SUM || ipc_open(&r, b->p, b->n - SUM, &type) || type != FILE_TYPE)
		return -EBADMSG;
	crypto_generichash(sum, sizeof sum, (unsigned char *)b->p, b->n - SUM, NULL, 0);
	if (memcmp(sum, b->p + b->n - SUM, SUM) != 0)
		return -EBADMSG;
	s->scheduled_us = ipc_get_i64(&r);
	s->next_number = ipc_get_i64(&r);
	size_t n = ipc_get_enum(&r, MAX_QUEUED_SCANS + 1);
	for (s->n_queue = 0; s->n_queue < n; s->n_queue++)
		get_job(&r, &s->queue[s->n_queue]);
	get_job(&r, &s->foreground);
	return ipc_end(&r);
}

int scan_jobs_load(int folder, struct sweeps *s)
{
	struct buf b = BUF_INIT(MAX_FILE);
	int r = file_read(folder, file_name, &b);
	if (!r)
		r = parse(&b, s);
	buf_release(&b);
	if (r && r != -ENOENT) {
		for (size_t i = 0; i < s->n_queue; i++)
			sweep_job_clear(&s->queue[i]);
		sweep_job_clear(&s->foreground);
		s->n_queue = 0;
	}
	return r;
}
