/* The choke point: who calls, what they may, where. Run inside the transaction that does the call's work. */
#ifndef ACCESS_H
#define ACCESS_H

#include "account.h"
#include "authz.h"
#include "bearer.h"
#include "db.h"

struct call;
struct scope;

struct subject {
	int64_t account_id, bearer_id;
	enum bearer_kind kind;
	char name[MAX_ACCOUNT_NAME + 1];
	bool must_change;
	permission_set may; /* what the bearer is limited to */
	int64_t limit_node;
	int64_t expires_real;
	size_t n_grants;
	struct {
		int64_t id, node_id;
		enum role role;
	} grants[MAX_GRANTS];
};

/* -EACCES: no such bearer, ended, expired, its account disabled. */
int access_subject(struct db *db, const char *bearer, struct subject *ret);
/* The subtrees on which the subject has p, for scope_free. -EPERM: none. */
int access_scope(struct db *db, const struct subject *s, enum permission p, struct scope **ret);
/* The subtrees in which the subject sees anything at all. -EPERM: none. */
int access_view(struct db *db, const struct subject *s, struct scope **ret);

/* Whether the node, as of now, lies in the scope; *ret_r: what went wrong. */
bool access_covers(struct db *db, const struct scope *scope, int64_t node_id, int *ret_r);

/* For a second node that a call touches (a unit's new parent): it must lie in the scope of the route's permission; else
 * refuses with 403 for what the subject may see otherwise, 404 for the rest. */
int access_require(struct db *db, struct call *c, int64_t node_id);

/* Applies the route's rule: fills the call's subject, scope, node, object and who, or refuses with the problem set. */
int access_admit(struct db *db, struct call *c);

#endif
