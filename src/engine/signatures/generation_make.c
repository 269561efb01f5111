#include "generation_make.h"

#include "bounds.h"
#include "manifest.h"
#include "signature_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0755, FILE_MODE = 0644 };

struct making {
	int folder;
	const struct signature_sources *sources;
	struct generation *generation;
	struct signature_ignore *ignore;
	struct image_builder *builder;
	struct manifest manifest;
};

static int open_source(const struct signature_source *s, struct err *e)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? err_set(e, -errno, "%s: %s", s->path, strerror(errno)) : fd;
}

/* What is ignored must be known before the first digest is read. */
static int read_ignored(struct making *m, struct err *e)
{
	int r = 0;
	for (size_t i = 0; i < m->sources->n && r == 0; i++) {
		const struct signature_source *s = &m->sources->v[i];
		if (s->kind->use != SIGNATURE_IGNORE)
			continue;
		int fd = open_source(s, e);
		if (fd < 0)
			return fd;
		r = signature_ignore_read(m->ignore, fd, s->path, e);
		close(fd);
	}
	return r;
}

static int add_entry(void *arg, const struct image_entry *entry)
{
	return image_builder_add(arg, entry);
}

static int read_digests(struct making *m, struct err *e)
{
	int r = 0;
	for (size_t i = 0; i < m->sources->n && r == 0; i++) {
		const struct signature_source *s = &m->sources->v[i];
		struct signature_file f = {s->kind, s->path, m->ignore, add_entry, m->builder};
		struct signature_counts counts;
		if (s->kind->use != SIGNATURE_IMAGE)
			continue;
		int fd = open_source(s, e);
		if (fd < 0)
			return fd;
		r = signature_file_read(&f, fd, &counts, e);
		close(fd);
	}
	return r;
}

static int make_file(int folder, const char *name, struct err *e)
{
	int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd >= 0 && fchmod(fd, FILE_MODE) == 0)
		return fd;
	int r = err_set(e, -errno, "%s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

static int make_image(struct making *m, struct err *e)
{
	const struct image_about about = {m->generation->number, m->generation->day, IMAGE_SIGNATURES};
	int r = read_ignored(m, e);
	if (r == 0)
		r = read_digests(m, e);
	if (r < 0)
		return r;
	int fd = make_file(m->folder, "image", e);
	if (fd < 0)
		return fd;
	r = image_builder_write(m->builder, fd, &about, &m->generation->entries);
	close(fd);
	if (r < 0)
		return err_set(e, r, "image: %s", r == -E2BIG ? "one digest has too many sizes" : strerror(-r));
	return manifest_add(&m->manifest, m->folder, "image", e);
}

static int copy_bytes(int from, int to)
{
	ssize_t k;
	while ((k = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
		;
	if (k == 0)
		return fsync(to) < 0 ? -errno : 0;
	if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	char piece[32 * 1024];
	while ((k = read(from, piece, sizeof(piece))) > 0)
		for (ssize_t done = 0; done < k;) {
			ssize_t w = write(to, piece + done, (size_t)(k - done));
			if (w < 0)
				return -errno;
			done += w;
		}
	return k < 0 || fsync(to) < 0 ? -errno : 0;
}

/* To body/ or yara/, under its own name. */
static int copy_source(struct making *m, const struct signature_source *s, const char *below, struct err *e)
{
	char name[MAX_SIGNATURE_NAME + 8];
	snprintf(name, sizeof(name), "%s/%s", below, s->name);
	int from = open_source(s, e);
	if (from < 0)
		return from;
	int to = make_file(m->folder, name, e), r = to;
	if (to >= 0) {
		r = copy_bytes(from, to);
		if (r < 0)
			err_set(e, r, "%s: %s", s->path, strerror(-r));
		close(to);
	}
	close(from);
	return r < 0 ? r : manifest_add(&m->manifest, m->folder, name, e);
}

static int copy_sources(struct making *m, const char *below, bool yara, size_t *ret_n, struct err *e)
{
	if (mkdirat(m->folder, below, FOLDER_MODE) < 0)
		return err_set(e, -errno, "%s: %s", below, strerror(errno));
	for (size_t i = 0; i < m->sources->n; i++) {
		const struct signature_source *s = &m->sources->v[i];
		if (s->kind->use == SIGNATURE_IMAGE || (s->kind->use == SIGNATURE_YARA) != yara)
			continue;
		int r = copy_source(m, s, below, e);
		if (r < 0)
			return r;
		++*ret_n;
	}
	int fd = openat(m->folder, below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fchmod(fd, FOLDER_MODE) < 0 || fsync(fd) < 0
	            ? err_set(e, -errno, "%s: %s", below, strerror(errno))
	            : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

int generation_make(int folder, const struct signature_sources *s, struct generation *g, struct err *e)
{
	struct making m = {folder, s, g, NULL, NULL, {.generation = g->number, .day = g->day}};
	int r = signature_ignore_new(&m.ignore);
	if (r == 0)
		r = image_builder_new(folder, &m.builder);
	if (r < 0)
		err_set(e, r, "temporary files: %s", strerror(-r));
	if (r == 0)
		r = copy_sources(&m, "body", false, &g->body_files, e);
	if (r == 0)
		r = make_image(&m, e);
	if (r == 0)
		r = copy_sources(&m, "yara", true, &g->yara_files, e);
	if (r == 0) {
		r = manifest_write(&m.manifest, folder);
		if (r < 0)
			err_set(e, r, "%s: %s", MANIFEST_NAME, strerror(-r));
	}
	manifest_release(&m.manifest);
	image_builder_free(m.builder);
	signature_ignore_free(m.ignore);
	return r;
}
