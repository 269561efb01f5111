#include "generation_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void generation_open(struct generation *g)
{
	char path[128];
	*g = (struct generation){.path = "/tmp/khien-engine-XXXXXX"};
	assert_non_null(mkdtemp(g->path));
	snprintf(g->temporary, sizeof g->temporary, "%s/temporary", g->path);
	assert_int_equal(mkdir(g->temporary, 0700), 0);
	snprintf(path, sizeof path, "%s/1", g->path);
	assert_int_equal(mkdir(path, 0700), 0);
	g->folder = open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g->signatures = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(g->folder >= 0 && g->signatures >= 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void generation_close(struct generation *g)
{
	close(g->signatures);
	close(g->folder);
	nftw(g->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void generation_put(struct generation *g, const char *path, const void *p, size_t n)
{
	char folder[256];
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
		assert_true(mkdirat(g->signatures, folder, 0700) == 0 || errno == EEXIST);
	}
	int fd = openat(g->signatures, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, p, n), 0);
	close(fd);
}

void generation_text(struct generation *g, const char *path, const char *text)
{
	generation_put(g, path, text, strlen(text));
}

void generation_image(struct generation *g, const struct image_entry *entries, size_t n)
{
	const struct image_about about = {.generation = 42, .day = 20000, .origin = IMAGE_SIGNATURES};
	struct image_builder *b;
	assert_int_equal(image_builder_new(g->folder, &b), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(image_builder_add(b, &entries[i]), 0);
	unlinkat(g->signatures, "image", 0);
	int fd = openat(g->signatures, "image", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(image_builder_write(b, fd, &about, NULL), 0);
	close(fd);
	image_builder_free(b);
}

static void note(void *arg, const char *engine, const char *file, int line, const char *text)
{
	struct generation *g = arg;
	if (g->problems++ == 0)
		snprintf(g->problem, sizeof g->problem, "%s %s:%d %s", engine, file, line, text);
}

struct pipeline *generation_load(struct generation *g, const struct engine *const *engines, size_t n)
{
	const struct scan_limits limits = SCAN_LIMITS_DEFAULT;
	struct err e = {0};
	struct pipeline *p;

	g->problems = 0;
	g->problem[0] = 0;
	assert_int_equal(pipeline_new(engines, n, &limits, &p), 0);
	assert_int_equal(pipeline_load(p, g->signatures, note, g, &e), 0);
	assert_int_equal(pipeline_enter(p, g->temporary), 0);
	return p;
}

struct scan_result generation_scan(struct generation *g, struct pipeline *p, const void *bytes, size_t n)
{
	struct scan_result r;
	int fd = openat(g->folder, "content", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, bytes, n), 0);
	pipeline_scan(p, fd, &r);
	close(fd);
	return r;
}

struct scan_result generation_scan_file(struct pipeline *p, const char *path)
{
	struct scan_result r;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	assert_true(fd >= 0);
	pipeline_scan(p, fd, &r);
	close(fd);
	return r;
}

const struct engine_state *generation_state(const struct pipeline *p, const char *engine)
{
	const struct engine_state *s;
	size_t n = pipeline_states(p, &s);
	for (size_t i = 0; i < n; i++)
		if (strcmp(s[i].name, engine) == 0)
			return &s[i];
	fail_msg("no engine %s", engine);
	return NULL;
}
