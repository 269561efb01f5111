#include "authz.h"

#include "str.h"

#include <errno.h>

#define BIT PERMISSION_BIT

static const char *const permission_names[PERMISSION_END] = {
    [MAY_ANYONE] = "anyone",
    [MAY_SELF] = "self",
    [MAY_READ_UNITS] = "read-units",
    [MAY_READ_MACHINES] = "read-machines",
    [MAY_READ_DETECTIONS] = "read-detections",
    [MAY_READ_REPORTS] = "read-reports",
    [MAY_READ_POLICY] = "read-policy",
    [MAY_READ_TASKS] = "read-tasks",
    [MAY_READ_AUDIT] = "read-audit",
    [MAY_READ_ACCOUNTS] = "read-accounts",
    [MAY_READ_ENROLMENT] = "read-enrolment",
    [MAY_READ_METRICS] = "read-metrics",
    [MAY_READ_TRUST] = "read-trust",
    [MAY_CHANGE_UNITS] = "change-units",
    [MAY_DECLARE] = "declare",
    [MAY_CHANGE_LICENCES] = "change-licences",
    [MAY_CHANGE_NAMING] = "change-naming",
    [MAY_PLACE_MACHINES] = "place-machines",
    [MAY_RETIRE_MACHINES] = "retire-machines",
    [MAY_ENROL] = "enrol",
    [MAY_CHANGE_POLICY] = "change-policy",
    [MAY_TASK] = "task",
    [MAY_CHANGE_ACCOUNTS] = "change-accounts",
    [MAY_EXPORT] = "export",
    [MAY_CHANGE_TRUST] = "change-trust",
    [MAY_MOVE_CLOCK] = "move-clock",
};

#define SEES                                                                                                           \
	(BIT(MAY_SELF) | BIT(MAY_READ_UNITS) | BIT(MAY_READ_MACHINES) | BIT(MAY_READ_DETECTIONS) |                     \
	    BIT(MAY_READ_REPORTS) | BIT(MAY_READ_POLICY) | BIT(MAY_READ_TASKS))

/* An administrator has everything that the others have: whoever may give a role holds all that it holds. */
static const struct {
	const char *name;
	permission_set may;
} roles[ROLE_END] = {
    [ROLE_VIEWER] = {"viewer", SEES},
    [ROLE_UNIT_OPERATOR] = {"unit-operator", SEES | BIT(MAY_READ_ENROLMENT) | BIT(MAY_DECLARE) |
                                                 BIT(MAY_PLACE_MACHINES) | BIT(MAY_RETIRE_MACHINES) | BIT(MAY_ENROL) |
                                                 BIT(MAY_TASK)},
    [ROLE_ANALYST] = {"analyst", SEES | BIT(MAY_TASK) | BIT(MAY_EXPORT) | BIT(MAY_READ_METRICS)},
    [ROLE_ADMINISTRATOR] = {"administrator", (BIT(PERMISSION_END) - 1) & ~BIT(0) & ~BIT(MAY_ANYONE)},
    [ROLE_AUDITOR] = {"auditor", SEES | BIT(MAY_READ_AUDIT) | BIT(MAY_READ_ACCOUNTS) | BIT(MAY_READ_ENROLMENT) |
                                     BIT(MAY_READ_METRICS) | BIT(MAY_READ_TRUST)},
};

const char *role_name(enum role r)
{
	return r > 0 && r < ROLE_END ? roles[r].name : NULL;
}

int role_find(const char *name, enum role *ret)
{
	for (int r = 1; r < ROLE_END; r++)
		if (str_eq(name, roles[r].name)) {
			*ret = (enum role)r;
			return 0;
		}
	return -ENOENT;
}

bool role_has(enum role r, enum permission p)
{
	return r > 0 && r < ROLE_END && p > 0 && p < PERMISSION_END && (roles[r].may & BIT(p));
}

permission_set role_permissions(enum role r)
{
	return r > 0 && r < ROLE_END ? roles[r].may : 0;
}

const char *permission_name(enum permission p)
{
	return p > 0 && p < PERMISSION_END ? permission_names[p] : NULL;
}

int permission_find(const char *name, enum permission *ret)
{
	for (int p = 1; p < PERMISSION_END; p++)
		if (str_eq(name, permission_names[p])) {
			*ret = (enum permission)p;
			return 0;
		}
	return -ENOENT;
}
