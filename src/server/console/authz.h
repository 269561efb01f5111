/* Who may do what: roles hold permissions, a grant gives a role on a node of the tree and all below it. Pure tables;
 * the choke point that applies them to a call is access.h, and no route goes round it (route.h).
 *
 * A person may hold several grants. What they may see under one permission is the union of the subtrees of those grants
 * whose role has it. What lies outside every subtree of theirs answers 404, as if it were not there; what they may see
 * but not touch answers 403. */
#ifndef AUTHZ_H
#define AUTHZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role { ROLE_VIEWER = 1, ROLE_UNIT_OPERATOR, ROLE_ANALYST, ROLE_ADMINISTRATOR, ROLE_AUDITOR, ROLE_END };

/* 0 is no permission, so that a rule that was forgotten is no rule. */
enum permission {
	MAY_ANYONE = 1, /* no account needed: signing in */
	MAY_SELF,       /* any account, about itself */
	MAY_READ_UNITS, /* tree, declarations, pools, allocations, naming rules */
	MAY_READ_MACHINES,
	MAY_READ_DETECTIONS,
	MAY_READ_REPORTS,
	MAY_READ_POLICY,
	MAY_READ_TASKS,
	MAY_READ_AUDIT,
	MAY_READ_ACCOUNTS,
	MAY_READ_ENROLMENT,
	MAY_READ_METRICS,
	MAY_READ_TRUST,
	MAY_CHANGE_UNITS,
	MAY_DECLARE,
	MAY_CHANGE_LICENCES,
	MAY_CHANGE_NAMING,
	MAY_PLACE_MACHINES,  /* overrule a machine's place */
	MAY_RETIRE_MACHINES, /* retire, revoke a certificate */
	MAY_ENROL,           /* make and revoke enrolment tokens */
	MAY_CHANGE_POLICY,
	MAY_TASK,
	MAY_CHANGE_ACCOUNTS,
	MAY_EXPORT, /* receivers' cursors */
	MAY_CHANGE_TRUST,
	MAY_MOVE_CLOCK,
	PERMISSION_END
};

/* Sets of permissions: what a role holds, what a script's token is limited to. */
typedef uint64_t permission_set;
#define PERMISSION_BIT(p) (UINT64_C(1) << (p))
_Static_assert(PERMISSION_END <= 64, "a set is 64 bits");

const char *role_name(enum role r);              /* "unit-operator"; NULL for none */
int role_find(const char *name, enum role *ret); /* -ENOENT */
bool role_has(enum role r, enum permission p);
permission_set role_permissions(enum role r);

const char *permission_name(enum permission p);              /* "read-units"; NULL for none */
int permission_find(const char *name, enum permission *ret); /* -ENOENT */

#endif
