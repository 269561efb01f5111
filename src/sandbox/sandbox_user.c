#include "sandbox_int.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* The plain file first: the name service would bring its modules, and their memory, into a process that lives for
 * months. */
static int find_user(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
	struct passwd *p = NULL;
	FILE *f = fopen("/etc/passwd", "re");
	while (f && (p = fgetpwent(f)) && strcmp(p->pw_name, user) != 0)
		;
	if (f)
		fclose(f);
	if (!p)
		p = getpwnam(user);
	if (!p)
		return -ENOENT;
	*ret_uid = p->pw_uid;
	*ret_gid = p->pw_gid;
	return 0;
}

static bool is_only(uid_t uid, gid_t gid)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;
	if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0)
		return false;
	return r == uid && e == uid && s == uid && rg == gid && eg == gid && sg == gid;
}

int sandbox_become(const char *user)
{
	uid_t uid = 0;
	gid_t gid = 0;
	int r = find_user(user, &uid, &gid);
	if (r)
		return r;
	if (!is_only(uid, gid)) {
		if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
			return -errno;
	}
	if (!is_only(uid, gid) || uid == 0 || setresuid(0, 0, 0) == 0 || setresuid(-1, 0, -1) == 0)
		return -EPERM;
	return 0;
}

void sandbox_no_core(struct sandbox_report *report)
{
	struct rlimit none = {0, 0};
	bool so = setrlimit(RLIMIT_CORE, &none) == 0;
	so = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && so;
	report->outcome[SANDBOX_NO_CORE] = so && prctl(PR_GET_DUMPABLE) == 0 ? SANDBOX_IN_FORCE : SANDBOX_MISSING;
}
