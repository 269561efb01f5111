#include "parent_scan_int.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <unistd.h>

void parent_scan_answer(struct parent *p, struct scan_spawn *s, const struct pool_worker_ends *w, int why)
{
	struct scan_spawn asked = *s;
	*s = (struct scan_spawn){0};
	asked.done(p, asked.tag, w, why);
}

void parent_scan_refuse_all(struct parent *p, int why)
{
	for (size_t i = 0; i < SCAN_MAX_SPAWNS; i++)
		if (p->scan.spawns[i].ticket)
			parent_scan_answer(p, &p->scan.spawns[i], NULL, why);
}

int parent_scan_want(struct parent *p, enum scan_class class, parent_scan_fn *done, int64_t tag)
{
	struct scan *s = &p->scan;
	struct scan_spawn *place = NULL;
	for (size_t i = 0; i < SCAN_MAX_SPAWNS && !place; i++)
		if (!s->spawns[i].ticket)
			place = &s->spawns[i];
	if (!place || s->now.phase != SCAN_PHASE_UP)
		return -EAGAIN;
	*place = (struct scan_spawn){.ticket = ++p->next_ticket, .done = done, .tag = tag};
	ipc_begin(&p->out, SCAN_SPAWN);
	ipc_put_i64(&p->out, place->ticket);
	ipc_put_u8(&p->out, (uint8_t) class);
	parent_scan_tell(p, &s->now, NULL, 0);
	return 0;
}

static void own_worker(struct parent *p, int64_t tag, const struct pool_worker_ends *w, int why)
{
	(void)tag;
	if (w)
		pool_add_worker(p->scan.pool, w);
	else
		pool_no_worker(p->scan.pool, -why);
}

int parent_scan_want_worker(void *arg)
{
	return parent_scan_want(arg, SCAN_FOREGROUND, own_worker, 0);
}

struct scan_spawn *parent_scan_spawn_of(struct parent *p, int64_t ticket)
{
	for (size_t i = 0; ticket && i < SCAN_MAX_SPAWNS; i++)
		if (p->scan.spawns[i].ticket == ticket)
			return &p->scan.spawns[i];
	return NULL;
}

void parent_scan_happened(void *arg, const struct pool_event *e)
{
	static const char *const words[] = {"a content ended a worker", "a content took too long",
	    "a worker spoke nonsense", "a worker ended with its template"};
	char sha256[2 * SHA256_BYTES + 1] = "";
	(void)arg;
	if (e->has_sha256)
		hex_encode(sha256, e->sha256, SHA256_BYTES);
	log_warn(words[e->kind], "pid", log_num(e->pid), "sha256", sha256, NULL);
}
