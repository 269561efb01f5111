#include "quarantine_int.h"
#include "file.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { KEY_BYTES = crypto_kdf_KEYBYTES };

const struct item_state_def item_states[ITEM_STATE_END] = {
    [ITEM_WRITING] = {"writing", false, ACTION_NONE, ITEM_STATE_END, ITEM_STATE_END, ITEM_STATE_END},
    [ITEM_TAKING] = {"taking", false, ACTION_NONE, ITEM_STATE_END, ITEM_STATE_END, ITEM_STATE_END},
    [ITEM_TAKEN] = {"taken", true, ACTION_QUARANTINED, ITEM_KEPT, ITEM_TAKEN_RESTORED, ITEM_TAKEN_DELETED},
    [ITEM_KEPT] = {"kept", true, ACTION_NONE, ITEM_STATE_END, ITEM_RESTORED, ITEM_DELETED},
    [ITEM_TAKEN_RESTORED] = {"taken-restored", false, ACTION_QUARANTINED, ITEM_RESTORED, ITEM_STATE_END,
        ITEM_STATE_END},
    [ITEM_RESTORED] = {"restored", false, ACTION_RESTORED, ITEM_STATE_END, ITEM_STATE_END, ITEM_STATE_END},
    [ITEM_TAKEN_DELETED] = {"taken-deleted", false, ACTION_QUARANTINED, ITEM_DELETED, ITEM_STATE_END, ITEM_STATE_END},
    [ITEM_DELETED] = {"deleted", false, ACTION_DELETED, ITEM_STATE_END, ITEM_STATE_END, ITEM_STATE_END},
};

/* ---- locks and names ---- */

/* A descriptor that somebody in this process closed by mistake may be another folder's by now: containers must not land
 * there. */
static int is_our_folder(const struct quarantine *q)
{
	struct stat st;
	bool ours = fstat(q->folder, &st) == 0 && st.st_dev == q->folder_is.st_dev && st.st_ino == q->folder_is.st_ino;
	return ours ? 0 : -EBADF;
}

int folder_lock(struct quarantine *q)
{
	int r = is_our_folder(q);
	if (r)
		return r;
	while (flock(q->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

void folder_unlock(struct quarantine *q)
{
	flock(q->lock, LOCK_UN);
}

void item_name(id16 id, enum item_state s, char dst[ITEM_NAME])
{
	hex_encode(dst, id.b, ID_BYTES);
	snprintf(dst + ID_TEXT - 1, ITEM_NAME - (ID_TEXT - 1), ".%s", item_states[s].ending);
}

static bool item_of_name(const char *name, struct item_file *ret)
{
	char hex[ID_TEXT];
	size_t n = ID_TEXT - 1;
	if (strlen(name) <= n || name[n] != '.')
		return false;
	memcpy(hex, name, n);
	hex[n] = 0;
	if (hex_decode(ret->id.b, ID_BYTES, hex))
		return false;
	for (int s = 0; s < ITEM_STATE_END; s++) {
		if (strcmp(name + n + 1, item_states[s].ending) != 0)
			continue;
		ret->state = (enum item_state)s;
		return true;
	}
	return false;
}

int folder_each(struct quarantine *q, int (*fn)(void *arg, const struct item_file *f), void *arg)
{
	int fd = openat(q->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int r = d ? 0 : -errno;
	if (!d && fd >= 0)
		close(fd);
	while (!r) {
		struct item_file f;
		errno = 0;
		struct dirent *entry = readdir(d);
		if (!entry) {
			r = -errno;
			break;
		}
		if (item_of_name(entry->d_name, &f) &&
		    fstatat(q->folder, entry->d_name, &f.st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(f.st.st_mode))
			r = fn(arg, &f);
	}
	if (d)
		closedir(d);
	return r;
}

/* ---- one item ---- */

static int open_and_lock(struct quarantine *q, id16 id, bool (*wanted)(enum item_state s), struct open_item *ret)
{
	for (int s = 0; s < ITEM_STATE_END; s++) {
		char name[ITEM_NAME];
		if (!wanted((enum item_state)s))
			continue;
		item_name(id, (enum item_state)s, name);
		int fd = openat(q->folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
			close(fd);
			return r;
		}
		*ret = (struct open_item){.id = id, .state = (enum item_state)s, .fd = fd};
		return 0;
	}
	return -ENOENT;
}

/* Under the folder's lock nobody renames it between opening and locking. */
int item_open(struct quarantine *q, id16 id, bool (*wanted)(enum item_state s), struct open_item *ret)
{
	int r = folder_lock(q);
	if (r)
		return r;
	r = open_and_lock(q, id, wanted, ret);
	folder_unlock(q);
	return r;
}

void item_close(struct open_item *item)
{
	close(item->fd);
}

int item_become(struct quarantine *q, struct open_item *item, enum item_state s)
{
	char from[ITEM_NAME], to[ITEM_NAME];
	int r = folder_lock(q);
	if (r)
		return r;
	item_name(item->id, item->state, from);
	if (s == ITEM_STATE_END) {
		r = q->disk->remove(q->disk->context, q->folder, from);
	} else {
		item_name(item->id, s, to);
		r = q->disk->rename(q->disk->context, q->folder, from, to);
	}
	if (!r)
		item->state = s;
	if (!r)
		r = q->disk->sync(q->disk->context, q->folder);
	if (s == ITEM_STATE_END)
		note_remove(q, item->id);
	folder_unlock(q);
	return r;
}

/* ---- opening ---- */

static int open_folder(struct quarantine *q, const char *folder, struct err *e)
{
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "%s: %s", folder, strerror(errno));
	q->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (q->folder < 0 || fstat(q->folder, &q->folder_is) < 0)
		return err_set(e, -errno, "%s: %s", folder, strerror(errno));
	if (q->folder_is.st_uid != geteuid() || q->folder_is.st_mode & 077)
		return err_set(e, -EPERM, "%s: others may enter it", folder);
	q->lock = openat(q->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return q->lock < 0 ? err_set(e, -errno, "%s/lock: %s", folder, strerror(errno)) : 0;
}

static int is_item(void *arg, const struct item_file *f)
{
	(void)arg;
	(void)f;
	return 1;
}

/* Made only where there is nothing that another key could have sealed. */
static int load_key(struct quarantine *q, uint8_t key[KEY_BYTES], struct err *e)
{
	struct buf b = BUF_INIT(KEY_BYTES + 1);
	int r = file_read(q->folder, "key", &b);
	if (r == -ENOENT) {
		r = folder_each(q, is_item, NULL);
		if (r)
			return r < 0 ? r : err_set(e, -ENOKEY, "the quarantine's key is missing");
		crypto_kdf_keygen(key);
		return q->disk->replace(q->disk->context, q->folder, "key", key, KEY_BYTES);
	}
	if (!r && b.n != KEY_BYTES)
		r = -EMSGSIZE;
	if (r == -EMSGSIZE)
		r = err_set(e, -ENOKEY, "the quarantine's key is damaged");
	if (!r)
		memcpy(key, b.p, KEY_BYTES);
	buf_wipe(&b);
	return r;
}

static int open_keys(struct quarantine *q, struct err *e)
{
	uint8_t key[KEY_BYTES];
	int r = folder_lock(q);
	if (r)
		return r;
	r = load_key(q, key, e);
	folder_unlock(q);
	if (!r) {
		crypto_kdf_derive_from_key(q->keys.facts, sizeof q->keys.facts, 1, "khienqua", key);
		crypto_kdf_derive_from_key(q->keys.content, sizeof q->keys.content, 2, "khienqua", key);
		crypto_kdf_derive_from_key(q->keys.index, sizeof q->keys.index, 3, "khienqua", key);
	}
	sodium_memzero(key, sizeof key);
	return r;
}

int quarantine_open_on(const struct act_disk *disk, const char *folder, const struct quarantine_limits *l,
    struct quarantine **ret, struct err *e)
{
	struct quarantine *q = calloc(1, sizeof *q);
	if (!q)
		return err_set(e, -ENOMEM, "out of memory");
	*q = (struct quarantine){.folder = -1, .lock = -1, .limits = *l, .disk = disk};
	int r = open_folder(q, folder, e);
	if (!r)
		r = open_keys(q, e);
	if (r) {
		quarantine_close(q);
		return err_set(e, r, "%s: %s", folder, strerror(-r));
	}
	*ret = q;
	return 0;
}

int quarantine_open(const char *folder, const struct quarantine_limits *l, struct quarantine **ret, struct err *e)
{
	return quarantine_open_on(&act_disk_system, folder, l, ret, e);
}

void quarantine_close(struct quarantine *q)
{
	if (!q)
		return;
	if (q->lock >= 0)
		close(q->lock);
	if (q->folder >= 0)
		close(q->folder);
	sodium_memzero(q, sizeof *q);
	free(q);
}
