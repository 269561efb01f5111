#include "walk_names.h"
#include "array.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 8192 };

void walk_name_release(struct walk_name *n)
{
	free(n->name);
	*n = (struct walk_name){0};
}

void walk_names_begin(struct walk_names *n, const char *after)
{
	*n = (struct walk_names){.after = after};
}

static void drop_from(struct walk_names *n, size_t from)
{
	for (size_t i = from; i < n->n; i++)
		walk_name_release(&n->v[i]);
	n->n = from;
}

void walk_names_release(struct walk_names *n)
{
	drop_from(n, n->i < n->n ? n->i : n->n); /* those before are the callers' */
	free(n->v);
	free(n->last);
	*n = (struct walk_names){0};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct walk_name *)a)->name, ((const struct walk_name *)b)->name);
}

/* Less than, equal to or greater than 0: name against the first component of after. */
static int against(const char *name, const char *after)
{
	size_t n = strcspn(after, "/"), m = strlen(name);
	int k = memcmp(name, after, m < n ? m : n);
	return k ? k : m < n ? -1 : m > n;
}

static bool lies_ahead(const struct walk_names *n, const char *name)
{
	if (n->last)
		return strcmp(name, n->last) > 0;
	return !n->after || against(name, n->after) >= 0;
}

static enum walk_name_kind kind_of(const struct dirent *e)
{
	switch (e->d_type) {
	case DT_REG:
		return NAME_FILE;
	case DT_DIR:
		return NAME_FOLDER;
	case DT_UNKNOWN:
		return NAME_UNKNOWN;
	default:
		return NAME_OTHER;
	}
}

static int keep(struct walk_names *n, const struct dirent *e)
{
	int r = array_room(&n->v, &n->cap, n->n, sizeof *n->v);
	struct walk_name v = {.kind = kind_of(e)};
	if (r)
		return r;
	v.name = strdup(e->d_name);
	if (!v.name)
		return -ENOMEM;
	n->v[n->n++] = v;
	if (n->n < 2 * PIECE)
		return 0;
	qsort(n->v, n->n, sizeof *n->v, by_name);
	drop_from(n, PIECE);
	n->all = false;
	return 0;
}

static int read_all(struct walk_names *n, DIR *d)
{
	const struct dirent *e;
	int r = 0;
	while (!r && (errno = 0, e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (kind_of(e) != NAME_OTHER && lies_ahead(n, e->d_name))
			r = keep(n, e);
	}
	return r ? r : -errno;
}

/* The next piece: the smallest names that lie ahead. */
static int read_piece(struct walk_names *n, int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		int r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	n->n = n->i = 0;
	n->all = true;
	int r = read_all(n, d);
	closedir(d);
	if (n->n)
		qsort(n->v, n->n, sizeof *n->v, by_name);
	if (n->n > PIECE) {
		drop_from(n, PIECE);
		n->all = false;
	}
	return r;
}

static int remember(struct walk_names *n, const char *name)
{
	char *copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free(n->last);
	n->last = copy;
	return 0;
}

static void mark_after(const struct walk_names *n, bool first, struct walk_name *v)
{
	if (!first || !n->after || against(v->name, n->after) != 0)
		return;
	const char *slash = strchr(n->after, '/');
	v->after = slash ? slash + 1 : NULL;
	v->passed = !slash;
}

int walk_names_next(struct walk_names *n, int folder, struct walk_name *ret)
{
	bool first = !n->last;
	if (n->i == n->n) {
		if (n->all)
			return 0;
		int r = read_piece(n, folder);
		if (r)
			return r;
		if (!n->n)
			return 0;
	}
	int r = remember(n, n->v[n->i].name);
	if (r)
		return r;
	*ret = n->v[n->i++];
	mark_after(n, first, ret);
	return 1;
}
