#include "sandbox_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The header of the distribution is older than many a kernel: what it lacks is written here, as the kernel has it. */
struct ruleset {
	uint64_t fs;
	uint64_t net;    /* from ABI 4 on */
	uint64_t scoped; /* from ABI 6 on */
};

#define FS_REFER        (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE     (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV    (1ULL << 15) /* ABI 5 */
#define NET_BIND_TCP    (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ALL       (1ULL << 0 | 1ULL << 1) /* abstract unix sockets, signals */

static const uint64_t fs_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t fs_write = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                 LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_REG | FS_TRUNCATE;
static const uint64_t fs_of_a_file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;

/* Connecting by TCP stays free but in a jail: the centre's address may change while we run. Serving does not. */
static struct ruleset handled(int abi, bool jail)
{
	struct ruleset a = {.fs = (1ULL << 13) - 1};
	if (abi >= 2)
		a.fs |= FS_REFER;
	if (abi >= 3)
		a.fs |= FS_TRUNCATE;
	if (abi >= 4)
		a.net = NET_BIND_TCP | (jail ? NET_CONNECT_TCP : 0);
	if (abi >= 5)
		a.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		a.scoped = SCOPE_ALL;
	return a;
}

static size_t known_size(int abi)
{
	return abi >= 6 ? sizeof(struct ruleset) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static int add_rule(int ruleset, const struct sandbox_path *p, uint64_t known)
{
	struct stat st;
	int fd = p->fd >= 0 ? p->fd : open(p->path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	struct landlock_path_beneath_attr rule = {.parent_fd = fd};
	rule.allowed_access = (p->access & SANDBOX_WRITE ? fs_write : fs_read) & known;
	int r = fstat(fd, &st) < 0 ? -errno : 0;
	if (!r && !S_ISDIR(st.st_mode))
		rule.allowed_access &= fs_of_a_file;
	if (!r && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		r = -errno;
	if (fd != p->fd)
		close(fd);
	return r;
}

static int wanted_abi(const struct sandbox_plan *plan)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (plan->max_landlock_abi && abi > plan->max_landlock_abi)
		abi = plan->max_landlock_abi;
	return (int)abi;
}

static bool has_empty_root(const struct sandbox_report *report)
{
	return report->outcome[SANDBOX_EMPTY_ROOT] == SANDBOX_IN_FORCE;
}

/* A folder that could not be added stays shut: the safe side. */
static void add_rules(const struct sandbox_plan *plan, const struct sandbox_report *report, int fd, uint64_t known)
{
	struct sandbox_path own = {.path = plan->without_root, .fd = -1, .access = SANDBOX_WRITE};
	if (has_empty_root(report))
		own.path = "/";
	if (own.path)
		add_rule(fd, &own, known);
	for (size_t i = 0; i < plan->n_paths; i++)
		add_rule(fd, &plan->paths[i], known);
}

void sandbox_landlock_prepare(const struct sandbox_plan *plan, struct sandbox_report *report, int *ret_fd)
{
	report->outcome[SANDBOX_LANDLOCK] = SANDBOX_MISSING;
	int abi = wanted_abi(plan);
	if (abi < 1)
		return;
	struct ruleset attr = handled(abi, plan->calls == SANDBOX_CALLS_JAIL);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, known_size(abi), 0);
	if (fd < 0)
		return;
	report->landlock_abi = abi;
	add_rules(plan, report, fd, attr.fs);
	*ret_fd = fd;
}

static bool root_is_open(const struct sandbox_plan *plan)
{
	for (size_t i = 0; i < plan->n_paths; i++)
		if (plan->paths[i].path && strcmp(plan->paths[i].path, "/") == 0)
			return true;
	return false;
}

/* What was open before and is on nobody's list: the root folder, or, where that is ours, a kind of file that no rule
 * lets be made. */
static bool is_refused(const struct sandbox_plan *plan, const struct sandbox_report *report)
{
	if (has_empty_root(report)) {
		if (symlink("nowhere", "/tried") < 0)
			return errno == EACCES;
		unlink("/tried");
		return false;
	}
	int tried = root_is_open(plan) ? -1 : open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tried >= 0)
		close(tried);
	return tried < 0;
}

void sandbox_landlock_enforce(const struct sandbox_plan *plan, struct sandbox_report *report, int fd)
{
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0 || !is_refused(plan, report))
		return;
	report->outcome[SANDBOX_LANDLOCK] = report->landlock_abi >= 6 ? SANDBOX_IN_FORCE : SANDBOX_IN_PART;
}
