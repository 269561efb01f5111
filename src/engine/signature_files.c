#include "signature_files.h"

#include "array.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int add(struct signature_files *f, const char *name, int rank)
{
	struct stat st;

	if (fstatat(f->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (f->n >= MAX_SIGNATURE_FILES)
		return -E2BIG;
	int r = array_room(&f->files, &f->cap, f->n, sizeof *f->files);
	if (r < 0)
		return r;
	f->files[f->n] = (struct signature_file_name){.rank = rank, .name = strdup(name)};
	if (!f->files[f->n].name)
		return -ENOMEM;
	f->n++;
	return 0;
}

static int in_order(const void *a, const void *b)
{
	const struct signature_file_name *x = a, *y = b;
	return x->rank != y->rank ? x->rank - y->rank : strcmp(x->name, y->name);
}

static int list(struct signature_files *f, signature_rank_fn *rank, void *arg)
{
	int copy = fcntl(f->folder, F_DUPFD_CLOEXEC, 3), r = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (!d) {
		r = -errno;
		if (copy >= 0)
			close(copy);
		return r;
	}
	rewinddir(d); /* the descriptors share one place in the folder */
	while (r == 0 && (entry = readdir(d))) {
		int at = entry->d_name[0] == '.' ? -1 : rank(arg, entry->d_name);
		if (at >= 0)
			r = add(f, entry->d_name, at);
	}
	closedir(d);
	if (f->n > 1)
		qsort(f->files, f->n, sizeof *f->files, in_order);
	return r;
}

int signature_files_list(
    struct signature_files *f, int generation, const char *name, signature_rank_fn *rank, void *arg, struct err *e)
{
	*f = (struct signature_files){.folder = -1};
	int folder = openat(generation, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "%s: %s", name, strerror(errno));
	f->folder = folder;
	int r = list(f, rank, arg);
	if (r < 0) {
		err_set(e, r, "%s: %s", name, strerror(-r));
		signature_files_release(f);
	}
	return r;
}

void signature_files_drop(struct signature_files *f, size_t i)
{
	free(f->files[i].name);
	for (f->n--; i < f->n; i++)
		f->files[i] = f->files[i + 1];
}

void signature_files_release(struct signature_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->files[i].name);
	free(f->files);
	if (f->folder >= 0)
		close(f->folder);
	*f = (struct signature_files){.folder = -1};
}
