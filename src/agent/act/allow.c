#include "allow.h"
#include "array.h"
#include "bounds.h"
#include "clock.h"
#include "file.h"
#include "ipc.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct list {
	struct buf file; /* what the texts point into */
	size_t n, cap;
	struct allow_item *items; /* in the order of the digests */
};
#define LIST_INIT ((struct list){.file = BUF_INIT(MAX_ALLOW_FILE)})

static void list_release(struct list *l)
{
	free(l->items);
	buf_release(&l->file);
}

/* ---- the file: writer beside reader; the entries before the texts are model/allow_set's ---- */

static void put_text(struct buf *m, const struct allow_item *item)
{
	ipc_put_i64(m, item->added_us);
	ipc_put_text(m, item->who);
	ipc_put_text(m, item->reason);
}

static void get_text(struct ipc_reader *r, struct allow_item *item)
{
	item->added_us = ipc_get_i64(r);
	item->who = ipc_get_text(r, MAX_TEXT);
	item->reason = ipc_get_text(r, MAX_TEXT);
}

static void put_entries(struct buf *file, const struct list *l, size_t texts)
{
	buf_adds(file, "KHIENAL1");
	ipc_put_u32(file, (uint32_t)l->n);
	ipc_put_u32(file, (uint32_t)texts);
	for (size_t i = 0; i < l->n; i++) {
		ipc_put_fixed(file, l->items[i].sha256, SHA256_BYTES);
		ipc_put_i64(file, l->items[i].until_us);
	}
}

static int write_list(int folder, const struct list *l)
{
	struct buf file = BUF_INIT(MAX_ALLOW_FILE), texts = BUF_INIT(MAX_ALLOW_FILE);
	for (size_t i = 0; i < l->n; i++)
		put_text(&texts, &l->items[i]);
	put_entries(&file, l, texts.n);
	buf_add(&file, texts.p, texts.n);
	int r = texts.error ? texts.error : file.error;
	if (!r)
		r = file_replace(folder, ALLOW_OWN_NAME, file.p, file.n, 0600);
	buf_release(&file);
	buf_release(&texts);
	return r;
}

static int read_items(struct list *l, const struct allow_set *set)
{
	size_t head = ALLOW_HEADER + set->n * ALLOW_ENTRY;
	struct ipc_reader texts = {.p = (const unsigned char *)l->file.p + head, .n = l->file.n - head};
	struct ipc_reader entries = {.p = set->entries, .n = set->n * ALLOW_ENTRY};
	for (size_t i = 0; i < set->n; i++) {
		struct allow_item item = {0};
		int r = array_room(&l->items, &l->cap, l->n, sizeof *l->items);
		if (r)
			return r;
		ipc_get_fixed(&entries, item.sha256, SHA256_BYTES);
		item.until_us = ipc_get_i64(&entries);
		get_text(&texts, &item);
		l->items[l->n++] = item;
	}
	return ipc_end(&texts);
}

static int read_list(int folder, struct list *l, struct err *e)
{
	struct allow_set set;
	int r = file_read(folder, ALLOW_OWN_NAME, &l->file);
	if (r == -ENOENT)
		return 0;
	if (!r)
		r = allow_set_read(&set, l->file.p, l->file.n);
	if (!r)
		r = read_items(l, &set);
	return r == -EBADMSG || r == -EMSGSIZE ? err_set(e, -EBADMSG, "the allow list is damaged") : r;
}

/* ---- changing ---- */

static int lock(int folder, int *ret_fd)
{
	int fd = openat(folder, ALLOW_OWN_NAME ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		int r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* Without what has expired and without this content. */
static bool drop(struct list *l, const uint8_t sha256[SHA256_BYTES], int64_t now)
{
	bool was_there = false;
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++) {
		bool same = memcmp(l->items[i].sha256, sha256, SHA256_BYTES) == 0;
		was_there |= same;
		if (!same && l->items[i].until_us > now)
			l->items[n++] = l->items[i];
	}
	l->n = n;
	return was_there;
}

static int insert(struct list *l, const struct allow_item *item, struct err *e)
{
	if (l->n >= MAX_ALLOWED)
		return err_set(e, -ENOSPC, "the allow list is full");
	int r = array_room(&l->items, &l->cap, l->n, sizeof *l->items);
	if (r)
		return r;
	size_t at = l->n;
	while (at && memcmp(l->items[at - 1].sha256, item->sha256, SHA256_BYTES) > 0)
		at--;
	memmove(l->items + at + 1, l->items + at, (l->n - at) * sizeof *l->items);
	l->items[at] = *item;
	l->n++;
	return 0;
}

static int change(int folder, const uint8_t sha256[SHA256_BYTES], const struct allow_item *item, struct err *e)
{
	struct list l = LIST_INIT;
	int fd, r = lock(folder, &fd);
	if (r)
		return err_set(e, r, "%s", strerror(-r));
	r = read_list(folder, &l, e);
	if (!r && !drop(&l, sha256, clock_real_us()) && !item)
		r = err_set(e, -ENOENT, "this content is not on the allow list");
	if (!r && item)
		r = insert(&l, item, e);
	if (!r)
		r = write_list(folder, &l);
	list_release(&l);
	close(fd);
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}

int allow_add(int state_folder, const struct allow_item *item, struct err *e)
{
	if (strlen(item->who) > MAX_TEXT || strlen(item->reason) > MAX_TEXT || !*item->reason ||
	    !utf8_valid(item->who, strlen(item->who)) || !utf8_valid(item->reason, strlen(item->reason)))
		return err_set(e, -EINVAL, "an entry needs a reason of at most %d bytes", MAX_TEXT);
	if (item->until_us <= clock_real_us())
		return err_set(e, -EINVAL, "its time is over already");
	return change(state_folder, item->sha256, item, e);
}

int allow_remove(int state_folder, const uint8_t sha256[SHA256_BYTES], struct err *e)
{
	return change(state_folder, sha256, NULL, e);
}

int allow_list(int state_folder, int (*fn)(void *arg, const struct allow_item *item), void *arg, struct err *e)
{
	struct list l = LIST_INIT;
	int r = read_list(state_folder, &l, e);
	if (r)
		err_set(e, r, "%s", strerror(-r));
	for (size_t i = 0; !r && i < l.n; i++)
		r = fn(arg, &l.items[i]);
	list_release(&l);
	return r;
}

/* ---- for the workers ---- */

static int by_digest(const void *a, const void *b)
{
	const struct allow_item *x = a, *y = b;
	int c = memcmp(x->sha256, y->sha256, SHA256_BYTES);
	return c ? c : x->until_us > y->until_us ? -1 : x->until_us < y->until_us;
}

/* Sorted, the later end of two first: each content once. */
static void join(struct list *l)
{
	size_t n = 0;
	if (l->n)
		qsort(l->items, l->n, sizeof *l->items, by_digest);
	for (size_t i = 0; i < l->n; i++)
		if (!n || memcmp(l->items[n - 1].sha256, l->items[i].sha256, SHA256_BYTES) != 0)
			l->items[n++] = l->items[i];
	l->n = n < MAX_ALLOWED ? n : MAX_ALLOWED;
}

static int write_if_other(int folder, const struct buf *file)
{
	struct buf there = BUF_INIT(MAX_ALLOW_FILE);
	int r = file_read(folder, ALLOW_FILE_NAME, &there);
	bool same = !r && there.n == file->n && memcmp(there.p, file->p, file->n) == 0;
	buf_release(&there);
	return same ? 0 : file_replace(folder, ALLOW_FILE_NAME, file->p, file->n, 0600);
}

int allow_publish(int state_folder, const struct allow_item *centre, size_t n, struct err *e)
{
	struct buf file = BUF_INIT(MAX_ALLOW_FILE);
	struct list l = LIST_INIT;
	int own = read_list(state_folder, &l, e), r = 0;
	if (own)
		l.n = 0;
	for (size_t i = 0; !r && i < n; i++) {
		r = array_room(&l.items, &l.cap, l.n, sizeof *l.items);
		if (!r)
			l.items[l.n++] = centre[i];
	}
	join(&l);
	put_entries(&file, &l, 0);
	if (!r)
		r = file.error ? file.error : write_if_other(state_folder, &file);
	buf_release(&file);
	list_release(&l);
	r = r ? r : own;
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}

int allow_open(int state_folder)
{
	int fd = openat(state_folder, ALLOW_FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}
