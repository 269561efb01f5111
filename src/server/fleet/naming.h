/* Naming rules: from a machine's name to its unit.
 *
 * A rule is a PCRE2 pattern that must describe the whole name (anchored at both ends: a name that only begins like a
 * code is not that unit's), caseless, tried on the name in NFC and then, if that has other letters than ASCII, on its
 * folded form. Lower priority numbers come first, then lower ids. A group named `unit` in it gives a unit's code
 * (compared folded), and the rule matches only if a unit (not a group) with that code is present; without such a group
 * the rule names a node, which must be present. Every match runs under limits (NAMING_MATCH_LIMIT); a pattern that
 * reaches them does not match, and is refused when it is stated. */
#ifndef NAMING_H
#define NAMING_H

#include "unit.h"

enum { MAX_NAMING_RULES = 256, NAMING_MATCH_LIMIT = 20000, NAMING_HEAP_KIB = 1024 };

struct naming_rule {
	int64_t rule_id;
	int64_t rev;
	int64_t priority;
	const char *pattern;
	int64_t node_id; /* 0: the pattern's group `unit` names the unit */
	const char *note;
};

/* The rules of a moment, compiled. One thread at a time. */
struct naming;
int naming_load(struct db *db, const struct as_of *at, struct naming **ret);
int naming_new(struct naming **ret); /* no rules */
/* In memory alone: puts the rule in place of the one with its id, or takes that away. -EINVAL: naming_check_pattern's.
 */
int naming_put(struct naming *n, const struct naming_rule *rule, bool remove, struct err *e);
void naming_free(struct naming *n);
size_t naming_count(const struct naming *n);
const struct naming_rule *naming_rule_at(const struct naming *n, size_t i); /* in the order of trial */

enum naming_outcome { NAMING_NO_RULE, NAMING_MATCHED, NAMING_LIMIT };
struct naming_match {
	enum naming_outcome outcome; /* NAMING_LIMIT: no rule matched, and one of them reached its limits */
	int64_t node_id;             /* NAMING_MATCHED */
	int64_t rule_id;
	char reason[192]; /* plain words: "rule 3: code SNV" */
};
/* -ENOMEM only; a name that is not UTF-8 matches nothing. */
int naming_match(struct naming *n, const struct tree *t, const char *name, struct naming_match *ret);

/* A pattern alone: compiles, within MAX_PATTERN, and has a group `unit` (*ret_names_unit) or not. -EINVAL with the
 * place. */
int naming_check_pattern(const char *pattern, bool *ret_names_unit, struct err *e);

/* What would happen if the rule were stated (rule_id 0: added; remove: taken away), without writing anything: for each
 * machine whose place would change fn is told; *ret_moved and *ret_tried count. For names of `names` (may be NULL) fn
 * is told as well, with uid "". Machines out of scope are counted in neither. */
struct naming_move {
	const char *uid, *name;
	int64_t from_node, to_node; /* for a tried name: from under the rules in force, to under the new ones */
	const char *reason;         /* why to_node */
};
struct naming_trial {
	const struct naming_rule *rule;
	bool remove;
	size_t n_names;
	const char *const *names;
	int (*fn)(void *arg, const struct naming_move *m); /* may be NULL */
	void *arg;
};
int naming_try(struct db *db, const struct scope *scope, const struct naming_trial *trial, int64_t *ret_tried,
    int64_t *ret_moved, struct err *e);

/* States the rule (rule_id 0: a new one) or takes it away, from recorded_at on, and places every machine anew in the
 * same ledger commit; overruled ones stay. *ret_moved may be NULL. -EINVAL, -ENOENT, -ENOSPC (MAX_NAMING_RULES). */
int naming_state(struct db *db, const struct ledger_entry *l, const struct naming_rule *rule, bool remove,
    int64_t *ret_id, int64_t *ret_moved, struct err *e);

#endif
