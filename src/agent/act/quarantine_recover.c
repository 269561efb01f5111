#include "original.h"
#include "quarantine_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Left by somebody who was killed:
 *   writing   the original has not been touched: the container goes.
 *   taking    the container is complete. The original may be in its place, under its private name, or gone. It was on
 *             its way out, so it goes now; if it cannot, the container does. */

static bool is_writing(enum item_state s)
{
	return s == ITEM_WRITING;
}

static bool is_taking(enum item_state s)
{
	return s == ITEM_TAKING;
}

/* A process leaves one at most; should there be more, the next start has the others. */
struct left {
	size_t n;
	id16 ids[64];
	enum item_state state;
};

static int gather(void *arg, const struct item_file *f)
{
	struct left *l = arg;
	if (f->state == l->state && l->n < sizeof l->ids / sizeof *l->ids)
		l->ids[l->n++] = f->id;
	return 0;
}

/* The very file whose content the container holds. The device's number may be another since the computer was started,
 * an inode's may have been given to another file: the content decides. */
static int open_taken(int folder, const char *name, const struct container_facts *f)
{
	uint8_t digest[SHA256_BYTES];
	struct stat st;
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == f->inode && st.st_size == f->item.size &&
	    content_digest(fd, digest) == 0 && memcmp(digest, f->item.detection.sha256, sizeof digest) == 0)
		return fd;
	close(fd);
	return -ENOENT;
}

static int remove_taken(struct quarantine *q, int folder, const char *name, const struct container_facts *f)
{
	struct original o;
	int fd = open_taken(folder, name, f);
	if (fd < 0)
		return fd == -ENOENT || fd == -ELOOP ? 0 : fd;
	int r = original_open(&o, folder, name, fd);
	if (!r)
		r = original_remove(&o, q->disk, f->item.id, NULL);
	original_close(&o);
	close(fd);
	return r;
}

/* The private name gives its file back; if the name is in use again, it is either the taken file, which goes, or a
 * stranger's that lost its name to another: that stays, as nobody has judged it. */
static int clear_private_name(struct quarantine *q, int folder, const char *name, const struct container_facts *f)
{
	char away[ORIGINAL_PRIVATE_NAME];
	original_private_name(f->item.id, away);
	int r = q->disk->rename(q->disk->context, folder, away, name);
	if (r == -ENOENT)
		return 0;
	if (r != -EEXIST)
		return r;
	int fd = open_taken(folder, away, f);
	if (fd < 0)
		return 0;
	close(fd);
	return q->disk->remove(q->disk->context, folder, away);
}

static int remove_from_place(struct quarantine *q, const struct container_facts *f)
{
	char path[PATH_MAX];
	const char *name;
	int folder;
	const struct os_path *was = &f->item.detection.path;
	if (was->n >= sizeof path)
		return 0;
	memcpy(path, was->raw, was->n);
	path[was->n] = 0;
	if (act_open_folder(path, &folder, &name))
		return 0; /* its place is gone */
	int r = clear_private_name(q, folder, name, f);
	if (!r)
		r = remove_taken(q, folder, name, f);
	q->disk->sync(q->disk->context, folder);
	close(folder);
	return r;
}

static int finish_taking(struct quarantine *q, struct open_item *item)
{
	struct container_facts f = CONTAINER_FACTS_INIT;
	int64_t content;
	int r = container_read(item->fd, &q->keys, item->id, &f, &content);
	if (r == -EBADMSG) /* it was complete once; a person is to see it */
		r = item_become(q, item, ITEM_TAKEN);
	else if (!r)
		r = item_become(q, item, remove_from_place(q, &f) ? ITEM_STATE_END : ITEM_TAKEN);
	container_facts_release(&f);
	return r;
}

static int recover_all(struct quarantine *q, enum item_state s, bool (*wanted)(enum item_state s),
    int (*finish)(struct quarantine *q, struct open_item *item))
{
	struct left l = {.state = s};
	int r = folder_lock(q);
	if (r)
		return r;
	r = folder_each(q, gather, &l);
	folder_unlock(q);
	for (size_t i = 0; !r && i < l.n; i++) {
		struct open_item item;
		int k = item_open(q, l.ids[i], wanted, &item);
		if (k == -ENOENT || k == -EBUSY)
			continue; /* somebody alive is at it */
		r = k ? k : finish(q, &item);
		if (!k)
			item_close(&item);
	}
	return r;
}

static int throw_away(struct quarantine *q, struct open_item *item)
{
	return item_become(q, item, ITEM_STATE_END);
}

int quarantine_recover(struct quarantine *q, struct err *e)
{
	int r = recover_all(q, ITEM_WRITING, is_writing, throw_away);
	if (!r)
		r = recover_all(q, ITEM_TAKING, is_taking, finish_taking);
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}
