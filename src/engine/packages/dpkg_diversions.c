#include "dpkg_diversions.h"

#include "array.h"
#include "bounds.h"
#include "dpkg_digests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void dpkg_diversions_release(struct dpkg_diversions *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].from);
		free(d->v[i].to);
		free(d->v[i].package);
	}
	free(d->v);
	*d = (struct dpkg_diversions){0};
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct dpkg_diversion *)a)->from, ((const struct dpkg_diversion *)b)->from);
}

/* A line without its end and its leading slash; NULL at the end of the file, or without memory. */
static char *next_line(FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n = getline(&line, &cap, f);
	if (n <= 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	memmove(line, line + (line[0] == '/'), strlen(line) + (line[0] != '/'));
	return line;
}

static int read_rows(struct dpkg_diversions *d, FILE *f)
{
	for (;;) {
		struct dpkg_diversion row = {.from = next_line(f)};
		row.to = row.from ? next_line(f) : NULL;
		row.package = row.to ? next_line(f) : NULL;
		int r = !row.package             ? 1
		        : d->n >= MAX_DIVERSIONS ? -E2BIG
		                                 : array_room(&d->v, &d->cap, d->n, sizeof(*d->v));
		if (r) {
			free(row.from);
			free(row.to);
			free(row.package);
			return r < 0 ? r : ferror(f) ? -EIO : 0;
		}
		d->v[d->n++] = row;
	}
}

int dpkg_diversions_read(struct dpkg_diversions *d, int root)
{
	int fd = openat(root, DPKG_FOLDER "/diversions", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	FILE *f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	int r = read_rows(d, f);
	fclose(f);
	if (r == 0 && d->n)
		qsort(d->v, d->n, sizeof(*d->v), compare);
	return r;
}

const char *dpkg_diverted(const struct dpkg_diversions *d, const char *package, const char *path)
{
	const struct dpkg_diversion key = {.from = (char *)path};
	const struct dpkg_diversion *found = d->n ? bsearch(&key, d->v, d->n, sizeof(*d->v), compare) : NULL;
	return found && strcmp(found->package, package) != 0 ? found->to : path;
}
