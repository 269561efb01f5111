#include "pe_sections.h"

#include <errno.h>
#include <string.h>

/* Offsets of the PE format. */
enum {
	DOS_PE_AT = 0x3c,
	PE_HEAD = 24, /* signature and COFF header */
	PE_SECTION_COUNT = 6,
	PE_OPTIONAL_SIZE = 20,
	OPTIONAL_FILE_ALIGNMENT = 36,
	SECTION_HEAD = 40,
	SECTION_RAW_SIZE = 16,
	SECTION_RAW_AT = 20,
	RAW_ALIGNMENT = 0x200,
};

static uint32_t load16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t load32(const uint8_t *p)
{
	return load16(p) | load16(p + 2) << 16;
}

static int read_exactly(const struct scan_content *c, int64_t at, void *p, size_t n)
{
	int64_t got = content_read(c, at, p, n);
	return got < 0 ? -EIO : (size_t)got == n;
}

/* The loader rounds where the bytes begin down to a disk sector, and their number up to the file's own alignment; what
 * lies beyond the end of the file is not there. */
static bool section_of(const uint8_t *head, uint32_t alignment, int64_t file_size, struct pe_section *ret)
{
	int64_t at = load32(head + SECTION_RAW_AT), size = load32(head + SECTION_RAW_SIZE);

	if (alignment == RAW_ALIGNMENT || alignment == 0)
		at = at / RAW_ALIGNMENT * RAW_ALIGNMENT;
	if (alignment > 0)
		size = (size + alignment - 1) / alignment * alignment;
	if (size == 0 || at >= file_size)
		return false;
	if (size > file_size - at)
		size = file_size - at;
	*ret = (struct pe_section){.at = at, .size = size};
	return true;
}

int pe_sections_read(const struct scan_content *c, struct pe_section ret[MAX_PE_SECTIONS])
{
	uint8_t head[PE_HEAD], word[4], section[SECTION_HEAD];
	int n = 0, r;

	if ((r = read_exactly(c, DOS_PE_AT, word, sizeof word)) <= 0)
		return r;
	int64_t pe_at = load32(word);
	if ((r = read_exactly(c, pe_at, head, sizeof head)) <= 0)
		return r;
	if (memcmp(head, "PE\0\0", 4) != 0)
		return 0;
	uint32_t count = load16(head + PE_SECTION_COUNT), optional = load16(head + PE_OPTIONAL_SIZE);
	if (count == 0 || count > MAX_PE_SECTIONS || optional < OPTIONAL_FILE_ALIGNMENT + 4)
		return 0;
	if ((r = read_exactly(c, pe_at + PE_HEAD + OPTIONAL_FILE_ALIGNMENT, word, sizeof word)) <= 0)
		return r;
	uint32_t alignment = load32(word);
	for (uint32_t i = 0; i < count; i++) {
		int64_t at = pe_at + PE_HEAD + optional + (int64_t)i * SECTION_HEAD;
		if ((r = read_exactly(c, at, section, sizeof section)) <= 0)
			return r < 0 ? r : n;
		if (section_of(section, alignment, c->size, &ret[n]))
			n++;
	}
	return n;
}

static const struct {
	enum image_digest kind;
	unsigned flag;
	size_t at;
} kinds[] = {
    {IMAGE_PE_MD5, SCAN_HAS_MD5, offsetof(struct scan_content, md5)},
    {IMAGE_PE_SHA1, SCAN_HAS_SHA1, offsetof(struct scan_content, sha1)},
    {IMAGE_PE_SHA256, SCAN_HAS_SHA256, offsetof(struct scan_content, sha256)},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* A section as a content of its own. Of a file that is not in memory only sections up to CONTENT_IN_MEMORY are looked
 * at: signatures are made of small ones. */
static int section_content(
    const struct scan_content *c, const struct pe_section *s, uint8_t **bytes, struct scan_content *ret)
{
	const uint8_t *p = c->bytes ? c->bytes + s->at : NULL;

	if (!p && s->size > CONTENT_IN_MEMORY)
		return 0;
	if (!p) {
		uint8_t *more = realloc(*bytes, (size_t)s->size);
		if (!more)
			return -ENOMEM;
		*bytes = more;
		if (content_read(c, s->at, more, (size_t)s->size) != s->size)
			return -EIO;
		p = more;
	}
	*ret = (struct scan_content){.fd = -1, .bytes = p, .size = s->size, .depth = c->depth};
	return 1;
}

static int section_denied(const struct image *image, struct scan_content *section, unsigned wanted, char *ret_name)
{
	struct image_find find;
	int r = content_digest(section, wanted);

	for (size_t k = 0; r == 0 && k < KINDS; k++) {
		if (!(wanted & kinds[k].flag))
			continue;
		if (!image_find(
		        image, IMAGE_DENY, kinds[k].kind, (const uint8_t *)section + kinds[k].at, section->size, &find))
			continue;
		memcpy(ret_name, find.name, sizeof find.name);
		return 1;
	}
	return r;
}

int pe_sections_denied(const struct image *image, const struct scan_content *c, char ret_name[MAX_SIGNATURE_NAME + 1])
{
	struct pe_section sections[MAX_PE_SECTIONS];
	struct scan_content section;
	uint8_t *bytes = NULL;
	unsigned wanted = 0;
	int r = 0;

	for (size_t k = 0; image && k < KINDS; k++)
		if (image_count(image, IMAGE_DENY, kinds[k].kind))
			wanted |= kinds[k].flag;
	int n = wanted ? pe_sections_read(c, sections) : 0;
	if (n < 0)
		return n;
	for (int i = 0; r == 0 && i < n; i++) {
		r = section_content(c, &sections[i], &bytes, &section);
		if (r > 0)
			r = section_denied(image, &section, wanted, ret_name);
	}
	free(bytes);
	return r;
}
