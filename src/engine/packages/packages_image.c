#include "packages_image.h"

#include "image_build.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct collecting {
	int root;
	struct image_builder *builder;
	uint64_t absent;
};

/* The package's own list has no sizes. The file's size is the package's as long as it is unaltered; of an altered one
 * the entry fits nothing. */
static int add_file(void *arg, const struct package_file *f)
{
	struct collecting *c = arg;
	struct stat st;
	if (fstatat(c->root, f->path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
	    st.st_size > IMAGE_MAX_SIZE) {
		c->absent++;
		return 0;
	}
	const struct image_entry e = {IMAGE_ALLOW, IMAGE_MD5, f->md5, st.st_size, f->package};
	return image_builder_add(c->builder, &e);
}

int packages_image_write(int root, int fd, int64_t generation, int32_t day, struct packages_counts *ret)
{
	const struct image_about about = {generation, day, IMAGE_PACKAGES};
	struct collecting c = {.root = root};
	struct packages_counts counts = {0};
	int r = image_builder_new(IMAGE_IN_MEMORY, &c.builder);
	if (r < 0)
		return r;
	r = dpkg_digests_read(root, add_file, &c, &counts.dpkg);
	if (r == 0)
		r = image_builder_write(c.builder, fd, &about, &counts.entries);
	image_builder_free(c.builder);
	counts.absent = c.absent;
	if (r == 0)
		*ret = counts;
	return r;
}
