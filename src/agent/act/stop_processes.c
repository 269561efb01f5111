#include "stop_processes.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One that the kernel holds (in a call to a dead disk) ends when that lets go of it. */
enum { END_MS = 1000 };

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* ---- ours ---- */

static int open_own_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path);
	if (n <= 0 || n == sizeof path)
		return -1;
	path[n] = 0;
	*strrchr(path, '/') = 0;
	return open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool stands_in(DIR *d, const struct stat *file)
{
	struct dirent *entry;
	struct stat st;
	while ((entry = readdir(d)))
		if (strncmp(entry->d_name, "khien", 5) == 0 &&
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && same_file(&st, file))
			return true;
	return false;
}

bool act_is_own_program(const struct stat *file)
{
	struct stat st;
	if (stat("/proc/self/exe", &st) == 0 && same_file(&st, file))
		return true;
	int fd = open_own_folder();
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool ours = d && stands_in(d, file);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return ours;
}

/* ---- others ---- */

static bool runs_from(int proc, const char *pid, const struct stat *file)
{
	char exe[32];
	struct stat st;
	snprintf(exe, sizeof exe, "%s/exe", pid);
	return fstatat(proc, exe, &st, 0) == 0 && same_file(&st, file);
}

/* The descriptor names one process for ever: if it ended and its number was given to another, which is then looked at,
 * the signal reaches nobody. */
static int stop(int proc, const char *pid, int64_t number, const struct stat *file)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)number, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	int r = 0;
	if (runs_from(proc, pid, file))
		r = syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0 ? 1 : errno == ESRCH ? 0 : -errno;
	struct pollfd ended = {.fd = fd, .events = POLLIN};
	if (r == 1 && poll(&ended, 1, END_MS) == 0)
		r = -ETIMEDOUT;
	close(fd);
	return r;
}

static int look_over(DIR *d, const struct stat *file, bool ours, struct stop_result *ret)
{
	struct dirent *entry;
	int64_t number;
	while ((errno = 0, entry = readdir(d))) {
		const char *pid = entry->d_name;
		if (str_i64(pid, 1, INT32_MAX, &number) || !runs_from(dirfd(d), pid, file))
			continue;
		if (ours || number == 1 || number == getpid()) {
			ret->spared++;
			continue;
		}
		int k = stop(dirfd(d), pid, number, file);
		if (k == -ENOSYS)
			return k;
		ret->stopped += k == 1;
		ret->failed += k < 0;
	}
	return -errno;
}

/* Until a look finds none: a process may have made another in the meantime. */
int stop_processes(const struct stat *file, struct stop_result *ret)
{
	enum { LOOKS = 16 };
	struct stop_result all = {0};
	bool ours = act_is_own_program(file);
	int r = 0;
	for (int i = 0; i < LOOKS; i++) {
		struct stop_result now = {0};
		DIR *d = opendir("/proc");
		if (!d)
			return -errno;
		r = look_over(d, file, ours, &now);
		closedir(d);
		all.stopped += now.stopped;
		all.spared = now.spared;
		all.failed = now.failed;
		if (r || !now.stopped)
			break;
	}
	*ret = all;
	return r;
}
