#include "image_fixture.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const char *folder(void)
{
	const char *s = getenv("TMPDIR");
	return s ? s : "/tmp";
}

int image_fixture_folder(void)
{
	int fd = open(folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

int image_fixture_file(void)
{
	int fd = open(folder(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

struct image *image_fixture_build(const struct image_entry *entries, size_t n, const struct image_about *a, int *ret_fd)
{
	struct image_builder *b = NULL;
	struct image *i = NULL;
	int temp = image_fixture_folder(), fd = image_fixture_file();
	assert_int_equal(image_builder_new(temp, &b), 0);
	for (size_t k = 0; k < n; k++)
		assert_int_equal(image_builder_add(b, &entries[k]), 0);
	assert_int_equal(image_builder_write(b, fd, a, NULL), 0);
	image_builder_free(b);
	close(temp);
	assert_int_equal(image_open(fd, &i), 0);
	if (ret_fd)
		*ret_fd = fd;
	else
		close(fd);
	return i;
}
