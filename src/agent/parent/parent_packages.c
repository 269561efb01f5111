#include "parent_packages.h"
#include "clock.h"
#include "log.h"
#include "parent_scan_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_US          (60 * US_PER_S)
#define AFTER_FAILURE_US (3600 * US_PER_S)
#define WITHIN_US        (600 * US_PER_S) /* four seconds are usual; it runs with the lowest priority */

enum { HELPER_FILE = 3, ENDS_WITHOUT_PACKAGES = 3, NICE = 19 };
static const char status_name[] = "var/lib/dpkg/status", image_name[] = "packages.image", new_name[] = "packages.new";

/* The child: between fork and exec only what is safe there. */
static _Noreturn void become_sigs(const struct parent *p, int fd)
{
	const struct options *o = &p->options;
	const char *argv[] = {
	    "khien-sigs", "--packages", "--root", o->root, *o->scan_user ? "--user" : NULL, o->scan_user, NULL};
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (setpriority(PRIO_PROCESS, 0, NICE) < 0)
		_exit(125);
	if (fd == HELPER_FILE ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, HELPER_FILE) < 0)
		_exit(125);
	execv(o->sigs, (char *const *)argv);
	_exit(126);
}

static int start(struct parent *p, const struct timespec *from)
{
	struct packages *k = &p->packages;
	int fd = openat(p->state_folder, new_name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		become_sigs(p, fd);
	if (pid < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	k->pid = pid;
	k->file = fd;
	k->from = *from;
	k->started_us = clock_mono_us();
	return 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Nobody reads dpkg's folder here: whether it changed is all that the parent asks. */
static void look(struct parent *p, int64_t now_us)
{
	struct stat status, image;
	p->packages.look_at_us = now_us + LOOK_US;
	if (fstatat(p->root_folder, status_name, &status, 0) < 0)
		return;
	if (fstatat(p->state_folder, image_name, &image, AT_SYMLINK_NOFOLLOW) == 0 &&
	    same_time(&image.st_mtim, &status.st_mtim))
		return;
	int r = start(p, &status.st_mtim);
	if (r) {
		log_warn("khien-sigs cannot be started", "error", strerror(-r), NULL);
		p->packages.look_at_us = now_us + AFTER_FAILURE_US;
	}
}

void parent_packages_tick(struct parent *p, int64_t now_us)
{
	struct packages *k = &p->packages;
	if (!*p->options.sigs)
		return;
	if (k->pid && now_us >= k->started_us + WITHIN_US)
		kill(k->pid, SIGKILL);
	else if (!k->pid && now_us >= k->look_at_us)
		look(p, now_us);
}

int64_t parent_packages_next_us(const struct parent *p)
{
	const struct packages *k = &p->packages;
	return !*p->options.sigs ? INT64_MAX : k->pid ? k->started_us + WITHIN_US : k->look_at_us;
}

void parent_packages_tell(struct parent *p, struct scan_process *s)
{
	int fd = openat(p->state_folder, image_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	ipc_begin(&p->out, SCAN_PACKAGES);
	parent_scan_tell(p, s, &fd, 1);
}

/* The helper has synced the bytes; the name follows them. */
static int take_over(struct parent *p)
{
	struct packages *k = &p->packages;
	const struct timespec times[2] = {k->from, k->from};
	if (futimens(k->file, times) < 0 || fsync(k->file) < 0 ||
	    renameat(p->state_folder, new_name, p->state_folder, image_name) < 0)
		return -errno;
	if (p->scan.now.phase == SCAN_PHASE_UP)
		parent_packages_tell(p, &p->scan.now);
	if (p->scan.next.phase == SCAN_PHASE_UP)
		parent_packages_tell(p, &p->scan.next);
	return 0;
}

bool parent_packages_gone(struct parent *p, pid_t pid, int status)
{
	struct packages *k = &p->packages;
	if (!k->pid || pid != k->pid)
		return false;
	int r = status ? -ECHILD : take_over(p);
	if (r) {
		bool none = WIFEXITED(status) && WEXITSTATUS(status) == ENDS_WITHOUT_PACKAGES;
		if (!none)
			log_warn("the packages' files are not known anew", "status", log_num(status), "error",
			    strerror(-r), NULL);
		unlinkat(p->state_folder, new_name, 0);
		k->look_at_us = clock_mono_us() + AFTER_FAILURE_US;
	}
	close(k->file);
	k->file = -1;
	k->pid = 0;
	return true;
}

void parent_packages_close(struct parent *p)
{
	struct packages *k = &p->packages;
	if (!k->pid)
		return;
	kill(k->pid, SIGKILL);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(k->file);
	unlinkat(p->state_folder, new_name, 0);
	k->pid = 0;
}
