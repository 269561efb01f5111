/* A file of digests of any bytes: is refused with its line, or gives entries that the builder takes. The first byte
 * chooses the format, and whether names are ignored. */
#include "image_format.h"
#include "signature_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(void *arg, const struct image_entry *e)
{
	(void)arg;
	if (!image_name_valid(e->name) || e->size < IMAGE_ANY_SIZE || e->size > IMAGE_MAX_SIZE)
		abort();
	return 0;
}

static int file_of(const uint8_t *p, size_t n)
{
	int fd = memfd_create("signatures", MFD_CLOEXEC);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"a.hdb", "a.mdb", "a.fp", "a.hashes"};
	struct signature_ignore *ignore = NULL;
	struct signature_counts c;
	struct err e = {0};
	if (size == 0 || signature_ignore_new(&ignore) < 0)
		return 0;
	int fd = file_of(data + 1, size - 1);
	if (data[0] & 0x80)
		signature_ignore_read(ignore, fd, "a.ign2", &e);
	if (lseek(fd, 0, SEEK_SET) != 0)
		abort();
	struct signature_file f = {
	    .kind = signature_kind_of(names[data[0] % 4]), .label = "a", .ignore = ignore, .entry = check};
	struct err file_error = {0};
	if (signature_file_read(&f, fd, &c, &file_error) < 0 && file_error.text[0] == '\0')
		abort();
	close(fd);
	signature_ignore_free(ignore);
	return 0;
}
