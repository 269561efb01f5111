#include "link_int.h"
#include "clock.h"
#include "log.h"
#include "version.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const int64_t keep_us = INT64_C(30) * 86400 * US_PER_S;
static const int64_t first_pause_us = 250000, last_pause_us = 30 * US_PER_S, expire_every_us = 600 * US_PER_S;
enum { SEGMENT_BYTES = 256 * 1024 };

static void refuse(struct link *l, int64_t ticket, int code, const char *why)
{
	if (!ticket)
		return;
	ipc_begin(&l->out, LINK_REFUSED);
	ipc_put_i64(&l->out, ticket);
	ipc_put_i64(&l->out, code);
	ipc_put_text(&l->out, why);
	link_tell(l);
}

static void set_failed(struct link *l, bool failed)
{
	if (l->status.spool_failed != failed)
		l->status_changed = true;
	l->status.spool_failed = failed;
}

int link_open_spool(struct link *l)
{
	struct spool_config config = {
	    .max_bytes = l->spool_max_bytes, .keep_us = keep_us, .segment_bytes = SEGMENT_BYTES};
	struct spool_stats st;
	int r = spool_open(&l->disk, &config, &l->spool);
	if (r) {
		log_error("the spool cannot be opened", "error", strerror(-r), NULL);
		l->spool = NULL;
		l->spool_pause_us = l->spool_pause_us ? 2 * l->spool_pause_us : first_pause_us;
		if (l->spool_pause_us > last_pause_us)
			l->spool_pause_us = last_pause_us;
		l->spool_at_us = clock_mono_us() + l->spool_pause_us;
		set_failed(l, true);
		return r;
	}
	spool_get_stats(l->spool, &st);
	if (st.missing || st.torn_bytes)
		log_warn(
		    "the spool was harmed", "missing", log_num(st.missing), "torn_bytes", log_num(st.torn_bytes), NULL);
	if (st.last_task > l->sync.task_seen)
		l->sync.task_seen = st.last_task; /* its result was kept, the word that it was done was not */
	l->spool_pause_us = 0;
	set_failed(l, false);
	return 0;
}

/* Out of order: given up and opened anew, by what is on the disk. */
static void reopen(struct link *l)
{
	spool_free(l->spool);
	l->spool = NULL;
	l->compared = false;
	if (link_open_spool(l) == 0)
		link_sync_soon(l);
}

bool link_sync_group(struct link *l)
{
	if (!l->n_group)
		return true;
	int r = l->spool ? spool_sync(l->spool) : -EIO;
	for (size_t i = 0; i < l->n_group; i++) {
		if (!l->group[i].ticket)
			continue;
		if (r) {
			refuse(l, l->group[i].ticket, EIO, "the disk failed: nobody can say whether the event is kept");
			continue;
		}
		ipc_begin(&l->out, LINK_RECEIPT);
		ipc_put_i64(&l->out, l->group[i].ticket);
		ipc_put_id(&l->out, l->group[i].place.stream);
		ipc_put_i64(&l->out, l->group[i].place.seq);
		link_tell(l);
	}
	l->n_group = 0;
	l->status_changed = true;
	if (r) {
		log_error("the spool cannot be synced", "error", strerror(-r), NULL);
		reopen(l);
	}
	return r == 0;
}

static const char *plain(int r)
{
	return r == -ENOSPC
	           ? "the spool is full: the disk or its bound takes no more until the centre has taken what waits"
	       : r == -EMSGSIZE ? "the event is too large"
	                        : "the disk failed";
}

void link_add_event(struct link *l, int64_t ticket, const struct event *e)
{
	struct spool_place place;
	if (l->n_group == MAX_GROUP)
		link_sync_group(l);
	int r = l->spool ? spool_add(l->spool, e, clock_real_us(), &place) : -EIO;
	if (!r) {
		l->group[l->n_group].ticket = ticket;
		l->group[l->n_group++].place = place;
	} else {
		refuse(l, ticket, -r, plain(r));
	}
	if (r == -ENOSPC || !r)
		set_failed(l, r != 0);
	if (r == -EIO && l->spool) {
		link_sync_group(l); /* says no to those before it, and opens anew */
		if (l->spool)
			reopen(l);
	}
}

/* The agent began to run: once, by its id, whatever number of links that takes. */
static void say_start(struct link *l)
{
	struct event e = {
	    .kind = EVENT_STARTED, .at_us = clock_real_us(), .body = "{\"agent_version\":\"" KHIEN_VERSION "\"}"};
	memcpy(e.id, l->start_id, sizeof e.id);
	link_add_event(l, 0, &e);
	l->start_is_said = link_sync_group(l) && l->spool && !l->status.spool_failed;
}

void link_spool_tick(struct link *l, int64_t now)
{
	if (!l->spool && l->begun && now >= l->spool_at_us && link_open_spool(l) == 0)
		link_sync_soon(l);
	if (l->spool && l->begun && l->enrolled && !l->start_is_said && !l->status.spool_failed)
		say_start(l);
	if (l->spool && now >= l->expire_at_us) {
		spool_expire(l->spool, clock_real_us());
		l->expire_at_us = now + expire_every_us;
	}
}
