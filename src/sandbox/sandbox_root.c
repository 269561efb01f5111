#include "sandbox_int.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A folder that is on every computer, and that is no longer needed once the namespaces are made. */
#define PLACE "/proc"

enum { FILES = 20000 };

static bool mount_new_root(uint64_t bytes)
{
	char options[96];
	snprintf(options, sizeof options, "mode=0700,size=%" PRIu64 ",nr_inodes=%d", bytes, FILES);
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("khien", PLACE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0;
}

/* The old root ends up above the new one and is let go from there. */
static bool turn_round(void)
{
	return chdir(PLACE) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 &&
	       chdir("/") == 0;
}

static bool is_so(void)
{
	struct statfs s;
	return statfs("/", &s) == 0 && s.f_type == TMPFS_MAGIC && access("/etc", F_OK) < 0 && errno == ENOENT;
}

void sandbox_empty_root(const struct sandbox_plan *plan, struct sandbox_report *report)
{
	report->outcome[SANDBOX_EMPTY_ROOT] = SANDBOX_MISSING;
	/* in the mounts of everybody this would take the computer's own root away */
	if (report->outcome[SANDBOX_MOUNT_NS] != SANDBOX_IN_FORCE)
		return;
	if (mount_new_root(plan->root_bytes) && turn_round() && is_so())
		report->outcome[SANDBOX_EMPTY_ROOT] = SANDBOX_IN_FORCE;
}
