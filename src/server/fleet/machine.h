/* Machines as facts: that it is installed, how it is called, where it hangs. Who it is (keys, certificates, hardware)
 * is the identity's affair, which calls these inside its own ledger commits.
 *
 * A machine always hangs on a node: overruled by a person, else by a naming rule, else on its token's node, else on the
 * province. */
#ifndef MACHINE_H
#define MACHINE_H

#include "naming.h"
#include "policy.h"

struct desk; /* desk.h */

enum place_basis { PLACE_RULE = 1, PLACE_OVERRULED = 2, PLACE_TOKEN = 3, PLACE_PROVINCE = 4 };
enum { MACHINE_UID_TEXT = ID_TEXT, MAX_REASON = MAX_TEXT };

/* Installed, named and placed from `since` on: recorded_at, or, for a machine that is found out only now to be one of
 * its own, the earlier moment of its enrolment. uid: 32 hex digits. token_node 0: none. `name` is stored in NFC; bytes
 * that are no UTF-8, control characters and what is longer than MAX_HOST_NAME are replaced or cut, never refused: a
 * computer must not stay unprotected because of its name. desk: of whoever keeps one, here and below; NULL: rules and
 * tree are loaded for this one. */
int machine_create(struct db *db, const struct ledger_entry *l, struct desk *desk, const char *uid, int64_t since,
    const char *name, int64_t token_node, int64_t *ret_id);

/* Nothing is written when the name is the same. *ret_changed may be NULL. Places the machine again. */
int machine_rename(struct db *db, const struct ledger_entry *l, struct desk *desk, int64_t machine_id, const char *name,
    bool *ret_changed);

/* From recorded_at on. Nothing is written when it is so already (*ret_changed, may be NULL). reason: "retired",
 * "removed", "reinstalled", …. */
int machine_set_installed(struct db *db, const struct ledger_entry *l, int64_t machine_id, bool installed,
    const char *reason, bool *ret_changed);
/* A correction: it was (not) installed from … until before …. */
int machine_state_presence(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t from, int64_t to,
    bool installed, const char *reason);

/* What an enrolment's token gives it to hang on from now on (0: none); places it again. */
int machine_set_token_node(
    struct db *db, const struct ledger_entry *l, struct desk *desk, int64_t machine_id, int64_t node_id);

/* A person's word about the place, from recorded_at on, until lifted. -ENOENT: no such machine or present node. */
int machine_overrule(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t node_id,
    const char *reason, struct err *e);
int machine_lift(struct db *db, const struct ledger_entry *l, int64_t machine_id, struct err *e);
/* A correction of the past by a person: it hung there from … until before …; to is at most recorded_at. */
int machine_correct_place(struct db *db, const struct ledger_entry *l, int64_t machine_id, int64_t from, int64_t to,
    int64_t node_id, const char *reason, struct err *e);

/* Works the place out anew by the rules, the tree and the overruling of recorded_at; writes only a change. At most one
 * of the functions that place a machine in one ledger commit and machine: machine_place_all goes last. */
int machine_place_again(struct db *db, const struct ledger_entry *l, struct desk *desk, int64_t machine_id);
int machine_place_all(struct db *db, const struct ledger_entry *l, int64_t *ret_moved);

/* The machine of a uid, whatever the caller may see: for the agents' side. -ENOENT. */
int machine_find(struct db *db, const char *uid, int64_t *ret_id);

/* The machine as it is now. Texts are owned by the row. */
struct machine_row {
	int64_t machine_id;
	char uid[MACHINE_UID_TEXT];
	char *name;
	bool installed;
	char *presence_reason;
	int64_t presence_since;
	int64_t node_id; /* where it hangs: the fact, also where that node is no longer present */
	enum place_basis basis;
	int64_t rule_id;
	char *place_reason;
	int64_t last_seen;  /* 0: never */
	int32_t last_day;   /* the last day that it was heard on; -1: never */
	bool active;        /* reporting.md, as of now */
	bool protected_now; /* the same */
	char *agent_version, *address;
	int64_t policy_version; /* that the machine reports */
};
void machine_row_release(struct machine_row *m);

/* -ENOENT: unknown, or out of scope. */
int machine_get(struct db *db, const struct scope *scope, const char *uid, struct machine_row *ret);

enum machine_filter_state {
	MACHINES_INSTALLED,
	MACHINES_ACTIVE,
	MACHINES_SILENT,
	MACHINES_PROTECTED,
	MACHINES_GONE,
	MACHINES_ANY
};
struct machine_query {
	int64_t node_id;    /* 0: everything in scope; else this node and what hangs below it */
	bool node_only;     /* only what hangs on the node itself: a group's misnamed machines */
	const char *search; /* in name, folded; or the beginning of a uid; NULL or "": all */
	enum machine_filter_state state;
	const char *after_name_fold; /* page: what comes behind (name_fold, uid); NULL: from the first */
	const char *after_uid;
	size_t limit; /* 1 … 1000 */
};
/* Sorted by (name_fold, uid). *ret_total: how many there are in all, whatever the page. */
struct machine_page {
	size_t n;
	struct machine_row *rows;
	int64_t total;
	char next_name_fold[MAX_HOST_NAME * 4]; /* "" when this is the last page */
	char next_uid[MACHINE_UID_TEXT];
};
int machine_list(struct db *db, const struct scope *scope, const struct machine_query *q, struct machine_page *ret);
void machine_page_release(struct machine_page *p);

/* All that was ever stated about one machine, oldest revision first: kind "presence", "name", "place". */
struct machine_history {
	const char *kind;
	int64_t rev, recorded_at, valid_from, valid_to;
	int64_t node_id;  /* place */
	bool installed;   /* presence */
	const char *text; /* name, or the reason */
};
int machine_history(struct db *db, const struct scope *scope, const char *uid,
    int (*fn)(void *arg, const struct machine_history *h), void *arg);

#endif
