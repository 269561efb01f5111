/* The index: what a list shows of each container, sealed as one piece, so that it is right or it is not there:
 *
 *    0   8  "KHIENQIX"
 *    8  24  nonce
 *   32   …  u32 n, n × (i64 bytes and i64 mtime_ns of the container, its item as container_put_item writes it), sealed
 *
 * An entry counts while its container has the size and time that it says; others are read anew from the containers. */
#include "quarantine_int.h"
#include "array.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	MAX_INDEX = 64 << 20, /* larger than that it is not written: the containers are read */
	INDEX_HEAD = 32,
	INDEX_SEAL = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};

struct entry {
	int64_t bytes, mtime_ns;
	struct quarantine_item item;
	bool used;
};

struct loading {
	struct quarantine *q;
	struct item_list *list;
	struct entry *entries; /* in the order of ids */
	size_t n_entries;
	size_t n_read;
};

static int64_t mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* ---- the file ---- */

static int open_index(struct quarantine *q, struct buf *plain)
{
	struct buf sealed = BUF_INIT(MAX_INDEX);
	unsigned long long n;
	int r = file_read(q->folder, "index", &sealed);
	if (!r && (sealed.n < INDEX_HEAD + INDEX_SEAL || memcmp(sealed.p, "KHIENQIX", 8) != 0))
		r = -EBADMSG;
	if (!r)
		r = buf_reserve(plain, sealed.n);
	const unsigned char *p = (const unsigned char *)sealed.p;
	if (!r && crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)plain->p, &n, NULL, p + INDEX_HEAD,
	              sealed.n - INDEX_HEAD, p, 8, p + 8, q->keys.index))
		r = -EBADMSG;
	if (!r)
		plain->n = (size_t)n;
	buf_release(&sealed);
	return r;
}

static int by_id(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return memcmp(x->item.id.b, y->item.id.b, ID_BYTES);
}

static int read_entries(struct loading *l)
{
	struct buf *plain = &l->list->index;
	struct ipc_reader r = {.p = (const unsigned char *)plain->p, .n = plain->n};
	size_t n = ipc_get_u32(&r);
	if (r.error || n > plain->n / 64) /* an entry is longer than that */
		return -EBADMSG;
	l->entries = calloc(n ? n : 1, sizeof *l->entries);
	if (!l->entries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct entry *x = &l->entries[i];
		x->bytes = ipc_get_i64(&r);
		x->mtime_ns = ipc_get_i64(&r);
		container_get_item(&r, &x->item);
	}
	if (ipc_end(&r))
		return -EBADMSG;
	qsort(l->entries, n, sizeof *l->entries, by_id);
	l->n_entries = n;
	return 0;
}

static void put_entry(struct quarantine *q, struct buf *b, const struct quarantine_item *item)
{
	char name[ITEM_NAME];
	struct stat st;
	for (int s = 0; s < ITEM_STATE_END; s++) {
		item_name(item->id, (enum item_state)s, name);
		if (!item_states[s].holds || fstatat(q->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		ipc_put_i64(b, st.st_size);
		ipc_put_i64(b, mtime_ns(&st));
		container_put_item(b, item);
		return;
	}
}

/* A cache: whether it can be written is of no consequence. */
static void write_index(struct quarantine *q, const struct item_list *l)
{
	struct buf plain = BUF_INIT(MAX_INDEX - INDEX_HEAD - INDEX_SEAL), sealed = BUF_INIT(MAX_INDEX);
	unsigned char nonce[INDEX_HEAD - 8];
	uint32_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		n += !l->items[i].damaged;
	ipc_put_u32(&plain, n);
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i].damaged)
			put_entry(q, &plain, &l->items[i]);
	randombytes_buf(nonce, sizeof nonce);
	buf_add(&sealed, "KHIENQIX", 8);
	buf_add(&sealed, nonce, sizeof nonce);
	if (!plain.error && !buf_reserve(&sealed, plain.n + INDEX_SEAL)) {
		crypto_aead_xchacha20poly1305_ietf_encrypt((unsigned char *)sealed.p + INDEX_HEAD, NULL,
		    (const unsigned char *)plain.p, plain.n, (const unsigned char *)sealed.p, 8, NULL, nonce,
		    q->keys.index);
		q->disk->replace(q->disk->context, q->folder, "index", sealed.p, INDEX_HEAD + plain.n + INDEX_SEAL);
	}
	buf_release(&plain);
	buf_release(&sealed);
}

/* ---- the list ---- */

static int add_item(struct item_list *l, const struct quarantine_item *item)
{
	int r = array_room(&l->items, &l->cap, l->n, sizeof *l->items);
	if (!r)
		l->items[l->n++] = *item;
	return r;
}

static struct quarantine_item nothing_known(id16 id)
{
	const struct os_path nowhere = {.form = PATH_BYTES, .raw = "", .display = ""};
	return (struct quarantine_item){
	    .id = id, .damaged = true, .detection = {.engine = "", .name = "", .type = "", .path = nowhere}};
}

static int read_container(struct loading *l, const struct item_file *f)
{
	struct item_list *list = l->list;
	char name[ITEM_NAME];
	int64_t content;
	int r = array_room(&list->read, &list->read_cap, list->n_read, sizeof *list->read);
	if (r)
		return r;
	item_name(f->id, f->state, name);
	int fd = openat(l->q->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	struct container_facts *facts = &list->read[list->n_read++];
	*facts = CONTAINER_FACTS_INIT;
	r = container_read(fd, &l->q->keys, f->id, facts, &content);
	close(fd);
	attributes_release(&facts->attributes); /* a list has no use for them, and they may be large */
	if (r && r != -EBADMSG && r != -EIO)
		return r;
	if (r)
		facts->item = nothing_known(f->id);
	facts->item.stored_bytes = f->st.st_size;
	l->n_read += !r;
	return add_item(list, &facts->item);
}

static int add_file(void *arg, const struct item_file *f)
{
	struct loading *l = arg;
	struct entry key = {.item.id = f->id};
	if (!item_states[f->state].holds)
		return 0;
	struct entry *x = l->n_entries ? bsearch(&key, l->entries, l->n_entries, sizeof *l->entries, by_id) : NULL;
	if (!x || x->bytes != f->st.st_size || x->mtime_ns != mtime_ns(&f->st))
		return read_container(l, f);
	x->item.stored_bytes = f->st.st_size;
	x->used = true;
	return add_item(l->list, &x->item);
}

static int by_time(const void *a, const void *b)
{
	const struct quarantine_item *x = a, *y = b;
	if (x->taken_us != y->taken_us)
		return x->taken_us < y->taken_us ? -1 : 1;
	return memcmp(x->id.b, y->id.b, ID_BYTES);
}

static bool index_is_stale(const struct loading *l)
{
	for (size_t i = 0; i < l->n_entries; i++)
		if (!l->entries[i].used)
			return true;
	return l->n_read > 0;
}

static int load(struct loading *l)
{
	int r = open_index(l->q, &l->list->index);
	if (!r)
		r = read_entries(l);
	if (r == -ENOMEM)
		return r;
	r = folder_each(l->q, add_file, l);
	if (!r && index_is_stale(l))
		write_index(l->q, l->list);
	if (!r && l->list->n)
		qsort(l->list->items, l->list->n, sizeof *l->list->items, by_time);
	return r;
}

int item_list_load(struct quarantine *q, struct item_list *ret)
{
	struct loading l = {.q = q, .list = ret};
	*ret = (struct item_list){.index = BUF_INIT(MAX_INDEX)};
	int r = folder_lock(q);
	if (r)
		return r;
	r = load(&l);
	folder_unlock(q);
	free(l.entries);
	if (r)
		item_list_release(ret);
	return r;
}

void item_list_release(struct item_list *l)
{
	for (size_t i = 0; i < l->n_read; i++)
		container_facts_release(&l->read[i]);
	free(l->read);
	free(l->items);
	buf_release(&l->index);
	*l = (struct item_list){.index = BUF_INIT(MAX_INDEX)};
}

int quarantine_list(
    struct quarantine *q, int (*fn)(void *arg, const struct quarantine_item *item), void *arg, struct err *e)
{
	struct item_list l;
	int r = item_list_load(q, &l);
	if (r)
		return err_set(e, r, "%s", strerror(-r));
	for (size_t i = 0; !r && i < l.n; i++)
		r = fn(arg, &l.items[i]);
	item_list_release(&l);
	return r;
}

static int add_usage(void *arg, const struct item_file *f)
{
	int64_t *usage = arg;
	usage[0] += item_states[f->state].holds;
	usage[1] += f->st.st_size;
	return 0;
}

int quarantine_usage(struct quarantine *q, int64_t *ret_items, int64_t *ret_bytes)
{
	int64_t usage[2] = {0};
	int r = folder_each(q, add_usage, usage);
	if (r)
		return r;
	*ret_items = usage[0];
	*ret_bytes = usage[1];
	return 0;
}
