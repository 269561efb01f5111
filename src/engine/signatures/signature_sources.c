#include "signature_sources.h"

#include "array.h"
#include "bounds.h"
#include "image_format.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct finding {
	struct signature_sources *sources;
	signature_note_fn *note;
	void *arg;
};

void signature_sources_release(struct signature_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
	*s = (struct signature_sources){0};
}

static int add(struct signature_sources *s, const char *path, const struct signature_kind *kind, const struct stat *st)
{
	if (s->n >= MAX_SIGNATURE_FILES)
		return -E2BIG;
	int r = array_room(&s->v, &s->cap, s->n, sizeof(*s->v));
	char *copy = r < 0 ? NULL : strdup(path);
	if (!copy)
		return -ENOMEM;
	const char *slash = strrchr(copy, '/');
	s->v[s->n++] = (struct signature_source){copy, slash ? slash + 1 : copy, kind, st->st_mtim.tv_sec};
	return 0;
}

static const char *why_not(const struct stat *st, const struct signature_kind *kind)
{
	if (!S_ISREG(st->st_mode))
		return "no regular file";
	if (!kind)
		return "no kind of signatures that is known by its suffix";
	return kind->use == SIGNATURE_LEFT_OUT ? kind->why : NULL;
}

/* named: by the person. */
static int take_file(struct finding *f, const char *path, const struct stat *st, bool named, struct err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const struct signature_kind *kind = signature_kind_of(name);
	const char *why = image_name_valid(name) ? why_not(st, kind) : "no name that can be printed";
	if (why && named)
		return err_set(e, -EINVAL, "%s: %s", path, why);
	if (why) {
		f->note(f->arg, path, why);
		return 0;
	}
	int r = add(f->sources, path, kind, st);
	return r < 0 ? err_set(e, r, "%s: %s", path, strerror(-r)) : 0;
}

static int take_folder(struct finding *f, const char *path, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	struct stat st;
	int r = 0;
	if (!d)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	while (r == 0 && (errno = 0, entry = readdir(d))) {
		char *below = NULL;
		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&below, "%s/%s", path, entry->d_name) < 0)
			r = err_set(e, -ENOMEM, "%s: %s", path, strerror(ENOMEM));
		else if (stat(below, &st) < 0)
			r = err_set(e, -errno, "%s: %s", below, strerror(errno));
		else if (!S_ISDIR(st.st_mode))
			r = take_file(f, below, &st, false, e);
		free(below);
	}
	if (r == 0 && errno)
		r = err_set(e, -errno, "%s: %s", path, strerror(errno));
	closedir(d);
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct signature_source *)a)->name, ((const struct signature_source *)b)->name);
}

int signature_sources_find(
    struct signature_sources *s, const char *const *paths, size_t n, signature_note_fn *note, void *arg, struct err *e)
{
	struct finding f = {s, note, arg};
	struct stat st;
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		if (stat(paths[i], &st) < 0)
			return err_set(e, -errno, "%s: %s", paths[i], strerror(errno));
		r = S_ISDIR(st.st_mode) ? take_folder(&f, paths[i], e) : take_file(&f, paths[i], &st, true, e);
	}
	if (r < 0 || s->n == 0)
		return r < 0 ? r : err_set(e, -ENOENT, "no file of signatures");
	qsort(s->v, s->n, sizeof(*s->v), compare);
	for (size_t i = 1; i < s->n; i++)
		if (strcmp(s->v[i - 1].name, s->v[i].name) == 0)
			return err_set(e, -EEXIST, "%s and %s have one name", s->v[i - 1].path, s->v[i].path);
	return 0;
}
