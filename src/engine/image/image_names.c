#include "image_names.h"

#include "image_format.h"
#include "image_temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Templates that are known again; those beyond are still written, only no longer found. */
enum { SLOTS = 1 << 20, MAX_KNOWN = SLOTS / 4 * 3, GROW_BYTES = 1 << 20 };

struct image_names {
	int fd;
	char *map; /* `room` bytes, all with file behind */
	size_t bytes, room;
	size_t known;
	struct slot {
		uint32_t hash, offset; /* offset 0: free; the empty name stands there */
	} * slots;
};

int image_names_new(int temp_fd, struct image_names **ret)
{
	int r;
	struct image_names *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->map = MAP_FAILED;
	n->room = GROW_BYTES;
	n->fd = image_temp_open(temp_fd);
	r = n->fd < 0 ? n->fd : posix_fallocate(n->fd, 0, GROW_BYTES);
	if (r != 0) {
		r = r > 0 ? -r : r;
		goto fail;
	}
	n->map = mmap(NULL, GROW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, n->fd, 0);
	n->slots = calloc(SLOTS, sizeof(*n->slots));
	if (n->map == MAP_FAILED || !n->slots) {
		r = -ENOMEM;
		goto fail;
	}
	n->bytes = 1;
	*ret = n;
	return 0;
fail:
	image_names_free(n);
	return r;
}

void image_names_free(struct image_names *n)
{
	if (!n)
		return;
	if (n->map != MAP_FAILED)
		munmap(n->map, n->room);
	if (n->fd >= 0)
		close(n->fd);
	free(n->slots);
	free(n);
}

/* The longest run of digits, as a number that gives exactly these digits back; *ret_n 0: none. */
static uint32_t find_number(const char *name, size_t *ret_at, size_t *ret_n)
{
	uint32_t best = 0;
	*ret_n = 0;
	for (size_t at = 0; name[at];) {
		size_t n = strspn(name + at, "0123456789");
		uint64_t v = 0;
		for (size_t i = 0; i < n && v <= UINT32_MAX; i++)
			v = v * 10 + (uint64_t)(name[at + i] - '0');
		if (n > *ret_n && v <= UINT32_MAX && (name[at] != '0' || n == 1)) {
			*ret_at = at;
			*ret_n = n;
			best = (uint32_t)v;
		}
		at += n ? n : 1;
	}
	return best;
}

static uint32_t hash_text(const char *s, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

/* The file grows by real blocks: a hole in a full disk would be a signal, not an error. */
static int grow(struct image_names *n)
{
	int r = posix_fallocate(n->fd, (off_t)n->room, GROW_BYTES);
	if (r != 0)
		return -r;
	char *map = mremap(n->map, n->room, n->room + GROW_BYTES, MREMAP_MAYMOVE);
	if (map == MAP_FAILED)
		return -errno;
	n->map = map;
	n->room += GROW_BYTES;
	return 0;
}

static int append(struct image_names *n, const char *template, size_t bytes, uint32_t *ret)
{
	if (n->bytes + bytes > MAX_IMAGE_NAMES)
		return -E2BIG;
	int r = n->bytes + bytes > n->room ? grow(n) : 0;
	if (r < 0)
		return r;
	memcpy(n->map + n->bytes, template, bytes);
	*ret = (uint32_t)n->bytes;
	n->bytes += bytes;
	return 0;
}

static int find_or_append(struct image_names *n, const char *template, size_t bytes, uint32_t *ret)
{
	uint32_t hash = hash_text(template, bytes);
	uint32_t at = hash % SLOTS;
	for (; n->slots[at].offset; at = (at + 1) % SLOTS)
		if (n->slots[at].hash == hash && strcmp(n->map + n->slots[at].offset, template) == 0) {
			*ret = n->slots[at].offset;
			return 0;
		}
	int r = append(n, template, bytes, ret);
	if (r == 0 && n->known < MAX_KNOWN) {
		n->slots[at] = (struct slot){hash, *ret};
		n->known++;
	}
	return r;
}

int image_names_add(struct image_names *n, const char *name, uint32_t *ret_offset, uint32_t *ret_number)
{
	char template[MAX_SIGNATURE_NAME + 2];
	size_t at = 0, digits, bytes = strlen(name) + 1;
	uint32_t number = find_number(name, &at, &digits);
	if (bytes == 1) {
		*ret_offset = *ret_number = 0;
		return 0;
	}
	if (digits) {
		memcpy(template, name, at);
		template[at] = IMAGE_NAME_NUMBER;
		memcpy(template + at + 1, name + at + digits, bytes - at - digits);
		bytes -= digits - 1;
	} else
		memcpy(template, name, bytes);
	*ret_number = number;
	return find_or_append(n, template, bytes, ret_offset);
}

int image_names_fd(const struct image_names *n)
{
	return n->fd;
}

uint64_t image_names_bytes(const struct image_names *n)
{
	return n->bytes;
}
