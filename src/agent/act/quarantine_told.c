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

typedef int told_fn(void *arg, const struct quarantine_item *item, const uint8_t event_id[8], int64_t at_us);

static int tell(struct quarantine *q, const struct item_file *file, told_fn *fn, void *arg)
{
	struct container_facts f = CONTAINER_FACTS_INIT;
	enum detection_action what = item_states[file->state].event;
	char name[ITEM_NAME];
	uint8_t id[8];
	int64_t content;
	item_name(file->id, file->state, name);
	int fd = openat(q->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* has just become something else */
	int r = container_read(fd, &q->keys, file->id, &f, &content);
	close(fd);
	if (!r) {
		f.item.stored_bytes = file->st.st_size;
		f.item.detection.action = what;
		event_id(file->id, what, id);
		int64_t changed = (int64_t)file->st.st_mtim.tv_sec * 1000000 + file->st.st_mtim.tv_nsec / 1000;
		r = fn(arg, &f.item, id, what == ACTION_QUARANTINED ? f.item.taken_us : changed);
	} else if (r == -EBADMSG) {
		r = 0; /* damaged: nothing can be said of it, and a list shows it */
	}
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
