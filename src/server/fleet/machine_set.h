/* The machines of a moment, read at once into memory: what lists, figures, placing and trials stand on. The machinery
 * behind scopes: it sees everything; what a caller is shown is filtered by scope_covers. */
#ifndef MACHINE_SET_H
#define MACHINE_SET_H

#include "machine.h"
#include "policy_store.h"

enum { SIGNATURE_DAYS = 15 };

struct protection {
	bool seen, engine_ready, on_access, other_on;
	int32_t signature_day, other_signature_day; /* 0: unknown */
};

struct machine_facts {
	int64_t machine_id;
	char uid[MACHINE_UID_TEXT];
	bool installed;
	int64_t since; /* of the presence statement in force */
	char *presence_reason;
	char *name, *name_fold; /* "" where nothing is said */
	int64_t node_id;        /* as stated; the province where nothing is said */
	enum place_basis basis;
	int64_t rule_id;
	char *reason;     /* of the place */
	int32_t last_day; /* heard on, up to the moment; -1: never */
	struct protection protection;
	bool active, protected_now; /* machine_set_judge */
};

struct machine_set {
	size_t n;
	struct machine_facts *m; /* by machine_id */
};

enum {
	SET_TEXTS = 1,        /* names and reasons; without it they are NULL */
	SET_OBSERVATIONS = 2, /* last_day, protection */
};

/* Machines with first <= machine_id <= last, those that are not installed as well. */
int machine_set_load(
    struct db *db, const struct as_of *at, int64_t first, int64_t last, unsigned what, struct machine_set **ret);
void machine_set_free(struct machine_set *s);

/* active: heard on one of the last N days, the moment's own included; N by the policy of the node where it hangs.
 * protected: active, with engine ready, on-access on (no setting waives it yet) and signatures at most SIGNATURE_DAYS
 * old, or with another product on and as current. A day of signatures later than tomorrow says nothing. */
void machine_set_judge(struct machine_set *s, const struct policy_table *p, const struct as_of *at);

#endif
