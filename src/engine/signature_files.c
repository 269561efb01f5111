#include "signature_files.h"

#include "array.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool wanted(int folder, const char *name, const char *const *extensions)
{
	const char *dot = strrchr(name, '.');
	struct stat st;

	if (!dot || dot == name)
		return false;
	for (; *extensions; extensions++)
		if (strcmp(dot + 1, *extensions) == 0)
			return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
	return false;
}

static int add(struct signature_files *f, const char *name)
{
	if (f->n >= MAX_SIGNATURE_FILES)
		return -E2BIG;
	int r = array_room(&f->names, &f->cap, f->n, sizeof *f->names);
	if (r < 0)
		return r;
	f->names[f->n] = strdup(name);
	if (!f->names[f->n])
		return -ENOMEM;
	f->n++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(struct signature_files *f, const char *const *extensions)
{
	int copy = fcntl(f->folder, F_DUPFD_CLOEXEC, 3);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int r = 0;

	if (!d) {
		r = -errno;
		if (copy >= 0)
			close(copy);
		return r;
	}
	while (r == 0 && (entry = readdir(d)))
		if (wanted(f->folder, entry->d_name, extensions))
			r = add(f, entry->d_name);
	closedir(d);
	if (f->n > 1)
		qsort(f->names, f->n, sizeof *f->names, by_name);
	return r;
}

int signature_files_list(
    struct signature_files *f, int generation, const char *name, const char *const *extensions, struct err *e)
{
	*f = (struct signature_files){.folder = -1};
	int folder = openat(generation, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "%s: %s", name, strerror(errno));
	f->folder = folder;
	int r = list(f, extensions);
	if (r < 0) {
		err_set(e, r, "%s: %s", name, strerror(-r));
		signature_files_release(f);
	}
	return r;
}

void signature_files_release(struct signature_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->names[i]);
	free(f->names);
	if (f->folder >= 0)
		close(f->folder);
	*f = (struct signature_files){.folder = -1};
}
