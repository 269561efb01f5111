#include "pool_memory.h"

#include <stdlib.h>
#include <string.h>

struct pool_file pool_file_of(const struct stat *st)
{
	return (struct pool_file){
	    .dev = st->st_dev, .ino = st->st_ino, .size = st->st_size, .mtime = st->st_mtim, .ctime = st->st_ctim};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_file(const struct pool_file *a, const struct pool_file *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && same_time(&a->mtime, &b->mtime) &&
	       same_time(&a->ctime, &b->ctime);
}

void pool_memory_add(struct pool_memory *m, const struct pool_memory_entry *e)
{
	if (!m->v)
		m->v = calloc(POOL_MAX_REMEMBERED, sizeof *m->v);
	if (!m->v)
		return;
	m->v[m->next] = *e;
	m->next = (m->next + 1) % POOL_MAX_REMEMBERED;
	if (m->n < POOL_MAX_REMEMBERED)
		m->n++;
}

const struct pool_memory_entry *pool_memory_find(const struct pool_memory *m, const struct pool_file *f)
{
	for (size_t i = 0; i < m->n; i++)
		if (same_file(&m->v[i].file, f))
			return &m->v[i];
	return NULL;
}

void pool_memory_clear(struct pool_memory *m)
{
	free(m->v);
	*m = (struct pool_memory){0};
}
