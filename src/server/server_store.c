#include "server_store.h"
#include "account.h"
#include "anchor.h"
#include "bounds.h"
#include "buf.h"
#include "file.h"
#include "server.h"
#include "text.h"

#include <fcntl.h>
#include <unistd.h>

enum { GROUP = 256 };

int server_store_open(const struct config *c, struct store **ret, struct err *e)
{
	struct store_config s = {.where = c->store, .readers = (int)c->readers, .queue = (int)c->queue, .group = GROUP};
	int r = store_open(ret, &s, e);
	if (r == -ENOENT)
		err_wrap(e, "no store there yet (khien-server --create makes one)");
	return r ? err_set(e, r, "the store: %s", strerror(-r)) : 0;
}

/* The folder and the name of a file. */
static int open_folder(const char *path, const char **ret_name, int *ret_fd)
{
	char folder[CONFIG_TEXT];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	memcpy(folder, path, n);
	folder[n] = 0;
	int fd = open(n ? folder : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_name = slash ? slash + 1 : path;
	*ret_fd = fd;
	return 0;
}

static int read_key(int folder, const char *name, struct store_key *ret)
{
	struct buf b = BUF_INIT(STORE_KEY_TEXT + 8);
	int r = file_read(folder, name, &b);
	if (!r)
		r = store_key_parse(buf_str(&b), ret);
	buf_wipe(&b);
	return r;
}

static int make_key(int folder, const char *name, struct store_key *ret)
{
	char text[STORE_KEY_TEXT + 1];
	store_key_new(ret);
	store_key_format(ret, text);
	size_t n = strlen(text);
	text[n++] = '\n';
	int r = file_replace(folder, name, text, n, 0600);
	explicit_bzero(text, sizeof text);
	return r;
}

struct adoption {
	const struct store_key *key;
	bool known;
};

static int ask_known(struct db *db, void *arg)
{
	return store_key_known(db, &((struct adoption *)arg)->known);
}

static int adopt(struct db *db, void *arg)
{
	return store_key_adopt(db, ((struct adoption *)arg)->key);
}

static int key_file(const struct config *c, struct store *s, struct store_key *ret, struct err *e)
{
	struct adoption a = {0};
	const char *name;
	int folder, r = open_folder(c->store_key, &name, &folder);
	if (r)
		return err_set(e, r, "%s: %s", c->store_key, strerror(-r));
	r = read_key(folder, name, ret);
	if (r == -ENOENT) {
		r = store_read_now(s, ask_known, &a);
		if (!r && a.known)
			r = err_set(e, -ENOENT,
			    "%s is missing: secrets in the store are sealed with it (copy it from the other "
			    "server, or from a backup)",
			    c->store_key);
		else if (!r)
			r = make_key(folder, name, ret);
	}
	close(folder);
	return r ? err_set(e, r, "%s: %s", c->store_key, strerror(-r)) : 0;
}

int server_key_open(const struct config *c, struct store *s, struct store_key *ret, struct err *e)
{
	struct adoption a = {.key = ret};
	int r = key_file(c, s, ret, e);
	if (r)
		return r;
	r = store_write_now(s, adopt, &a);
	if (r == -EKEYREJECTED)
		return err_set(e, r, "%s is not the key of this store", c->store_key);
	return r ? err_set(e, r, "the store: %s", strerror(-r)) : 0;
}

int server_create_store(const struct config *c, const char *province, int64_t simulation_us, struct err *e)
{
	char name[MAX_TEXT + 1], fold[4 * MAX_TEXT + 1];
	struct store_birth birth = {.province = name, .province_fold = fold, .simulation_us = simulation_us};
	struct store *s = NULL;
	struct store_key key;
	int r = text_nfc(name, sizeof name, province);
	if (!r && !*name)
		r = -EINVAL;
	if (!r)
		r = text_fold(fold, sizeof fold, name);
	if (r)
		return err_set(e, r, "the province's name: %s", strerror(-r));
	r = store_create(c->store, &birth, e);
	if (r == -EEXIST)
		return err_set(e, r, "there is a store already");
	if (!r)
		r = server_store_open(c, &s, e);
	if (!r)
		r = server_key_open(c, s, &key, e);
	explicit_bzero(&key, sizeof key);
	if (s)
		store_close(s);
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}

static int read_password(char dst[MAX_PASSWORD + 2], struct err *e)
{
	if (!fgets(dst, MAX_PASSWORD + 2, stdin))
		return err_set(e, -EINVAL, "a line with the password is expected on standard input");
	size_t n = strcspn(dst, "\n");
	if (!dst[n] && n > MAX_PASSWORD)
		return err_set(e, -EMSGSIZE, "the password has more than %d bytes", MAX_PASSWORD);
	dst[n] = 0;
	return 0;
}

int server_make_administrator(const struct config *c, const char *name, struct err *e)
{
	char password[MAX_PASSWORD + 2];
	struct store *s = NULL;
	int r = read_password(password, e);
	if (!r)
		r = server_store_open(c, &s, e);
	if (!r)
		r = account_make_administrator(s, name, password, e);
	explicit_bzero(password, sizeof password);
	if (s)
		store_close(s);
	return r ? err_set(e, r, "%s", strerror(-r)) : 0;
}

static int read_anchor(struct buf *b, struct err *e)
{
	char piece[4096];
	int r = buf_add(b, "", 0);
	for (size_t n; !r && (n = fread(piece, 1, sizeof piece, stdin));)
		r = buf_add(b, piece, n);
	if (!r && ferror(stdin))
		r = -EIO;
	if (!r && strlen(b->p) != b->n)
		r = err_set(e, -EILSEQ, "the anchor must be a text, such as PEM");
	return r ? err_set(e, r, "the anchor from standard input: %s", strerror(-r)) : 0;
}

struct new_anchor {
	const char *purpose, *body;
};

static int set_anchor(struct db *db, void *arg)
{
	static const struct ledger_who who = {.actor = "system", .request = ""};
	const struct new_anchor *a = arg;
	return anchor_set(db, &who, a->purpose, a->body);
}

int server_set_anchor(const struct config *c, const char *purpose, struct err *e)
{
	struct buf body = BUF_INIT(MAX_ANCHOR_BODY);
	struct new_anchor a = {.purpose = purpose};
	struct store *s = NULL;
	if (!strcmp(purpose, "agents-ca"))
		return err_set(e, -EPERM, "agents-ca is khien-ca's: khien ca rotate ca");
	int r = read_anchor(&body, e);
	if (!r)
		r = server_store_open(c, &s, e);
	a.body = buf_str(&body);
	if (!r && (r = store_write_now(s, set_anchor, &a)))
		err_set(e, r, "the anchor for '%s': %s", purpose,
		    r == -ENOSPC ? "there are too many purposes" : strerror(-r));
	if (s)
		store_close(s);
	buf_release(&body);
	return r;
}
