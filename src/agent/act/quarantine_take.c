#include "original.h"
#include "quarantine_int.h"
#include "clock.h"
#include "path_display.h"
#include "str.h"
#include "stop_processes.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- is there room? ---- */

struct room {
	int64_t bytes, items;
};

static int count(void *arg, const struct item_file *f)
{
	struct room *used = arg;
	used->bytes += f->st.st_size; /* of one that is being written: what it may become */
	used->items++;
	return 0;
}

static int check_room(struct quarantine *q, int64_t wanted, struct err *e)
{
	struct room used = {0};
	struct statvfs v;
	int r = folder_each(q, count, &used);
	if (r)
		return r;
	if (used.items >= q->limits.items || wanted > q->limits.total_bytes - used.bytes)
		return err_set(e, -EDQUOT, "the quarantine is full");
	if (fstatvfs(q->folder, &v) < 0)
		return -errno;
	if (wanted > (int64_t)(v.f_bavail * v.f_frsize) - q->limits.keep_free_bytes)
		return err_set(e, -ENOSPC, "the disk is too full for the quarantine");
	return 0;
}

/* The new container takes its room at once, so that two writers cannot both count on the same. */
static int make_container(struct quarantine *q, id16 id, int64_t most, struct open_item *ret, struct err *e)
{
	char name[ITEM_NAME];
	int r = folder_lock(q), fd;
	if (r)
		return r;
	item_name(id, ITEM_WRITING, name);
	r = check_room(q, most, e);
	if (!r)
		r = q->disk->create(q->disk->context, q->folder, name, &fd);
	if (r)
		goto out;
	*ret = (struct open_item){.id = id, .state = ITEM_WRITING, .fd = fd};
	r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : q->disk->cut(q->disk->context, fd, most);
	if (r) {
		q->disk->remove(q->disk->context, q->folder, name);
		close(fd);
	}
out:
	folder_unlock(q);
	return r;
}

/* ---- what is known of the file ---- */

/* Where the kernel says that it is: the way back must not lead over links, which what a person typed may. */
static const char *place(const struct original *o, const struct os_path *path, char dst[PATH_MAX], size_t *ret_n)
{
	if (original_path(o, dst, PATH_MAX) == 0) {
		*ret_n = strlen(dst);
		return dst;
	}
	*ret_n = path->n;
	return path->raw;
}

static bool is_text(const char *s)
{
	return utf8_valid(s, strlen(s));
}

static int check_words(const struct os_path *path, const struct detection *d)
{
	bool good = path->form == PATH_BYTES && path->n && path->n <= MAX_PATH_BYTES && is_text(d->engine) &&
	            is_text(d->name) && is_text(d->type) && strlen(d->engine) <= MAX_SHORT_TEXT &&
	            strlen(d->name) <= MAX_TEXT && strlen(d->type) <= MAX_SHORT_TEXT;
	return good ? 0 : -EINVAL;
}

static int learn(struct container_facts *f, const struct original *o, const struct detection *d)
{
	f->item = (struct quarantine_item){.taken_us = clock_real_us(),
	    .size = o->was.st_size,
	    .mode = o->was.st_mode & 07777,
	    .uid = o->was.st_uid,
	    .gid = o->was.st_gid,
	    .mtime_s = o->was.st_mtim.tv_sec,
	    .mtime_ns = (uint32_t)o->was.st_mtim.tv_nsec,
	    .links = (int64_t)o->was.st_nlink,
	    .detection = *d};
	randombytes_buf(f->item.id.b, ID_BYTES);
	f->item.detection.action = ACTION_QUARANTINED;
	f->device = o->was.st_dev;
	f->inode = o->was.st_ino;
	return attributes_read(o->fd, &f->attributes);
}

static int check_kind(const struct quarantine *q, const struct original *o, struct err *e)
{
	struct stat folder;
	if (fstat(o->folder, &folder) < 0)
		return -errno;
	if (folder.st_dev == q->folder_is.st_dev && folder.st_ino == q->folder_is.st_ino)
		return err_set(e, -EPERM, "it is in quarantine");
	if (act_is_own_program(&o->was))
		return err_set(e, -EPERM, "it is one of Khiên's own programs");
	if (o->was.st_size > q->limits.file_bytes)
		return err_set(e, -EFBIG, "it is larger than the quarantine takes");
	return 0;
}

/* ---- taking ---- */

static int copy(struct quarantine *q, struct open_item *item, struct container_facts *f, const struct original *o,
    const struct detection *d, struct err *e)
{
	int r = container_write(q->disk, item->fd, &q->keys, f, o->fd, q->limits.file_bytes);
	if (!r)
		r = q->disk->sync(q->disk->context, item->fd);
	if (r == -ENOSPC || r == -EDQUOT)
		return err_set(e, -ENOSPC, "the disk is full");
	if (!r)
		r = original_unchanged(o);
	if (!r && d->has_sha256 && memcmp(d->sha256, f->item.detection.sha256, SHA256_BYTES) != 0)
		r = -ESTALE;
	return r == -ESTALE ? err_set(e, r, "it has changed since it was judged") : r;
}

/* The container is complete and named before the original is touched. */
static int replace_original(struct quarantine *q, struct open_item *item, struct original *o, struct err *e)
{
	int r = item_become(q, item, ITEM_TAKING);
	if (!r)
		r = original_remove(o, q->disk, item->id, e);
	if (r)
		return r;
	/* Should this fail, the file is in quarantine all the same, and the next start says so. */
	item_become(q, item, ITEM_TAKEN);
	return 0;
}

static int take(
    struct quarantine *q, struct original *o, struct container_facts *f, const struct detection *d, struct err *e)
{
	struct open_item item;
	int64_t most;
	int r = container_most_bytes(f, o->was.st_size, &most);
	if (!r)
		r = make_container(q, f->item.id, most, &item, e);
	if (r)
		return r;
	r = copy(q, &item, f, o, d, e);
	if (!r)
		r = replace_original(q, &item, o, e);
	if (r)
		item_become(q, &item, ITEM_STATE_END);
	item_close(&item);
	return r;
}

/* Names that the file still has, and the one it had. */
static int64_t links_now(const struct original *o)
{
	struct stat st;
	return fstat(o->fd, &st) < 0 ? 1 : (int64_t)st.st_nlink + 1;
}

int quarantine_take(struct quarantine *q, int dirfd, const char *name, int fd, const struct os_path *path,
    const struct detection *d, struct quarantine_item *ret, struct err *e)
{
	struct container_facts facts = CONTAINER_FACTS_INIT;
	struct buf display = BUF_INIT(MAX_DISPLAY);
	struct original o = {0};
	char where[PATH_MAX];
	int r = check_words(path, d);
	if (!r)
		r = original_open(&o, dirfd, name, fd);
	if (!r)
		r = check_kind(q, &o, e);
	if (!r)
		r = learn(&facts, &o, d);
	if (r)
		goto out;
	struct os_path *at = &facts.item.detection.path;
	*at = (struct os_path){.form = PATH_BYTES};
	at->raw = place(&o, path, where, &at->n);
	r = path_display(&display, at->raw, at->n);
	at->display = buf_str(&display);
	if (!r)
		r = take(q, &o, &facts, d, e);
	if (r)
		goto out;
	*ret = facts.item;
	ret->detection.path = *path;
	ret->links = links_now(&o);
out:
	original_close(&o);
	buf_release(&display);
	container_facts_release(&facts);
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}
