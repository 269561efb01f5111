#include "path_display.h"
#include "quarantine_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MAX_TOLD_AT_ONCE = 64 };

struct waiting {
	size_t n;
	struct item_file files[MAX_TOLD_AT_ONCE];
};

static int gather(void *arg, const struct item_file *f)
{
	struct waiting *w = arg;
	if (item_states[f->state].event != ACTION_NONE && w->n < MAX_TOLD_AT_ONCE)
		w->files[w->n++] = *f; /* what is beyond comes when these have been told */
	return 0;
}

/* The same at each repetition, so that the spool takes it once. */
static void event_id(id16 id, enum detection_action what, uint8_t ret[8])
{
	uint8_t of[ID_BYTES + 1], whole[crypto_generichash_BYTES];
	memcpy(of, id.b, ID_BYTES);
	of[ID_BYTES] = (uint8_t)what;
	crypto_generichash(whole, sizeof whole, of, sizeof of, NULL, 0);
	memcpy(ret, whole, 8);
}

typedef int told_fn(void *arg, const struct event *e, id16 item, enum detection_action what);

static void tell_of_taking(struct event *e, const struct quarantine_item *item)
{
	e->kind = EVENT_DETECTION;
	e->at_us = item->taken_us;
	e->detection = item->detection;
	e->detection.action = ACTION_QUARANTINED;
	e->detection.has_item = true;
	e->detection.item = item->id;
}

/* `note` may be empty: an item is said to be where it was. */
static int tell_of_leaving(struct event *e, const struct quarantine_item *item, enum detection_action what,
    const struct note *note, struct buf *display)
{
	const struct detection *d = &item->detection;
	e->kind = EVENT_QUARANTINE;
	e->quarantine = (struct quarantine_event){
	    .change = what == ACTION_RESTORED ? QUARANTINE_RESTORED : QUARANTINE_DELETED,
	    .item = item->id,
	    .name = d->name,
	    .path = d->path,
	    .why = "",
	    .task_id = note->task_id};
	memcpy(e->quarantine.sha256, d->sha256, SHA256_BYTES);
	if (!note->path_n)
		return 0;
	int r = path_display(display, note->path, note->path_n);
	e->quarantine.path = (struct os_path){
	    .form = PATH_BYTES, .raw = note->path, .n = note->path_n, .display = buf_str(display)};
	return r;
}

static int tell_item(
    struct quarantine *q, const struct item_file *file, const struct quarantine_item *item, told_fn *fn, void *arg)
{
	enum detection_action what = item_states[file->state].event;
	struct buf memory = BUF_INIT(NOTE_MEMORY), display = BUF_INIT(MAX_DISPLAY);
	struct event e = {.at_us = (int64_t)file->st.st_mtim.tv_sec * 1000000 + file->st.st_mtim.tv_nsec / 1000};
	struct note note = {0};
	int r = 0;
	event_id(file->id, what, e.id);
	if (what == ACTION_QUARANTINED) {
		tell_of_taking(&e, item);
	} else {
		r = note_read(q, file->id, &memory, &note);
		if (!r || r == -ENOENT || r == -EBADMSG)
			r = tell_of_leaving(&e, item, what, &note, &display);
	}
	if (!r)
		r = fn(arg, &e, file->id, what);
	buf_release(&memory);
	buf_release(&display);
	return r;
}

static int tell(struct quarantine *q, const struct item_file *file, told_fn *fn, void *arg)
{
	struct container_facts f = CONTAINER_FACTS_INIT;
	char name[ITEM_NAME];
	int64_t content;
	item_name(file->id, file->state, name);
	int fd = openat(q->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* has just become something else */
	int r = container_read(fd, &q->keys, file->id, &f, &content);
	close(fd);
	if (!r)
		r = tell_item(q, file, &f.item, fn, arg);
	else if (r == -EBADMSG)
		r = 0; /* damaged: nothing can be said of it, and a list shows it */
	container_facts_release(&f);
	return r;
}

int quarantine_outstanding(struct quarantine *q, told_fn *fn, void *arg, struct err *e)
{
	struct waiting w = {0};
	int r = folder_lock(q);
	if (!r) {
		r = folder_each(q, gather, &w);
		folder_unlock(q);
	}
	for (size_t i = 0; !r && i < w.n; i++)
		r = tell(q, &w.files[i], fn, arg);
	return r < 0 ? err_set(e, r, "%s", strerror(-r)) : r;
}

static bool tells_quarantined(enum item_state s)
{
	return item_states[s].event == ACTION_QUARANTINED;
}

static bool tells_restored(enum item_state s)
{
	return item_states[s].event == ACTION_RESTORED;
}

static bool tells_deleted(enum item_state s)
{
	return item_states[s].event == ACTION_DELETED;
}

int quarantine_told(struct quarantine *q, id16 id, enum detection_action what, struct err *e)
{
	struct open_item item;
	int r = item_open(q, id,
	    what == ACTION_QUARANTINED ? tells_quarantined
	    : what == ACTION_RESTORED  ? tells_restored
	                               : tells_deleted,
	    &item);
	if (r)
		return err_set(e, r, "%s", strerror(-r));
	r = item_become(q, &item, item_states[item.state].told);
	item_close(&item);
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}
