/* khien-sigs --packages [--user NAME] [--root FOLDER]: writes the image of the packages' files to descriptor 3, which
 * khien-agent has opened. It may read dpkg's folder and nothing else. Ends with 0, or 3 when there is no package system
 * that it can read. */
#include "clock.h"
#include "day.h"
#include "log.h"
#include "packages_image.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STDERR_FD = 2, IMAGE_FD = 3, ENDS_WITHOUT_PACKAGES = 3 };
#define MEMORY (UINT64_C(256) << 20) /* a million files take half of it */

struct flags {
	const char *user, *root;
	bool packages;
};

static bool read_flags(int argc, char **argv, struct flags *f)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--packages") == 0)
			f->packages = true;
		else if (i + 1 < argc && strcmp(argv[i], "--user") == 0)
			f->user = argv[++i];
		else if (i + 1 < argc && strcmp(argv[i], "--root") == 0)
			f->root = argv[++i];
		else
			return false;
	}
	return f->packages;
}

/* Above the descriptors that whoever starts us may have left free: what is kept must rise. */
static int open_folder(int at, const char *path)
{
	int fd = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, IMAGE_FD + 1);
	int r = moved < 0 ? -errno : moved;
	if (fd >= 0)
		close(fd);
	return r;
}

/* The root folder stays open only to be looked below of: landlock lets nothing be read there but dpkg's. */
static int shut(const struct flags *f, int root)
{
	struct sandbox_report report;
	int dpkg = open_folder(root, DPKG_FOLDER);
	const int keep[] = {STDERR_FD, IMAGE_FD, root, dpkg};
	const struct sandbox_path path = {.fd = dpkg, .access = SANDBOX_READ};
	const struct sandbox_plan plan = {
	    .user = f->user,
	    .no_core = true,
	    .max_files = 32,
	    .max_memory = MEMORY,
	    .no_processes = true,
	    .no_capabilities = true,
	    .close_others = true,
	    .keep = keep,
	    .n_keep = 4,
	    .landlock = true,
	    .paths = &path,
	    .n_paths = 1,
	    .seccomp = true,
	    .calls = SANDBOX_CALLS_FILES,
	};
	return dpkg < 0 ? dpkg : sandbox_enter(&plan, &report);
}

static int work(const struct flags *f, struct packages_counts *c)
{
	struct stat status;
	int root = open_folder(AT_FDCWD, f->root);
	if (root < 0)
		return root;
	if (fstatat(root, DPKG_STATUS, &status, 0) < 0)
		return -errno;
	int r = shut(f, root);
	if (r < 0)
		return r;
	return packages_image_write(
	    root, IMAGE_FD, (int64_t)status.st_mtim.tv_sec, day_of(status.st_mtim.tv_sec * US_PER_S), c);
}

int main(int argc, char **argv)
{
	struct flags f = {.root = "/"};
	struct packages_counts c;
	if (!read_flags(argc, argv, &f)) {
		fputs(
		    "usage: khien-sigs --packages [--user NAME] [--root FOLDER]   (started by khien-agent)\n", stderr);
		return 2;
	}
	log_open("khien-sigs", LOG_LEVEL_INFO);
	int r = work(&f, &c);
	if (r == -ENOENT)
		return ENDS_WITHOUT_PACKAGES;
	if (r < 0) {
		log_error("the packages' files cannot be listed", "error", strerror(-r), NULL);
		return 1;
	}
	log_info("packages' files are listed", "packages", log_num((long long)c.dpkg.packages), "files",
	    log_num((long long)c.entries), "absent", log_num((long long)c.absent), "without digests",
	    log_num((long long)c.dpkg.without_digests), "malformed lines", log_num((long long)c.dpkg.malformed_lines),
	    NULL);
	return 0;
}
