#include "signature_ignore.h"

#include "arena.h"
#include "array.h"
#include "bounds.h"
#include "ids.h"
#include "signature_lines.h"
#include "str.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ignored {
	const char *name;
	bool has_md5;
	uint8_t md5[MD5_BYTES];
};

struct signature_ignore {
	struct arena names;
	struct ignored *rows; /* sorted by name */
	size_t n, cap;
};

int signature_ignore_new(struct signature_ignore **ret)
{
	struct signature_ignore *i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	*ret = i;
	return 0;
}

void signature_ignore_free(struct signature_ignore *i)
{
	if (!i)
		return;
	arena_release(&i->names);
	free(i->rows);
	free(i);
}

/* "Foo.UNOFFICIAL" is how libclamav tells of Foo. */
static void drop_unofficial(char *name)
{
	static const char suffix[] = ".UNOFFICIAL";
	size_t n = strlen(name), k = sizeof(suffix) - 1;
	if (n > k && strcmp(name + n - k, suffix) == 0)
		name[n - k] = '\0';
}

/* The name in the line, and the digest behind it if there is one; false: malformed. */
static bool split(char *line, char **ret_name, char **ret_md5)
{
	char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	*ret_md5 = first && !second ? first + 1 : NULL;
	if (first)
		*first = '\0';
	*ret_name = second ? second + 1 : line;
	return **ret_name && !strchr(*ret_name, ':');
}

static int add(struct signature_ignore *i, char *line)
{
	struct ignored row = {0};
	char *name, *md5;
	if (!split(line, &name, &md5))
		return -EINVAL;
	if (md5 && hex_decode(row.md5, sizeof(row.md5), md5) < 0)
		return -EINVAL;
	row.has_md5 = md5 != NULL;
	drop_unofficial(name);
	if (i->n >= MAX_IGNORED_SIGNATURES)
		return -E2BIG;
	int r = array_room(&i->rows, &i->cap, i->n, sizeof(*i->rows));
	if (r < 0)
		return r;
	row.name = arena_text(&i->names, name);
	if (!row.name)
		return -ENOMEM;
	i->rows[i->n++] = row;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct ignored *)a)->name, ((const struct ignored *)b)->name);
}

int signature_ignore_read(struct signature_ignore *i, int fd, const char *label, struct err *e)
{
	struct signature_lines lines;
	char *line;
	int r;
	signature_lines_init(&lines, fd);
	while ((r = signature_lines_next(&lines, &line)) > 0) {
		if (line[0] == '#')
			continue;
		r = add(i, line);
		if (r < 0)
			break;
	}
	if (r < 0)
		return err_set(e, r, "%s:%u: no name of a signature", label, lines.number);
	if (i->n)
		qsort(i->rows, i->n, sizeof(*i->rows), compare);
	return 0;
}

static bool md5_is(const uint8_t md5[MD5_BYTES], const char *line)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	return EVP_Digest(line, strlen(line), digest, NULL, EVP_md5(), NULL) == 1 &&
	       memcmp(digest, md5, MD5_BYTES) == 0;
}

bool signature_ignore_has(const struct signature_ignore *i, const char *name, const char *line)
{
	size_t from = 0, to = i->n;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (strcmp(i->rows[middle].name, name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < i->n && strcmp(i->rows[from].name, name) == 0; from++)
		if (!i->rows[from].has_md5 || md5_is(i->rows[from].md5, line))
			return true;
	return false;
}
