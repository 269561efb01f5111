#include "generation.h"

#include "day.h"
#include "clock.h"
#include "generation_make.h"
#include "str.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBER_TEXT = 24 };
static const char current_name[] = "current", making_name[] = ".new", turning_name[] = ".current",
                  lock_name[] = ".lock";

static int64_t number_of(const char *name)
{
	int64_t v;
	return name[0] >= '1' && name[0] <= '9' && str_i64(name, 1, INT64_MAX - 1, &v) == 0 ? v : 0;
}

int64_t generation_current(int folder)
{
	char target[NUMBER_TEXT];
	ssize_t n = readlinkat(folder, current_name, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = '\0';
	return number_of(target);
}

/* Calls for each name in the folder; ends when `fn` gives below 0. */
static int each_name(int folder, int (*fn)(void *arg, int folder, const char *name), void *arg)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	int r = 0;
	if (!d) {
		r = -errno;
		if (copy >= 0)
			close(copy);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = fn(arg, folder, entry->d_name);
	if (r == 0 && errno)
		r = -errno;
	closedir(d);
	return r;
}

static int remove_tree(int folder, const char *name);

static int remove_each(void *arg, int folder, const char *name)
{
	(void)arg;
	return remove_tree(folder, name);
}

/* What we made ourselves: files, and folders two deep. */
static int remove_tree(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = each_name(fd, remove_each, NULL);
	close(fd);
	return r < 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0 ? r : -errno;
}

static int find_highest(void *arg, int folder, const char *name)
{
	int64_t *highest = arg, v = number_of(name);
	(void)folder;
	if (v > *highest)
		*highest = v;
	return 0;
}

struct keep {
	int64_t now, before;
};

static int remove_others(void *arg, int folder, const char *name)
{
	const struct keep *keep = arg;
	int64_t v = number_of(name);
	return v == 0 || v == keep->now || v == keep->before ? 0 : remove_tree(folder, name);
}

/* The lock's file stays: were it removed, two could each hold a lock of their own. */
static int lock(int folder, struct err *e)
{
	int fd = openat(folder, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "%s: %s", lock_name, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = errno == EWOULDBLOCK ? err_set(e, -EBUSY, "signatures are being loaded just now")
		                             : err_set(e, -errno, "%s: %s", lock_name, strerror(errno));
		close(fd);
		return r;
	}
	return fd;
}

static int32_t newest_day(const struct signature_sources *s, int32_t today)
{
	int32_t newest = 0;
	for (size_t i = 0; i < s->n; i++) {
		int64_t seconds = s->v[i].modified_s;
		int32_t day = seconds <= 0 || seconds > TIME_END / US_PER_S ? 0 : day_of(seconds * US_PER_S);
		if (day > newest)
			newest = day;
	}
	return newest < today ? newest : today;
}

static int make(const struct generation_load *l, const struct signature_sources *s, struct generation *g, struct err *e)
{
	int r = remove_tree(l->folder, making_name);
	if (r == 0 && mkdirat(l->folder, making_name, 0755) < 0)
		r = -errno;
	if (r < 0)
		return err_set(e, r, "%s: %s", making_name, strerror(-r));
	int fd = openat(l->folder, making_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0755) < 0)
		r = err_set(e, -errno, "%s: %s", making_name, strerror(errno));
	if (r == 0)
		r = generation_make(fd, s, g, e);
	if (r == 0 && fsync(fd) < 0)
		r = err_set(e, -errno, "%s: %s", making_name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

/* The link is replaced in one step; the folder that it names is on the disk before. */
static int turn(int folder, const char *number, struct err *e)
{
	int r = remove_tree(folder, turning_name);
	if (r == 0 && (renameat(folder, making_name, folder, number) < 0 || fsync(folder) < 0 ||
	                  symlinkat(number, folder, turning_name) < 0 ||
	                  renameat(folder, turning_name, folder, current_name) < 0 || fsync(folder) < 0))
		r = -errno;
	return r < 0 ? err_set(e, r, "%s: %s", number, strerror(-r)) : 0;
}

static int make_and_turn(
    const struct generation_load *l, const struct signature_sources *s, struct generation *g, struct err *e)
{
	char number[NUMBER_TEXT];
	struct keep keep = {.before = generation_current(l->folder)};
	int r = each_name(l->folder, find_highest, &g->number);
	if (r < 0)
		return err_set(e, r, "%s", strerror(-r));
	g->number++;
	g->day = newest_day(s, l->today);
	keep.now = g->number;
	r = make(l, s, g, e);
	if (r == 0 && l->check)
		r = l->check(l->arg, l->folder, making_name, e);
	if (r == 0) {
		snprintf(number, sizeof(number), "%" PRId64, g->number);
		r = turn(l->folder, number, e);
	}
	if (r == 0)
		(void)each_name(l->folder, remove_others, &keep); /* what stays is removed the next time */
	else
		(void)remove_tree(l->folder, making_name);
	return r;
}

int generation_load(const struct generation_load *l, struct generation *ret, struct err *e)
{
	struct signature_sources s = {0};
	struct generation g = {0};
	int lock_fd = -1;
	int r = signature_sources_find(&s, l->paths, l->n_paths, l->note, l->arg, e);
	if (r == 0)
		r = lock_fd = lock(l->folder, e);
	if (r >= 0)
		r = make_and_turn(l, &s, &g, e);
	if (lock_fd >= 0)
		close(lock_fd);
	signature_sources_release(&s);
	if (r == 0)
		*ret = g;
	return r;
}
