/* The work itself, in a process of its own: blocks as long as it takes. */
#include "parent_quarantine.h"
#include "allow.h"
#include "array.h"
#include "bounds.h"
#include "clock.h"
#include "control_messages.h"
#include "err.h"
#include "ipc_quarantine.h"
#include "quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An item with its path takes less, so that one always fits; the rest is room for the last one added. */
enum { ENOUGH = MAX_IPC_MESSAGE / 4 };

struct work {
	int state_folder;
	struct quarantine *q;
	struct ipc_reader *in;
	struct buf *out;
	struct err e;
};

static int finish(struct work *w, int r)
{
	if (!r)
		ipc_begin(w->out, CONTROL_DONE);
	return r;
}

/* ---- quarantine ---- */

struct page {
	struct buf *out;
	int64_t taken_us;
	id16 id;
};

static int put_item(void *arg, const struct quarantine_item *item)
{
	struct page *page = arg;
	bool behind = item->taken_us > page->taken_us ||
	              (item->taken_us == page->taken_us && memcmp(item->id.b, page->id.b, ID_BYTES) > 0);
	if (behind)
		ipc_put_quarantine_item(page->out, item);
	return page->out->n > ENOUGH;
}

static int list(struct work *w)
{
	struct page page = {.out = w->out, .taken_us = ipc_get_i64(w->in), .id = ipc_get_id(w->in)};
	if (ipc_end(w->in))
		return -EBADMSG;
	ipc_begin(w->out, CONTROL_ITEMS);
	int r = quarantine_list(w->q, put_item, &page, &w->e);
	return r < 0 ? r : w->out->error;
}

static int find_digest(void *arg, const struct quarantine_item *item)
{
	struct quarantine_item *wanted = arg;
	if (memcmp(item->id.b, wanted->id.b, ID_BYTES) != 0 || item->damaged)
		return 0;
	memcpy(wanted->detection.sha256, item->detection.sha256, SHA256_BYTES);
	return 1;
}

/* First allowed, then given back: else a scan could take it again in between. */
static int allow_item(struct work *w, id16 id, int64_t until_us, const char *reason)
{
	struct quarantine_item item = {.id = id};
	int r = quarantine_list(w->q, find_digest, &item, &w->e);
	if (r <= 0)
		return r ? r : err_set(&w->e, -ENOENT, "no such item is in quarantine");
	struct allow_item allow = {.until_us = until_us, .added_us = clock_real_us(), .who = "root", .reason = reason};
	memcpy(allow.sha256, item.detection.sha256, SHA256_BYTES);
	return allow_add(w->state_folder, &allow, &w->e);
}

static int restore(struct work *w)
{
	char path[PATH_MAX];
	size_t n;
	id16 id = ipc_get_id(w->in);
	const void *elsewhere = ipc_get_bytes(w->in, sizeof path - 1, &n);
	bool allow = ipc_get_bool(w->in);
	int64_t until_us = ipc_get_i64(w->in);
	const char *reason = ipc_get_text(w->in, MAX_TEXT);
	if (ipc_end(w->in) || memchr(elsewhere, 0, n))
		return -EBADMSG;
	memcpy(path, elsewhere, n);
	path[n] = 0;
	int r = allow ? allow_item(w, id, until_us, reason) : 0;
	if (!r)
		r = quarantine_restore(w->q, id, n ? path : NULL, 0, &w->e);
	return finish(w, r);
}

static int delete (struct work *w)
{
	id16 id = ipc_get_id(w->in);
	if (ipc_end(w->in))
		return -EBADMSG;
	return finish(w, quarantine_delete(w->q, id, 0, &w->e));
}

static int recover(struct work *w)
{
	return finish(w, quarantine_recover(w->q, &w->e));
}

/* ---- allow list ---- */

struct allow_page {
	struct buf *out;
	uint8_t behind[SHA256_BYTES];
	bool from_start;
};

static int put_allowed(void *arg, const struct allow_item *item)
{
	struct allow_page *page = arg;
	if (page->from_start || memcmp(item->sha256, page->behind, SHA256_BYTES) > 0)
		ipc_put_allow_item(page->out, item);
	return page->out->n > ENOUGH;
}

static int list_allowed(struct work *w)
{
	struct allow_page page = {.out = w->out};
	ipc_get_fixed(w->in, page.behind, SHA256_BYTES);
	if (ipc_end(w->in))
		return -EBADMSG;
	page.from_start = sodium_is_zero(page.behind, SHA256_BYTES);
	ipc_begin(w->out, CONTROL_ALLOWED);
	int r = allow_list(w->state_folder, put_allowed, &page, &w->e);
	return r < 0 ? r : w->out->error;
}

static int add_allowed(struct work *w)
{
	struct allow_item item = {.added_us = clock_real_us(), .who = "root"};
	ipc_get_fixed(w->in, item.sha256, SHA256_BYTES);
	item.until_us = ipc_get_i64(w->in);
	item.reason = ipc_get_text(w->in, MAX_TEXT);
	if (ipc_end(w->in))
		return -EBADMSG;
	return finish(w, allow_add(w->state_folder, &item, &w->e));
}

static int remove_allowed(struct work *w)
{
	uint8_t sha256[SHA256_BYTES];
	ipc_get_fixed(w->in, sha256, SHA256_BYTES);
	if (ipc_end(w->in))
		return -EBADMSG;
	return finish(w, allow_remove(w->state_folder, sha256, &w->e));
}

/* ---- tasks ---- */

struct wanted {
	struct task_quarantine which;
	size_t n, cap;
	struct found {
		id16 id;
		uint8_t sha256[SHA256_BYTES];
		char name[MAX_TEXT + 1];
		size_t path_n;
		char path[PATH_MAX];
	} * items;
};

static int gather(void *arg, const struct quarantine_item *item)
{
	struct wanted *w = arg;
	const struct os_path *path = &item->detection.path;
	bool is_it = w->which.by_item
	                 ? memcmp(item->id.b, w->which.item.b, ID_BYTES) == 0
	                 : !item->damaged && memcmp(item->detection.sha256, w->which.sha256, SHA256_BYTES) == 0;
	if (!is_it)
		return 0;
	int r = array_room(&w->items, &w->cap, w->n, sizeof *w->items);
	if (r)
		return r;
	struct found *f = &w->items[w->n++];
	*f = (struct found){.id = item->id, .path_n = path->n < sizeof f->path ? path->n : sizeof f->path};
	memcpy(f->sha256, item->detection.sha256, SHA256_BYTES);
	memcpy(f->path, path->raw, f->path_n);
	snprintf(f->name, sizeof f->name, "%s", item->detection.name);
	return 0;
}

static void put_failure(struct buf *m, const struct found *f, const char *why)
{
	ipc_put_id(m, f->id);
	ipc_put_fixed(m, f->sha256, SHA256_BYTES);
	ipc_put_text(m, f->name);
	ipc_put_bytes(m, f->path, f->path_n);
	ipc_put_text(m, why);
}

static int do_task(struct work *w, const struct wanted *wanted, int64_t task, enum task_kind kind)
{
	struct buf failures = BUF_INIT(MAX_IPC_MESSAGE / 2);
	uint32_t done = 0, failed = 0;
	for (size_t i = 0; i < wanted->n; i++) {
		const struct found *f = &wanted->items[i];
		struct err e = {0};
		int r = kind == TASK_QUARANTINE_RESTORE ? quarantine_restore(w->q, f->id, NULL, task, &e)
		                                        : quarantine_delete(w->q, f->id, task, &e);
		done += !r;
		if (r && failed++ < MOST_FAILURES)
			put_failure(&failures, f, e.text);
	}
	ipc_begin(w->out, WORK_TASK_DONE);
	ipc_put_u32(w->out, done);
	ipc_put_u32(w->out, failed);
	buf_add(w->out, failures.p, failures.n);
	buf_release(&failures);
	return w->out->error;
}

static int task(struct work *w)
{
	struct wanted wanted = {0};
	int64_t id = ipc_get_i64(w->in);
	enum task_kind kind = ipc_get_enum(w->in, TASK_KIND_END);
	wanted.which.by_item = ipc_get_bool(w->in);
	wanted.which.item = ipc_get_id(w->in);
	ipc_get_fixed(w->in, wanted.which.sha256, SHA256_BYTES);
	if (ipc_end(w->in))
		return -EBADMSG;
	int r = quarantine_list(w->q, gather, &wanted, &w->e);
	if (!r && !wanted.n)
		r = err_set(&w->e, -ENOENT, "no such item is in quarantine");
	if (!r)
		r = do_task(w, &wanted, id, kind);
	free(wanted.items);
	return r;
}

/* ---- the table ---- */

static const struct {
	uint16_t type;
	int (*run)(struct work *w);
} works[] = {
    {CONTROL_QUARANTINE_LIST, list},
    {CONTROL_QUARANTINE_RESTORE, restore},
    {CONTROL_QUARANTINE_DELETE, delete},
    {CONTROL_ALLOW_LIST, list_allowed},
    {CONTROL_ALLOW_ADD, add_allowed},
    {CONTROL_ALLOW_REMOVE, remove_allowed},
    {WORK_RECOVER, recover},
    {WORK_TASK, task},
};

static int run(struct work *w, uint16_t type)
{
	for (size_t i = 0; i < sizeof works / sizeof *works; i++)
		if (works[i].type == type)
			return works[i].run(w);
	return -ENOSYS;
}

static int open_work(struct work *w, const char *state)
{
	char folder[PATH_MAX];
	w->state_folder = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->state_folder < 0)
		return -errno;
	if (snprintf(folder, sizeof folder, "%s/%s", state, QUARANTINE_FOLDER_NAME) >= (int)sizeof folder)
		return -ENAMETOOLONG;
	return quarantine_open(folder, &QUARANTINE_LIMITS_STANDARD, &w->q, &w->e);
}

void quarantine_work(const char *state, const struct buf *request, struct buf *out)
{
	struct ipc_reader in;
	struct work w = {.state_folder = -1, .in = &in, .out = out};
	uint16_t type;
	int r = ipc_open(&in, request->p, request->n, &type);
	if (!r)
		r = open_work(&w, state);
	if (!r)
		r = run(&w, type);
	if (r) {
		ipc_begin(out, CONTROL_REFUSED);
		ipc_put_i64(out, -r);
		ipc_put_text(out, w.e.text[0] ? w.e.text : strerror(-r));
	}
	quarantine_close(w.q);
	if (w.state_folder >= 0)
		close(w.state_folder);
}
