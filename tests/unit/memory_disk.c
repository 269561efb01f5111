#include "memory_disk.h"
#include "str.h"

#include <errno.h>
#include <string.h>

enum { MAX_BYTES = 64 << 20 };

static int strikes(struct memory_disk *d)
{
	d->calls++;
	if (!d->fail_at)
		return 0;
	if (d->calls == d->fail_at || (d->for_ever && d->calls > d->fail_at))
		return d->error;
	return 0;
}

struct memory_file *memory_find(struct memory_disk *d, const char *name)
{
	for (size_t i = 0; i < MEMORY_FILES; i++)
		if (d->files[i].there && strcmp(d->files[i].name, name) == 0)
			return &d->files[i];
	return NULL;
}

static struct memory_file *new_file(struct memory_disk *d, const char *name)
{
	for (size_t i = 0; i < MEMORY_FILES; i++) {
		struct memory_file *f = &d->files[i];
		if (f->there || f->there_safely)
			continue;
		buf_release(&f->bytes);
		*f = (struct memory_file){.there = true, .bytes = BUF_INIT(MAX_BYTES)};
		if (str_copy(f->name, sizeof f->name, name))
			return NULL;
		return f;
	}
	return NULL;
}

static long used(const struct memory_disk *d)
{
	long n = 0;
	for (size_t i = 0; i < MEMORY_FILES; i++)
		if (d->files[i].there)
			n += (long)d->files[i].bytes.n;
	return n;
}

static int list(void *context, int (*each)(void *arg, const char *name), void *arg)
{
	struct memory_disk *d = context;
	int r = 0;
	for (size_t i = 0; !r && i < MEMORY_FILES; i++)
		if (d->files[i].there)
			r = each(arg, d->files[i].name);
	return r;
}

static int read_file(void *context, const char *name, struct buf *b)
{
	struct memory_file *f = memory_find(context, name);
	return f ? buf_add(b, f->bytes.p, f->bytes.n) : -ENOENT;
}

static int create(void *context, const char *name, int *ret_file)
{
	struct memory_disk *d = context;
	int r = strikes(d);
	if (r)
		return r;
	if (memory_find(d, name))
		return -EEXIST;
	struct memory_file *f = new_file(d, name);
	if (!f)
		return -ENFILE;
	*ret_file = (int)(f - d->files);
	return 0;
}

static int append(void *context, int file, const void *p, size_t n)
{
	struct memory_disk *d = context;
	int r = strikes(d);
	if (r) {
		if (d->half_done)
			buf_add(&d->files[file].bytes, p, n / 2);
		return r;
	}
	if (d->room && used(d) + (long)n > d->room) {
		buf_add(&d->files[file].bytes, p, (size_t)(d->room - used(d)));
		return -ENOSPC;
	}
	return buf_add(&d->files[file].bytes, p, n);
}

static int cut(void *context, int file, int64_t size)
{
	struct memory_disk *d = context;
	int r = strikes(d);
	if (r)
		return r;
	struct memory_file *f = &d->files[file];
	if ((size_t)size < f->bytes.n)
		f->bytes.n = (size_t)size;
	if (f->safe > f->bytes.n)
		f->safe = f->bytes.n;
	return 0;
}

static int sync_file(void *context, int file)
{
	struct memory_disk *d = context;
	int r = strikes(d);
	if (!r)
		d->files[file].safe = d->files[file].bytes.n;
	return r;
}

static int settle(void *context, const char *name)
{
	struct memory_disk *d = context;
	return sync_file(d, (int)(memory_find(d, name) - d->files));
}

static void close_file(void *context, int file)
{
	(void)context;
	(void)file;
}

static int sync_folder(void *context)
{
	struct memory_disk *d = context;
	int r = strikes(d);
	for (size_t i = 0; !r && i < MEMORY_FILES; i++)
		d->files[i].there_safely = d->files[i].there;
	return r;
}

/* Whole or not at all, as file_replace promises; a failure strikes before or behind the rename. */
static int replace(void *context, const char *name, const void *p, size_t n)
{
	struct memory_disk *d = context;
	int r = strikes(d);
	if (r && !d->half_done)
		return r;
	struct memory_file *f = memory_find(d, name);
	if (!f)
		f = new_file(d, name);
	if (!f)
		return -ENFILE;
	buf_clear(&f->bytes);
	buf_add(&f->bytes, p, n);
	f->safe = n;
	f->there_safely = true;
	return r;
}

static int remove_file(void *context, const char *name)
{
	struct memory_disk *d = context;
	int r = strikes(d);
	struct memory_file *f = memory_find(d, name);
	if (r || !f)
		return r ? r : -ENOENT;
	f->there = false;
	return 0;
}

struct spool_disk memory_disk(struct memory_disk *d)
{
	return (struct spool_disk){
	    d, list, read_file, create, append, cut, sync_file, settle, close_file, sync_folder, replace, remove_file};
}

void memory_power_loss(struct memory_disk *d, unsigned seed)
{
	for (size_t i = 0; i < MEMORY_FILES; i++) {
		struct memory_file *f = &d->files[i];
		seed = seed * 1103515245u + 12345u;
		bool name_made_it = (seed >> 16) % 2; /* a folder entry that was not synced may be there all the same */
		if (f->there_safely != f->there && !name_made_it)
			f->there = f->there_safely;
		f->there_safely = f->there;
		size_t extra = f->bytes.n - f->safe;
		seed = seed * 1103515245u + 12345u;
		if (extra)
			f->bytes.n = f->safe + (seed >> 8) % (extra + 1);
		if (extra && seed >> 30 == 0) /* size written, bytes not */
			memset(f->bytes.p + f->safe, 0, f->bytes.n - f->safe);
		f->safe = f->bytes.n;
	}
	d->fail_at = 0;
}

void memory_copy(struct memory_disk *to, const struct memory_disk *from)
{
	*to = *from;
	for (size_t i = 0; i < MEMORY_FILES; i++) {
		to->files[i].bytes = BUF_INIT(MAX_BYTES);
		buf_add(&to->files[i].bytes, from->files[i].bytes.p, from->files[i].bytes.n);
	}
}

void memory_release(struct memory_disk *d)
{
	for (size_t i = 0; i < MEMORY_FILES; i++)
		buf_release(&d->files[i].bytes);
}
