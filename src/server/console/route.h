/* The table of routes. A route is a method, a path, a rule and what to do; the rule is two words: which permission it
 * takes and where in the tree it must be held. Both are needed: ROUTE does not compile without them, and routes_check,
 * which console_start obeys, refuses a table in which one is empty. */
#ifndef ROUTE_H
#define ROUTE_H

#include "authz.h"
#include "db.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct call;

/* Where the permission must be held. Of the last group each names an object of the path; its node decides. */
enum place {
	AT_NOWHERE = 1, /* nothing of the tree is touched: MAY_ANYONE and MAY_SELF only */
	AT_PROVINCE,    /* on the province itself */
	AT_ANYWHERE,    /* on any node; the handler's queries take the scope */
	AT_NODE,        /* path {node} */
	AT_BODY_NODE,   /* body member "node"; without it the province */
	AT_BODY_PARENT, /* body member "parent" */
	AT_QUERY_NODE,  /* query "node"; without it the same as AT_ANYWHERE */
	AT_MACHINE,     /* path {machine}: the node that it hangs on now */
	AT_TASK,        /* path {task}: call.object; its queries take the scope */
	AT_ENROL_TOKEN, /* path {token} */
	AT_ACCOUNT,     /* path {account}: every grant of it must lie in the scope */
	AT_GRANT,       /* path {grant} */
	AT_END
};

enum route_flag {
	ROUTE_WRITES = 1,        /* runs on the store's writer; the choke point begins and ends its ledger commit */
	ROUTE_OWN_COMMIT = 256,  /* the same, but the library behind it makes the ledger commit */
	ROUTE_BULK = 2,          /* takes up to MAX_API_BODY */
	ROUTE_CSV = 4,           /* the body is CSV, not JSON */
	ROUTE_BEFORE_CHANGE = 8, /* works while the password must be changed */
	ROUTE_SESSION_ONLY = 16, /* not with a script's token */
	ROUTE_SECRET =
	    32, /* body or answer hold a secret: no Idempotency-Key, which would have to keep them (or a hash) */
	ROUTE_FIRST_WRITES = 64, /* `first` runs on the writer */
	ROUTE_SIMULATION = 128,  /* only on a store created as a simulation; else 404 */
};

/* A handler returns 0 with its answer set (call.h), or a negative errno, which undoes what it wrote. */
typedef int (*route_run)(struct db *db, struct call *c);

struct route {
	const char *method, *path;
	enum permission need;
	enum place place;
	unsigned flags;
	route_run run; /* in a job of the store. NULL: `work` gives the answer */
	/* Routes with work to do off the store: `first` in a job (NULL: only the rule is applied), then `work` on a
	 * thread of the console's own, then `run` with the rule applied anew. */
	route_run first;
	int (*work)(struct call *c);
};

#define ROUTE_RULE(n)                                                                                                  \
	(n) + 0 * sizeof(struct {                                                                                      \
		_Static_assert((n) > 0, "a route has a rule");                                                         \
		int unused;                                                                                            \
	})
#define ROUTE(m, p, need, place, flags, ...)                                                                           \
	{                                                                                                              \
		m, p, ROUTE_RULE(need), ROUTE_RULE(place), flags, __VA_ARGS__                                          \
	}

struct route_table {
	const struct route *routes;
	size_t n;
};
#define ROUTE_TABLE(a)                                                                                                 \
	{                                                                                                              \
		a, sizeof(a) / sizeof((a)[0])                                                                          \
	}

enum { MAX_PARAMS = 3, MAX_PARAM = 128 };
struct route_params {
	size_t n;
	struct {
		char name[16], value[MAX_PARAM];
	} v[MAX_PARAMS];
};

/* 0; -ENOENT: no such path; -EPERM: the path is there, the method is not. */
int route_find(const struct route_table *const *tables, size_t n_tables, const char *method, const char *path,
    const struct route **ret, struct route_params *ret_params);
/* -EINVAL: a route without a rule, handler or sense; two routes alike. */
int routes_check(const struct route_table *const *tables, size_t n_tables, struct err *e);

/* Every route there is. */
extern const struct route_table *const all_routes[];
extern const size_t all_routes_n;

#endif
