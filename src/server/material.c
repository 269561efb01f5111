#include "material.h"
#include "buf.h"
#include "file.h"
#include "str.h"

#include <string.h>

/* Each part: a line with its length, its bytes, a line end. */

enum { MAX_MATERIAL = 1 << 20 };

static const char file_name[] = "server.tls", first_line[] = "khien server material 1\n";

static int read_part(const char **at, char **ret)
{
	char number[24];
	size_t n = strcspn(*at, "\n");
	int64_t length;
	if (!(*at)[n] || n >= sizeof number)
		return -EBADMSG;
	memcpy(number, *at, n);
	number[n] = 0;
	*at += n + 1;
	if (str_i64(number, 0, MAX_MATERIAL, &length) || strnlen(*at, (size_t)length + 1) <= (size_t)length ||
	    (*at)[length] != '\n')
		return -EBADMSG;
	*ret = strndup(*at, (size_t)length);
	*at += length + 1;
	return *ret ? 0 : -ENOMEM;
}

int material_read(int dir_fd, struct material *ret)
{
	struct buf b = BUF_INIT(MAX_MATERIAL);
	struct material m = {0};
	int r = file_read(dir_fd, file_name, &b);
	const char *at = buf_str(&b);
	if (!r && strncmp(at, first_line, strlen(first_line)))
		r = -EBADMSG;
	at += r ? 0 : strlen(first_line);
	for (int i = 0; !r && i < MATERIAL_PARTS; i++)
		r = read_part(&at, &m.part[i]);
	if (!r && *at)
		r = -EBADMSG;
	if (r)
		material_release(&m);
	else
		*ret = m;
	buf_wipe(&b);
	return r;
}

int material_write(int dir_fd, const struct material *m)
{
	struct buf b = BUF_INIT(MAX_MATERIAL);
	buf_adds(&b, first_line);
	for (int i = 0; i < MATERIAL_PARTS; i++)
		buf_addf(&b, "%zu\n%s\n", strlen(m->part[i]), m->part[i]);
	int r = b.error ? b.error : file_replace(dir_fd, file_name, b.p, b.n, 0600);
	if (!r) /* for people and their programs: whom to believe at the console's address */
		r = file_replace(dir_fd, "ca.pem", m->part[MATERIAL_ROOT], strlen(m->part[MATERIAL_ROOT]), 0644);
	buf_wipe(&b);
	return r;
}

void material_release(struct material *m)
{
	if (m->part[MATERIAL_KEY])
		explicit_bzero(m->part[MATERIAL_KEY], strlen(m->part[MATERIAL_KEY]));
	for (int i = 0; i < MATERIAL_PARTS; i++)
		free(m->part[i]);
	*m = (struct material){0};
}
