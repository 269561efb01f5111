#include "signature_file.h"

#include "image_format.h"
#include "signature_lines.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS_LEAST = 3, TOKENS_MOST = 5, LEVEL_OF_ANY_SIZE = 73 };
#define SIZE_BEYOND UINT64_C(0xffffffff)

/* What a line is to us: an entry, or why not. */
enum line_is { LINE_ENTRY, LINE_OTHER_LEVEL, LINE_COMMENT, LINE_IGNORED };

struct reading {
	const struct signature_file *file;
	struct image_entry entry;
	uint8_t digest[32];
	char name[MAX_SIGNATURE_NAME + 1];
	const char *why; /* the line is malformed */
};

static int malformed(struct reading *r, const char *why)
{
	r->why = why;
	return -EINVAL;
}

/* The kind follows from the length alone, as in libclamav: a .hdb may hold SHA-256. */
static int take_digest(struct reading *r, const char *text)
{
	static const enum image_digest kinds[] = {IMAGE_MD5, IMAGE_SHA1, IMAGE_SHA256};
	for (size_t i = 0; i < 3; i++) {
		size_t n = image_digest_bytes(kinds[i]);
		if (strlen(text) != 2 * n)
			continue;
		if (hex_decode(r->digest, n, text) < 0)
			break;
		r->entry.digest = r->digest;
		r->entry.kind = (enum image_digest)(kinds[i] + (r->file->kind->section ? (int)IMAGE_PE_MD5 : 0));
		return 0;
	}
	return malformed(r, "no MD5, SHA-1 or SHA-256");
}

/* libclamav marks each name that did not come from a database with ClamAV's signature. */
static int take_name(struct reading *r, const char *text)
{
	static const char mark[] = ".UNOFFICIAL";
	const char *space = strchr(text, ' '), *cut = space ? strstr(space, " (Clam)") : NULL;
	size_t n = cut ? (size_t)(cut - text) : strlen(text);
	if (n == 0)
		return malformed(r, "no name");
	if (n + sizeof(mark) > sizeof(r->name))
		return malformed(r, "the name is too long");
	memcpy(r->name, text, n);
	memcpy(r->name + n, mark, sizeof(mark));
	if (!image_name_valid(r->name))
		return malformed(r, "the name is no UTF-8 text");
	r->entry.name = r->name;
	return 0;
}

/* As atoi, which libclamav uses, but defined for each text. What is below 0 counts as beyond all levels, as there. */
static uint32_t level(const char *text)
{
	long v = strtol(text, NULL, 10);
	return v < 0 || v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static int take_size(struct reading *r, const char *text, size_t n_tokens, uint32_t least_level)
{
	if (strcmp(text, "*") == 0) {
		r->entry.size = IMAGE_ANY_SIZE;
		if (n_tokens < 4 || least_level < LEVEL_OF_ANY_SIZE)
			return malformed(r, "a size of '*' needs a least functional level of 73 or more");
		return 0;
	}
	char *end;
	uint64_t v = strtoul(text, &end, 10);
	if (*end || v == 0 || v >= SIZE_BEYOND)
		return malformed(r, "the size is no number from 1 to 4294967294");
	r->entry.size = (int64_t)v;
	return 0;
}

/* At most max; the last one has the rest. */
static size_t split(char *line, char **tokens, size_t max)
{
	size_t n = 0;
	for (char *at = line; at && n < max; n++) {
		tokens[n] = at;
		char *colon = n + 1 < max ? strchr(at, ':') : NULL;
		if (colon)
			*colon++ = '\0';
		at = colon;
	}
	return n;
}

/* A line of ClamAV's formats. `whole` is the same line, untouched. */
static int take_clamav(struct reading *r, char *line, const char *whole)
{
	char *tokens[TOKENS_MOST + 1];
	const int size_at = r->file->kind->format == SIGNATURE_HASH_SIZE ? 1 : 0;
	uint32_t least = 0;
	size_t n = split(line, tokens, TOKENS_MOST + 1);
	if (n < TOKENS_LEAST || n > TOKENS_MOST)
		return malformed(r, "not three to five fields");
	if (n > 3) {
		least = level(tokens[3]);
		if (SIGNATURE_FLEVEL < least || (n > 4 && SIGNATURE_FLEVEL > level(tokens[4])))
			return LINE_OTHER_LEVEL;
	}
	int code = take_size(r, tokens[size_at], n, least);
	if (code < 0)
		return code;
	if (r->file->ignore && signature_ignore_has(r->file->ignore, tokens[2], whole))
		return LINE_IGNORED;
	code = take_name(r, tokens[2]);
	if (code < 0)
		return code;
	code = take_digest(r, tokens[1 - size_at]);
	return code < 0 ? code : LINE_ENTRY;
}

/* A line of a list. */
static int take_list(struct reading *r, char *line)
{
	static const char white[] = " \t";
	line += strspn(line, white);
	if (*line == '\0')
		return LINE_COMMENT;
	size_t n = strcspn(line, white);
	char *name = line + n + strspn(line + n, white);
	line[n] = '\0';
	if (*name == '*')
		name++;
	r->entry.size = IMAGE_ANY_SIZE;
	r->entry.name = name;
	if (!image_name_valid(name))
		return malformed(r, "the name is too long or no UTF-8 text");
	int code = take_digest(r, line);
	return code < 0 ? code : LINE_ENTRY;
}

static int take_line(struct reading *r, char *line)
{
	char whole[MAX_SIGNATURE_LINE + 1];
	if (line[0] == '#')
		return LINE_COMMENT;
	if (r->file->kind->format == SIGNATURE_LIST)
		return take_list(r, line);
	whole[0] = '\0';
	if (r->file->ignore && str_copy(whole, sizeof(whole), line) < 0)
		return -EMSGSIZE;
	return take_clamav(r, line, whole);
}

static int count_line(struct reading *r, int is, struct signature_counts *c)
{
	switch (is) {
	case LINE_ENTRY:
		c->taken++;
		return r->file->entry(r->file->arg, &r->entry);
	case LINE_OTHER_LEVEL:
		c->other_level++;
		return 0;
	case LINE_IGNORED:
		c->ignored++;
		return 0;
	default:
		return is < 0 ? is : 0;
	}
}

static int tell(const struct reading *r, int code, unsigned line, struct err *e)
{
	const char *why = r->why;
	if (!why)
		why = code == -EMSGSIZE ? "the line is too long"
		      : code == -EINVAL ? "a NUL byte"
		      : code == -E2BIG  ? "more signatures than an image holds"
		                        : strerror(-code);
	return err_set(e, code, "%s:%u: %s", r->file->label, line, why);
}

int signature_file_read(const struct signature_file *f, int fd, struct signature_counts *ret, struct err *e)
{
	struct reading r = {.file = f, .entry = {.list = f->kind->list}};
	struct signature_counts counts = {0};
	struct signature_lines lines;
	char *line;
	int code;
	signature_lines_init(&lines, fd);
	while ((code = signature_lines_next(&lines, &line)) > 0) {
		code = count_line(&r, take_line(&r, line), &counts);
		if (code < 0)
			break;
	}
	if (code < 0)
		return tell(&r, code, lines.number, e);
	if (lines.number == 0 && f->kind->format != SIGNATURE_LIST)
		return err_set(e, -EINVAL, "%s: empty", f->label);
	*ret = counts;
	return 0;
}
