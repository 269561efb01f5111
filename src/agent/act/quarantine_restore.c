#include "original.h"
#include "quarantine_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool holds(enum item_state s)
{
	return item_states[s].holds;
}

static int open_item_of_person(struct quarantine *q, id16 id, struct open_item *ret, struct err *e)
{
	int r = item_open(q, id, holds, ret);
	if (r == -ENOENT)
		return err_set(e, r, "no such item is in quarantine");
	return r == -EBUSY ? err_set(e, r, "somebody else is working on this item") : r;
}

/* What has left is kept as its head alone until the centre has been told; the content is gone at once. */
static int leave(struct quarantine *q, struct open_item *item, enum item_state s, int64_t head, const struct note *note)
{
	int r = note_write(q, item->id, note);
	if (!r)
		r = item_become(q, item, s);
	if (!r)
		r = q->disk->cut(q->disk->context, item->fd, head);
	return r ? r : q->disk->sync(q->disk->context, item->fd);
}

/* ---- giving back ---- */

/* Where the content is put together, under no name where the file system knows how, else under the private one. */
struct draft {
	int folder, fd;
	const char *name;
	char private_name[ORIGINAL_PRIVATE_NAME];
	bool named;
};

static int draft_open(struct draft *d, const struct act_disk *disk, int folder, const char *name, id16 id)
{
	*d = (struct draft){.folder = folder, .fd = -1, .name = name};
	original_private_name(id, d->private_name);
	int r = disk->nameless(disk->context, folder, &d->fd);
	if (r != -EOPNOTSUPP)
		return r;
	r = disk->create(disk->context, folder, d->private_name, &d->fd);
	if (r == -EEXIST) { /* left by one of us who was killed */
		r = disk->remove(disk->context, folder, d->private_name);
		if (!r)
			r = disk->create(disk->context, folder, d->private_name, &d->fd);
	}
	d->named = !r;
	return r;
}

static int draft_finish(struct draft *d, const struct act_disk *disk)
{
	int r = d->named ? disk->rename(disk->context, d->folder, d->private_name, d->name)
	                 : disk->name(disk->context, d->fd, d->folder, d->name);
	if (!r)
		d->named = false;
	return r;
}

static void draft_close(struct draft *d, const struct act_disk *disk)
{
	if (d->named)
		disk->remove(disk->context, d->folder, d->private_name);
	if (d->fd >= 0)
		close(d->fd);
}

static int fill(struct quarantine *q, const struct open_item *item, const struct container_facts *f,
    const struct draft *d, bool elsewhere, struct err *e)
{
	const char *missing = "";
	int r = container_extract(q->disk, item->fd, &q->keys, item->id, d->fd);
	if (r == -EBADMSG)
		return err_set(e, r, "the container is damaged");
	if (r)
		return r;
	r = q->disk->dress(q->disk->context, d->fd, &f->attributes, elsewhere, &missing);
	if (r)
		return err_set(e, r, "%s cannot be given back: %s", *missing ? missing : "an attribute", strerror(-r));
	return q->disk->sync(q->disk->context, d->fd);
}

/* Somebody was killed after he had given it back: then it stands there already. */
static bool stands_there(int folder, const char *name, const struct container_facts *f)
{
	uint8_t digest[SHA256_BYTES];
	struct stat st;
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool so = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == f->item.size &&
	          content_digest(fd, digest) == 0 && memcmp(digest, f->item.detection.sha256, sizeof digest) == 0;
	if (fd >= 0)
		close(fd);
	return so;
}

static int give_back(struct quarantine *q, const struct open_item *item, const struct container_facts *f, int folder,
    const char *name, bool elsewhere, struct err *e)
{
	struct draft d;
	struct stat st;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return stands_there(folder, name, f) ? 0 : err_set(e, -EEXIST, "another file is there now");
	int r = draft_open(&d, q->disk, folder, name, item->id);
	if (!r)
		r = fill(q, item, f, &d, elsewhere, e);
	if (!r)
		r = draft_finish(&d, q->disk);
	if (r == -EEXIST)
		err_set(e, r, "another file is there now");
	if (!r && f->attributes.flags) /* which a file without a name cannot have: last of all */
		q->disk->flags(q->disk->context, d.fd, f->attributes.flags);
	if (!r)
		r = q->disk->sync(q->disk->context, folder);
	draft_close(&d, q->disk);
	return r;
}

static int open_target(const struct container_facts *f, const char *elsewhere, char path[PATH_MAX], int *ret_folder,
    const char **ret_name, struct err *e)
{
	const struct os_path *was = &f->item.detection.path;
	size_t n = elsewhere ? strlen(elsewhere) : was->n;
	if (n >= PATH_MAX)
		return err_set(e, -ENAMETOOLONG, "the path is too long");
	memcpy(path, elsewhere ? elsewhere : was->raw, n);
	path[n] = 0;
	int r = act_open_folder(path, ret_folder, ret_name);
	if (r == -ELOOP)
		return err_set(e, r, "a folder on the way is a link");
	if (r == -ENOENT || r == -ENOTDIR)
		return err_set(e, r, "its folder is not there any more");
	return r == -EINVAL ? err_set(e, r, "not an absolute path of a file") : r;
}

static int restore(struct quarantine *q, struct open_item *item, const char *elsewhere, int64_t task_id, struct err *e)
{
	struct container_facts f = CONTAINER_FACTS_INIT;
	char path[PATH_MAX];
	const char *name;
	int folder = -1;
	int64_t head;
	int r = container_read(item->fd, &q->keys, item->id, &f, &head);
	if (r == -EBADMSG)
		err_set(e, r, "the container is damaged");
	if (!r)
		r = open_target(&f, elsewhere, path, &folder, &name, e);
	if (!r)
		r = give_back(q, item, &f, folder, name, elsewhere != NULL, e);
	if (!r) {
		struct note note = {.task_id = task_id, .path = path, .path_n = strlen(path)};
		r = leave(q, item, item_states[item->state].restored, head, &note);
	}
	if (folder >= 0)
		close(folder);
	container_facts_release(&f);
	return r;
}

int quarantine_restore(struct quarantine *q, id16 id, const char *elsewhere, int64_t task_id, struct err *e)
{
	struct open_item item;
	int r = open_item_of_person(q, id, &item, e);
	if (r)
		return err_set(e, r, "%s", strerror(-r));
	r = restore(q, &item, elsewhere, task_id, e);
	item_close(&item);
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}

/* ---- deleting ---- */

/* One that cannot be read has nothing that the centre could be told: it goes without. */
int quarantine_delete(struct quarantine *q, id16 id, int64_t task_id, struct err *e)
{
	struct container_facts f = CONTAINER_FACTS_INIT;
	struct note note = {.task_id = task_id, .path = ""};
	struct open_item item;
	int64_t head;
	int r = open_item_of_person(q, id, &item, e);
	if (r)
		return err_set(e, r, "%s", strerror(-r));
	r = container_read(item.fd, &q->keys, id, &f, &head);
	if (r == -EBADMSG)
		r = item_become(q, &item, ITEM_STATE_END);
	else if (!r)
		r = leave(q, &item, item_states[item.state].deleted, head, &note);
	item_close(&item);
	container_facts_release(&f);
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}
