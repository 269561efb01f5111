#include "manifest.h"

#include "array.h"
#include "bounds.h"
#include "buf.h"
#include "day.h"
#include "file.h"
#include "str.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char head[] = "khien-signatures 1";

void manifest_release(struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->files[i].name);
	free(m->files);
	*m = (struct manifest){0};
}

static int digest_file(int fd, uint8_t sha256[SHA256_BYTES], int64_t *ret_size)
{
	static const size_t piece_bytes = 256 * 1024;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t *piece = malloc(piece_bytes);
	ssize_t k = -1;
	int64_t size = 0;
	int r = md && piece && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
	while (r == 0 && (k = read(fd, piece, piece_bytes)) != 0) {
		if (k < 0)
			r = errno == EINTR ? 0 : -errno;
		else if (EVP_DigestUpdate(md, piece, (size_t)k) != 1)
			r = -EIO;
		else
			size += k;
	}
	if (r == 0 && EVP_DigestFinal_ex(md, sha256, NULL) != 1)
		r = -EIO;
	free(piece);
	EVP_MD_CTX_free(md);
	if (r == 0)
		*ret_size = size;
	return r;
}

static int digest_name(int folder, const char *name, uint8_t sha256[SHA256_BYTES], int64_t *ret_size)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = digest_file(fd, sha256, ret_size);
	close(fd);
	return r;
}

static int add_row(struct manifest *m, const struct manifest_file *f, const char *name)
{
	if (m->n >= MAX_SIGNATURE_FILES)
		return -E2BIG;
	int r = array_room(&m->files, &m->cap, m->n, sizeof(*m->files));
	char *copy = r < 0 ? NULL : strdup(name);
	if (!copy)
		return -ENOMEM;
	m->files[m->n] = *f;
	m->files[m->n++].name = copy;
	return 0;
}

int manifest_add(struct manifest *m, int folder, const char *name, struct err *e)
{
	struct manifest_file f = {0};
	int r = digest_name(folder, name, f.sha256, &f.size);
	if (r == 0)
		r = add_row(m, &f, name);
	return r < 0 ? err_set(e, r, "%s: %s", name, strerror(-r)) : 0;
}

int manifest_write(const struct manifest *m, int folder)
{
	struct buf b = BUF_INIT(MAX_MANIFEST);
	char day[DAY_TEXT], hex[2 * SHA256_BYTES + 1];
	day_iso(m->day, day);
	buf_addf(&b, "%s\ngeneration %" PRId64 "\nday %s\n", head, m->generation, day);
	for (size_t i = 0; i < m->n; i++) {
		hex_encode(hex, m->files[i].sha256, SHA256_BYTES);
		buf_addf(&b, "file %s %" PRId64 " %s\n", hex, m->files[i].size, m->files[i].name);
	}
	int r = b.error ? b.error : file_replace(folder, MANIFEST_NAME, b.p, b.n, 0644);
	buf_release(&b);
	return r;
}

/* "DIGEST SIZE NAME" */
static int read_file_row(struct manifest *m, char *text)
{
	struct manifest_file f = {0};
	char *size = strchr(text, ' '), *name = size ? strchr(size + 1, ' ') : NULL;
	if (!name)
		return -EINVAL;
	*size++ = *name++ = '\0';
	if (hex_decode(f.sha256, SHA256_BYTES, text) < 0 || str_i64(size, 0, INT64_MAX, &f.size) < 0 || !*name ||
	    name[0] == '/' || strstr(name, ".."))
		return -EINVAL;
	return add_row(m, &f, name);
}

static int read_row(struct manifest *m, unsigned number, char *line)
{
	char *value = strchr(line, ' ');
	if (number == 1)
		return strcmp(line, head) == 0 ? 0 : -EINVAL;
	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (strcmp(line, "generation") == 0)
		return str_i64(value, 1, INT64_MAX, &m->generation);
	if (strcmp(line, "day") == 0)
		return day_parse(value, &m->day);
	return strcmp(line, "file") == 0 ? read_file_row(m, value) : -EINVAL;
}

int manifest_read(struct manifest *m, int folder, struct err *e)
{
	struct buf b = BUF_INIT(MAX_MANIFEST);
	struct manifest read = {0};
	unsigned number = 0;
	int r = file_read(folder, MANIFEST_NAME, &b);
	for (char *line = b.p, *end; r == 0 && line && *line; line = end + 1) {
		end = strchr(line, '\n');
		r = end ? 0 : -EINVAL;
		if (!end)
			break;
		*end = '\0';
		r = read_row(&read, ++number, line);
	}
	if (r == 0 && read.generation == 0)
		r = -EINVAL;
	buf_release(&b);
	if (r < 0) {
		manifest_release(&read);
		return err_set(e, r, "%s:%u: %s", MANIFEST_NAME, number, strerror(-r));
	}
	*m = read;
	return 0;
}

int manifest_check(const struct manifest *m, int folder, struct err *e)
{
	for (size_t i = 0; i < m->n; i++) {
		uint8_t sha256[SHA256_BYTES];
		int64_t size;
		int r = digest_name(folder, m->files[i].name, sha256, &size);
		if (r < 0)
			return err_set(e, -EBADMSG, "%s: %s", m->files[i].name, strerror(-r));
		if (size != m->files[i].size || memcmp(sha256, m->files[i].sha256, SHA256_BYTES) != 0)
			return err_set(e, -EBADMSG, "%s was altered", m->files[i].name);
	}
	return 0;
}
