#include "walk.h"
#include "bounds.h"
#include "buf.h"
#include "walk_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Deeper than people and programs make folders; each level costs a descriptor. */
enum { MAX_DEPTH = 512 };

struct walk_folder {
	int fd;
	int held;
};

struct level {
	struct walk_folder *folder;
	struct walk_names names;
	size_t path_n; /* of the folder's own path */
	uint64_t mount;
	enum device_type device;
	const char *after; /* components still to be passed on the way to where the walk goes on; NULL: none */
};

struct walk {
	struct walk_plan plan;
	const char **roots; /* sorted, none within another */
	size_t n_roots, next_root;
	const char *after;
	struct buf path;
	struct walk_folder *single; /* of the root that is a file, until the next call */
	size_t depth;
	struct level levels[MAX_DEPTH];
};

/* ---- folders ---- */

int walk_folder_fd(const struct walk_folder *f)
{
	return f->fd;
}

struct walk_folder *walk_folder_hold(struct walk_folder *f)
{
	f->held++;
	return f;
}

void walk_folder_drop(struct walk_folder *f)
{
	if (!f || --f->held)
		return;
	close(f->fd);
	free(f);
}

static int folder_new(int fd, struct walk_folder **ret)
{
	struct walk_folder *f = malloc(sizeof *f);
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	*f = (struct walk_folder){fd, 1};
	*ret = f;
	return 0;
}

/* ---- order ---- */

/* A slash sorts before all other bytes, so that a folder's content stands right behind the folder. */
int walk_compare(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	int x = *a == '/' ? 1 : *a ? (unsigned char)*a + 1 : 0, y = *b == '/' ? 1 : *b ? (unsigned char)*b + 1 : 0;
	return x - y;
}

static int by_path(const void *a, const void *b)
{
	return walk_compare(*(const char *const *)a, *(const char *const *)b);
}

static bool is_within(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	if (strcmp(folder, "/") == 0)
		return true;
	return strncmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == '/');
}

static int take_roots(struct walk *w)
{
	const struct walk_plan *p = &w->plan;
	w->roots = calloc(p->n_roots + 1, sizeof *w->roots);
	if (!w->roots)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_roots; i++)
		if (p->roots[i][0] != '/')
			return -EINVAL;
	memcpy(w->roots, p->roots, p->n_roots * sizeof *w->roots);
	qsort(w->roots, p->n_roots, sizeof *w->roots, by_path);
	for (size_t i = 0; i < p->n_roots; i++)
		if (!w->n_roots || !is_within(w->roots[i], w->roots[w->n_roots - 1]))
			w->roots[w->n_roots++] = w->roots[i];
	return 0;
}

int walk_new(const struct walk_plan *plan, struct walk **ret)
{
	struct walk *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->plan = *plan;
	w->path = BUF_INIT(MAX_PATH_BYTES);
	int r = take_roots(w);
	if (r) {
		walk_free(w);
		return r;
	}
	w->after = plan->after;
	/* whole roots that lie behind us */
	while (w->after && w->next_root < w->n_roots && walk_compare(w->roots[w->next_root], w->after) <= 0 &&
	       !is_within(w->after, w->roots[w->next_root]))
		w->next_root++;
	*ret = w;
	return 0;
}

static void leave(struct walk *w)
{
	struct level *l = &w->levels[--w->depth];
	walk_names_release(&l->names);
	walk_folder_drop(l->folder);
}

void walk_free(struct walk *w)
{
	if (!w)
		return;
	while (w->depth)
		leave(w);
	walk_folder_drop(w->single);
	free(w->roots);
	buf_release(&w->path);
	free(w);
}

/* ---- going in ---- */

static void cut_path(struct walk *w, size_t n)
{
	w->path.n = n;
	w->path.p[n] = 0;
	w->path.error = 0;
}

static void set_path(struct walk *w, size_t folder_n, const char *name)
{
	cut_path(w, folder_n);
	if (folder_n != 1 || w->path.p[0] != '/')
		buf_addc(&w->path, '/');
	buf_adds(&w->path, name);
}

static int missed(struct walk *w, int error, struct walk_item *ret)
{
	*ret = (struct walk_item){
	    .kind = WALK_MISSED, .fd = -1, .error = error, .path = buf_str(&w->path), .path_n = w->path.n};
	const char *slash = strrchr(ret->path, '/');
	ret->name = slash ? slash + 1 : ret->path;
	return 1;
}

/* What has gone, or is another thing now, is not missed. */
static int gone_or_missed(struct walk *w, int error, struct walk_item *ret)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP ? 0 : missed(w, error, ret);
}

static bool is_left_out(const struct walk *w)
{
	for (size_t i = 0; i < w->plan.n_left_out; i++)
		if (strcmp(buf_str(&w->path), w->plan.left_out[i]) == 0)
			return true;
	return false;
}

/* Of the folder's file system: false when it is not to be entered. A mount younger than the table is taken for one of
 * this computer's. */
static bool look_at_mount(const struct walk *w, int fd, const struct level *above, struct level *ret)
{
	struct statx sx;
	struct mount_facts facts = {MOUNT_LOCAL, DEVICE_UNKNOWN, false};
	ret->mount = 0;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) == 0 && sx.stx_mask & STATX_MNT_ID)
		ret->mount = sx.stx_mnt_id;
	if (above && above->mount == ret->mount) {
		ret->device = above->device;
		return true;
	}
	if (w->plan.mounts)
		mounts_find(w->plan.mounts, ret->mount, &facts);
	ret->device = facts.device;
	if (facts.kind == MOUNT_PSEUDO)
		return false;
	if (!above)
		return true;
	return (facts.kind != MOUNT_NETWORK || w->plan.network) &&
	       (facts.device != DEVICE_REMOVABLE || w->plan.removable) && !(facts.repeats && w->plan.no_repeats);
}

/* Takes fd over. */
static int enter(struct walk *w, int fd, const char *after, struct walk_item *ret)
{
	struct level l = {.path_n = w->path.n, .after = after && *after ? after : NULL};
	const struct level *above = w->depth ? &w->levels[w->depth - 1] : NULL;
	if (w->depth == MAX_DEPTH) {
		close(fd);
		return missed(w, ELOOP, ret);
	}
	if (is_left_out(w) || !look_at_mount(w, fd, above, &l)) {
		close(fd);
		return 0;
	}
	int r = folder_new(fd, &l.folder);
	if (r)
		return r;
	walk_names_begin(&l.names, l.after);
	w->levels[w->depth++] = l;
	return 0;
}

/* O_NONBLOCK: what was a file a moment ago may be a pipe now. O_NOATIME: a scan is no use of a file; allowed to owners
 * and root. */
static int open_file(int folder, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(folder, name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(folder, name, flags);
	return fd < 0 ? -errno : fd;
}

static int look_at_file(struct walk *w, const struct level *l, const char *name, struct walk_item *ret)
{
	int fd = open_file(walk_folder_fd(l->folder), name);
	if (fd == -ENXIO)
		return 0; /* a socket by now */
	if (fd < 0)
		return gone_or_missed(w, -fd, ret);
	*ret = (struct walk_item){.kind = WALK_FILE,
	    .fd = fd,
	    .path = buf_str(&w->path),
	    .path_n = w->path.n,
	    .folder = l->folder,
	    .device = l->device};
	ret->name = ret->path + ret->path_n - strlen(name);
	if (fstat(fd, &ret->st) == 0 && S_ISREG(ret->st.st_mode))
		return 1;
	close(fd);
	return 0;
}

static int look_at_folder(
    struct walk *w, const struct level *l, const char *name, const char *after, struct walk_item *ret)
{
	int fd = openat(walk_folder_fd(l->folder), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return gone_or_missed(w, errno, ret);
	return enter(w, fd, after, ret);
}

static int look_at(struct walk *w, const struct walk_name *n, struct walk_item *ret)
{
	const struct level *l = &w->levels[w->depth - 1];
	enum walk_name_kind kind = n->kind;
	struct stat st;
	set_path(w, l->path_n, n->name);
	if (w->path.error) {
		int error = w->path.error == -EMSGSIZE ? ENAMETOOLONG : ENOMEM;
		cut_path(w, l->path_n);
		return missed(w, error, ret);
	}
	if (kind == NAME_UNKNOWN) {
		if (fstatat(walk_folder_fd(l->folder), n->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return gone_or_missed(w, errno, ret);
		kind = S_ISREG(st.st_mode) ? NAME_FILE : S_ISDIR(st.st_mode) ? NAME_FOLDER : NAME_OTHER;
	}
	if (kind == NAME_FILE)
		return n->passed ? 0 : look_at_file(w, l, n->name, ret);
	return kind == NAME_FOLDER ? look_at_folder(w, l, n->name, n->after, ret) : 0;
}

/* What stands between the root and the path that the walk goes on behind. */
static const char *after_within(const char *after, const char *root)
{
	if (!after || !is_within(after, root))
		return NULL;
	after += strcmp(root, "/") == 0 ? 0 : strlen(root);
	while (*after == '/')
		after++;
	return after;
}

static int enter_root(struct walk *w, const char *root, struct walk_item *ret)
{
	const char *after = after_within(w->after, root);
	w->path.n = 0;
	w->path.error = 0;
	if (buf_adds(&w->path, root))
		return missed(w, ENAMETOOLONG, ret);
	int fd = open(root, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0)
		return missed(w, errno, ret);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return enter(w, fd, after, ret);
	close(fd);
	if (after) /* this very file was the last one */
		return 0;
	/* a file: through its folder, as all others */
	char *slash = strrchr(w->path.p, '/');
	const char *name = root + (slash - w->path.p) + 1;
	struct level l = {0};
	fd = open(slash == w->path.p ? "/" : (*slash = 0, w->path.p), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
	if (fd < 0)
		return missed(w, errno, ret);
	look_at_mount(w, fd, NULL, &l);
	int r = folder_new(fd, &w->single);
	l.folder = w->single;
	return r ? r : look_at_file(w, &l, name, ret);
}

int walk_next(struct walk *w, struct walk_item *ret)
{
	int r = 0;
	walk_folder_drop(w->single);
	w->single = NULL;
	while (!r) {
		if (!w->depth) {
			if (w->next_root == w->n_roots)
				return 0;
			r = enter_root(w, w->roots[w->next_root++], ret);
			continue;
		}
		struct level *l = &w->levels[w->depth - 1];
		struct walk_name n;
		int k = walk_names_next(&l->names, walk_folder_fd(l->folder), &n);
		if (k == 1) {
			r = look_at(w, &n, ret);
			walk_name_release(&n);
		} else {
			cut_path(w, l->path_n);
			r = k == -ENOMEM ? k : k ? gone_or_missed(w, -k, ret) : 0;
			leave(w);
		}
	}
	return r;
}
